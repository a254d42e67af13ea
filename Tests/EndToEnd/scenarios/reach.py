"""Our server, our client: what a visitor gets from behind it."""
import asyncio
import base64
import hashlib
import os
import uuid

import peer
from processes import expect, free_ports, until
from visitor import Visitor, get
from .catalogue import EVERYWHERE, scenario

BULK = 10 << 20


async def client(bench, node, kind, target, tunnel=None, connections=1):
    """Our tunnel client in front of a local port; returns once its address is announced."""
    tunnel = tunnel or uuid.uuid4()
    url = f"tunnel+{kind}://127.0.0.1:{node.port(kind)}?tunnel.id={tunnel}&connections={connections}"
    program = await bench.program("culvert", "-L", f"rtcp://:0/127.0.0.1:{target}", "-F", url)
    await program.line(peer.endpoint(tunnel), 10)
    return program, f"{peer.endpoint(tunnel)}.{node.domain}"


#: Connections that may come to a local service at once: what does not fit waits seconds for the kernel's next try.
BACKLOG = 4_096


async def origin(bench, answer, path=None, host="127.0.0.1"):
    """A local service: `answer(reader, writer)` for each connection; returns its port, or listens at a path."""
    async def serve(reader, writer):
        try:
            await answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
    if path:
        bench.peers.append(Origin(await asyncio.start_unix_server(serve, path, limit=1 << 22, backlog=BACKLOG)))
        return None
    port, = free_ports(1)
    server = await asyncio.start_server(serve, host, port, limit=1 << 22, backlog=BACKLOG)
    bench.peers.append(Origin(server))
    return port


class Origin:
    """A server of asyncio, closed as peers are."""

    def __init__(self, server):
        self.server = server

    async def close(self):
        self.server.close()


@scenario(EVERYWHERE)
async def files_by_host_name(bench):
    """`-L file://` and `-L rtcp://` in one client: a visitor fetches files by host name, ranges and lists too, and gets
    nothing from outside the directory."""
    node = await bench.node()
    bench.file("site/hello.txt", "from behind the tunnel\n")
    bench.file("site/below/deep.bin", bytes(range(256)) * 4_096)
    bench.file("outside.txt", "not to be seen")
    os.symlink(os.path.join(bench.directory, "outside.txt"), os.path.join(bench.directory, "site/link"))
    files, = free_ports(1)
    for kind in ("ws", "tcp"):
        tunnel = uuid.uuid4()
        program = await bench.program(
            "culvert", "-L", f"file://127.0.0.1:{files}?dir={bench.directory}/site",
            "-L", f"rtcp://:0/127.0.0.1:{files}",
            "-F", f"tunnel+{kind}://127.0.0.1:{node.port(kind)}?tunnel.id={tunnel}")
        announced = await program.line(r"(http://\S+)", 10)
        host = f"{peer.endpoint(tunnel)}.{node.domain}"
        expect(announced[1].rstrip("/") == f"http://{host}:{node.entry}", f"announced {announced[1]} for {host}")
        answer = await get(node.entry, host, "/hello.txt")
        expect((answer.status, answer.text) == (200, "from behind the tunnel\n"), f"{answer.status} {answer.text!r}")
        answer = await get(node.entry, host, "/below/deep.bin")
        expect(answer.body == bytes(range(256)) * 4_096, f"{answer.status}, {len(answer.body)} bytes")
        answer = await get(node.entry, host, "/")
        expect(answer.status == 200 and "hello.txt" in answer.text, f"{answer.status} {answer.text[:300]!r}")
        for path in ("/../outside.txt", "/%2e%2e/outside.txt", "/below/..%2f..%2foutside.txt", "/link", "/no"):
            answer = await get(node.entry, host, path)
            expect(answer.status in (400, 403, 404), f"{path} answers {answer.status}")
            expect(b"not to be seen" not in answer.body, f"{path} leads outside")
        async with Visitor(node.entry) as visitor:
            visitor.send(host, "/below/deep.bin", fields="Range: bytes=10-19\r\n")
            answer = await visitor.receive()
            expect((answer.status, answer.body) == (206, bytes(range(10, 20))), f"{answer.status} {answer.body[:30]}")
            visitor.send(host, "/hello.txt", "HEAD")
            answer = await visitor.receive("HEAD")
            expect(answer.status == 200 and answer.fields["content-length"] == "23", f"{answer.status} {answer.fields}")
        await program.stop()


@scenario(EVERYWHERE)
async def bulk_both_ways(bench):
    """10 MB up and 10 MB down through our client, over both carriers, with digests; and small requests meanwhile."""
    async def answer(reader, writer):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0] or 0)
            body = await reader.readexactly(length) if length else b""
            digest = hashlib.sha256(body).hexdigest().encode()
            writer.write(b"HTTP/1.1 200 OK\r\nX-Digest: " + digest + b"\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()
    node = await bench.node()
    target = await origin(bench, answer)
    body = os.urandom(1 << 16) * (BULK >> 16)
    digest = hashlib.sha256(body).hexdigest()
    for kind in ("ws", "tcp"):
        program, host = await client(bench, node, kind, target)

        async def transfer():
            async with Visitor(node.entry) as visitor:
                visitor.send(host, "/bulk", "POST", body)
                answer = await visitor.receive()
                expect(answer.status == 200, f"{answer.status} {answer.text[:200]}")
                expect(answer.fields["x-digest"] == digest, "the origin saw other bytes")
                expect(hashlib.sha256(answer.body).hexdigest() == digest, "other bytes came back")

        bulk = [asyncio.ensure_future(transfer()) for _ in range(2)]
        async with Visitor(node.entry) as visitor:
            while not all(task.done() for task in bulk):
                answer = await visitor.get(host, "/small", seconds=5)
                expect(answer.status == 200, f"beside bulk: {answer.status}")
        await asyncio.gather(*bulk)
        await program.stop()


@scenario(EVERYWHERE)
async def upgrade_stays_open(bench):
    """A WebSocket through the tunnel: 101, then bytes both ways in both directions' own time, then the end."""
    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        key = head.partition(b"Sec-WebSocket-Key: ")[2].split(b"\r")[0]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    node = await bench.node()
    target = await origin(bench, answer)
    for kind in ("ws", "tcp"):
        program, host = await client(bench, node, kind, target)
        visitor = await Visitor(node.entry).open()
        visitor.send(host, "/chat", fields=(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"))
        answered = await asyncio.wait_for(visitor.receive(), 5)
        expect(answered.status == 101, f"{answered.status} {answered.text[:200]}")
        expect(answered.fields["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", f"{answered.fields}")
        for size in (1, 125, 126, 65_536, 1 << 20):
            data = os.urandom(size)
            visitor.writer.write(data)
            back = await asyncio.wait_for(visitor.reader.readexactly(size), 10)
            expect(back == data, f"{size} bytes came back as others")
        visitor.close()
        await until(lambda: streams_are(node, 0), 5, "the stream's end")
        await program.stop()


async def streams_are(node, count):
    return await node.total("culvert_streams") == count


@scenario(EVERYWHERE, alone=True)
async def slow_target_delays_nobody(bench):
    """1,000 streams at once to a client whose target never answers some: the others are answered."""
    async def answer(reader, writer):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET /never"):
                await asyncio.sleep(60)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    node = await bench.node()
    program, host = await client(bench, node, "ws", await origin(bench, answer))
    stuck = await Visitor(node.entry).open()
    stuck.send(host, "/never")
    visitors = [await Visitor(node.entry).open() for _ in range(999)]
    for visitor in visitors:
        visitor.send(host, "/at-once")
    answers = await asyncio.wait_for(asyncio.gather(*(visitor.receive() for visitor in visitors)), 20)
    wrong = [answer.status for answer in answers if answer.text != "ok"]
    expect(not wrong, f"{len(wrong)} wrong answers: {wrong[:10]}")
    for visitor in [stuck, *visitors]:
        visitor.close()
    await program.stop()
