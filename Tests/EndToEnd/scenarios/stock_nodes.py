"""A stock GOST node in the same cluster, played here: it stands on an address of its own, registers as gost-plugins does,
forwards its visitors as tunnel-server §9 says, and serves those that are forwarded to it as §8 does."""
import asyncio
import contextlib
import hashlib
import json
import os
import re
import ssl
import struct
import time
import uuid

from peer import address, endpoint, feature
from processes import expect, free_ports, until
from visitor import Visitor, get
from .catalogue import BOTH_SHELLS, scenario
from .clusters import DOMAIN, bound, cluster, served
from .front import secure_origin
from .reach import client
from .relays import reached, status_of
from .requests import check


class StockNode:
    """What others see of one."""

    HOST = "127.0.0.9"

    def __init__(self, redis):
        self.redis, self.id = redis, str(uuid.uuid4())
        self.port, = free_ports(1)

    async def register(self, tunnel):
        """A connector of a tunnel, by the commands of gost-plugins (ingress-sd-plugins §5)."""
        value = json.dumps(
            {"Node": self.id, "Network": "tcp", "Address": f"{self.HOST}:{self.port}", "Renew": int(time.time())},
            separators=(",", ":"))
        await self.redis.cli("-n", "1", "SET", endpoint(tunnel), str(tunnel), "EX", "3600", "NX")
        await self.redis.cli("-n", "2", "HSET", str(tunnel), str(uuid.uuid4()), value)
        await self.redis.cli("-n", "2", "EXPIRE", str(tunnel), "60")

    async def candidates(self, tunnel):
        """The addresses that it would forward to: those of others whose entries are young."""
        words = (await self.redis.cli("-n", "2", "HGETALL", str(tunnel))).split("\n")
        entries = [json.loads(word) for word in words[1::2]]
        return [entry["Address"] for entry in entries
                if entry["Node"] not in ("", self.id) and entry["Address"] and time.time() - entry["Renew"] <= 60]

    async def dial(self, target, **keys):
        host, _, port = target.rpartition(":")
        return await asyncio.wait_for(
            asyncio.open_connection(host, int(port), local_addr=(self.HOST, 0), **keys), 10)

    async def request(self, target, host, path):
        """A visitor's HTTP request."""
        visitor = Visitor(0)
        visitor.reader, visitor.writer = await self.dial(target)
        with contextlib.closing(visitor):
            visitor.send(host, path, fields=(
                f"Gost-Forwarded-Node: {self.id}\r\nGost-Sid: dc1clllqmd2r0so9es30\r\nConnection: close\r\n"))
            return await asyncio.wait_for(visitor.receive(), 10)

    async def hello(self, target, host, path, context):
        """A visitor's TLS; what the service answers, or None when the handshake is refused."""
        try:
            reader, writer = await self.dial(target, ssl=context, server_hostname=host)
        except (ssl.SSLError, ConnectionError):
            return None
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head)[1]))
        writer.close()
        return body

    async def visit(self, target, tunnel, host, path):
        """A relay visitor: the status, and what the service answers."""
        reader, writer = await self.dial(target)
        features = feature(2, address("192.0.2.7", 4_711)) + feature(2, address(host, 0))
        features += feature(3, tunnel.bytes + bytes(4))
        writer.write(struct.pack(">BBH", 1, 1, len(features)) + features)
        answer = await asyncio.wait_for(reader.readexactly(4), 10)
        text = ""
        if answer == b"\1\0\0\0":
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            text = (await reader.readexactly(length)).decode()
        writer.close()
        return answer, text


class StockEntrypoint(StockNode):
    """One that has connectors: everything that comes is answered under its name, TLS by a service. With `onward` it has
    lost them and does not know: everything is handed on, from its own address or from another."""

    def __init__(self, redis, name, secure_port=None, onward=None, seen_from=StockNode.HOST):
        super().__init__(redis)
        self.name, self.secure_port, self.onward, self.seen_from = name, secure_port, onward, seen_from
        self.heads, self.kinds = [], []

    async def serve(self):
        self.server = await asyncio.start_server(self.accept, self.HOST, self.port, limit=1 << 23)
        return self

    async def close(self):
        self.server.close()

    async def accept(self, reader, writer):
        try:
            first = await reader.readexactly(1)
            self.kinds.append(first[0])
            if first == b"\x16":
                await self.pass_on(reader, writer, first, self.onward or ("127.0.0.1", self.secure_port))
            elif first == b"\1":
                _, length = struct.unpack(">BH", await reader.readexactly(3))
                await reader.readexactly(length)
                writer.write(b"\1\0\0\0")
                await self.answer(reader, writer, b"")
            else:
                await self.answer(reader, writer, first)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def answer(self, reader, writer, first):
        """Requests of one connection: name, path and the digest of the body. A stock entrypoint never ends it first."""
        while head := first + await reader.readuntil(b"\r\n\r\n"):
            first = b""
            self.heads.append(head.decode())
            if self.onward:
                head = re.sub(rb"(\r\nGost-Forwarded-Node: )[^\r]*", rb"\g<1>" + self.id.encode(), head)
                return await self.pass_on(reader, writer, head, self.onward)
            length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
            body = await reader.readexactly(int(length[1])) if length else b""
            text = f"{self.name} {head.split()[1].decode()} {hashlib.sha256(body).hexdigest()[:16]}\n".encode()
            head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(text)}\r\n\r\n"
            writer.write(head.encode() + text)
            await writer.drain()

    async def pass_on(self, reader, writer, first, target):
        local = (self.seen_from, 0) if self.onward else None
        far_reader, far_writer = await asyncio.open_connection(*target, local_addr=local)
        far_writer.write(first)

        async def pump(source, sink):
            with contextlib.suppress(OSError):
                while data := await source.read(1 << 16):
                    sink.write(data)
                    await sink.drain()
            sink.close()
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))


async def fetched(port, host, path, context):
    """What a TLS visitor is answered; None when the handshake is refused."""
    try:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host, limit=1 << 22), 10)
    except (ssl.SSLError, ConnectionError):
        return None
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    body = await asyncio.wait_for(reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head)[1])), 20)
    writer.close()
    return body


@scenario(BOTH_SHELLS, seconds=90)
async def stock_node_is_forwarded_to(bench):
    """A tunnel whose client is at a stock node: its visitors at every node of ours are served there, HTTP with bodies,
    TLS and relay visitors; a stock node that is registered and not there costs nobody a request; connectors of ours come
    first; and when nobody is left, visitors hear why."""
    redis, (near, far) = await cluster(bench, 2)
    tunnel, secure_tunnel = uuid.uuid4(), uuid.uuid4()
    host, secure = (f"{endpoint(name)}.{DOMAIN}" for name in (tunnel, secure_tunnel))
    origin, file = await secure_origin(bench, secure)
    stock = await StockEntrypoint(redis, "stock", origin).serve()
    bench.peers.append(stock)
    for name in (tunnel, secure_tunnel):
        await stock.register(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)
    for node in (near, far):
        await served(node, host, "stock")
        async with Visitor(node.entry) as visitor:
            for number in range(50):
                check(await visitor.get(host, f"/{number}"), "stock", f"/{number}")
            body = os.urandom(4 << 20)
            visitor.send(host, "/body", "POST", body)
            answer = await asyncio.wait_for(visitor.receive(), 20)
            expect(answer.text == f"stock /body {hashlib.sha256(body).hexdigest()[:16]}\n", answer.text[:120])
        for size in (10, 2 << 20):
            body = await fetched(node.entry, secure, f"/{size}", context)
            expect(body and len(body) > size and body.startswith(f"/{size} for {secure}".encode()), "TLS was cut")
        for kind in ("ws", "tcp"):
            await reached(kind, node.port(kind), tunnel, host, "stock")
    heads = [head for head in stock.heads if "X-Forwarded-For" in head]
    ids = {re.search(r"\r\nGost-Forwarded-Node: (\S+)\r\n", head)[1] for head in heads}
    expect(len(ids) == 2 and all(uuid.UUID(name) for name in ids), f"they were handed on by {ids}")

    # Another one, registered on a port where nobody listens: whoever is sent there goes on at once.
    gone = StockNode(redis)
    await gone.register(tunnel)

    async def tried():
        check(await get(near.entry, host, "/tried"), "stock", "/tried")
        return await near.ended_by("dial_failed") > 0
    await until(tried, 10, "the one that is gone was tried")
    for number in range(50):
        check(await get(near.entry, host, f"/again/{number}"), "stock", f"/again/{number}")

    # A connector of ours at one node: visitors of both go there.
    own = await bound(bench, near, "own", "ws", tunnel)
    for node in (near, far):
        await served(node, host, "own")
    before = len(stock.kinds)
    for number in range(20):
        for node in (near, far):
            check(await get(node.entry, host, f"/own/{number}"), "own", f"/own/{number}")
    expect(len(stock.kinds) == before, "forwarded to a stock node past a connector of ours")
    await own.close()
    await served(near, host, "stock", "/back")

    # Nobody is left.
    await stock.close()
    answer = await get(near.entry, host)
    expect(answer.status == 503 and "another node" in answer.text, f"{answer.status} {answer.text[:200]!r}")
    expect(await fetched(near.entry, secure, "/10", context) is None, "a handshake with nobody")

    async def quiet():
        return await near.total("culvert_streams") == 0 and await near.total("culvert_visitors") == 0
    await until(quiet, 10, "nothing is left of them")


@scenario(BOTH_SHELLS, seconds=90)
async def stock_nodes_make_no_ring(bench):
    """Stock nodes that have lost their connectors and hand everything back: to a node of ours that had sent it, and round
    through two of each; from the address that is registered, or from one that nobody knows."""
    redis, (near, far) = await cluster(bench, 2)
    context = ssl.create_default_context()
    for seen_from, targets in (
            (StockNode.HOST, (near.entry,)), ("127.0.0.1", (near.entry,)), ("127.0.0.1", (near.entry, far.entry))):
        tunnel = uuid.uuid4()
        host = f"{endpoint(tunnel)}.{DOMAIN}"
        stocks = []
        for port in targets:
            stock = await StockEntrypoint(redis, "ring", onward=("127.0.0.1", port), seen_from=seen_from).serve()
            bench.peers.append(stock)
            stocks.append(stock)
            await stock.register(tunnel)

        async def looped():
            answer = await get(near.entry, host)
            return answer.status == 503 and "came back" in answer.text
        await until(looped, 10, "a request that comes back is refused")
        before = sum(len(stock.kinds) for stock in stocks)
        for _ in range(10):
            expect(await looped(), "a request went another way")
        expect(sum(len(stock.kinds) for stock in stocks) == before + 10, "a request was forwarded a second time")
        before += 10
        expect(await fetched(near.entry, host, "/10", context) is None, "a handshake with nobody")
        rounds = sum(len(stock.kinds) for stock in stocks) - before
        expect(1 <= rounds <= 1 + 2 * bench.workers, f"a hello went round {rounds} times")
        for stock in stocks:
            await stock.close()
    expect(await near.ended_by("loop_detected") > 0, "without its reason")


@scenario(BOTH_SHELLS, seconds=90)
async def stock_node_forwards(bench):
    """What a stock node forwards is served by the node that has the tunnel, found where that is registered: HTTP, TLS and
    relay visitors. A node that does not have it, because the other's knowledge is old, sends nobody on."""
    redis, (near, far) = await cluster(bench, 2)
    stock = StockNode(redis)
    await stock.register(uuid.uuid4())
    peer = await bound(bench, near, "near")
    host = f"{peer.label}.{DOMAIN}"
    await served(far, host, "near")
    tunnel = uuid.uuid4()
    secure = f"{endpoint(tunnel)}.{DOMAIN}"
    origin, file = await secure_origin(bench, secure)
    await client(bench, near, "ws", origin, tunnel)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)
    for node in (near, far):
        # Nobody asked for its tunnel.
        await node.program.line(rf"stock node found.*{re.escape(stock.HOST)}:{stock.port}", 20)

    async def registered():
        return await stock.candidates(peer.tunnel) and await stock.candidates(tunnel)
    await until(registered, 10, "both tunnels stand where stock nodes look")
    target, = await stock.candidates(peer.tunnel)
    expect(target == f"127.0.0.1:{near.entry}", f"stock nodes would dial {target}")
    for number in range(20):
        check(await stock.request(target, host, f"/{number}"), "near", f"/{number}")
        answer, text = await stock.visit(target, peer.tunnel, host, f"/{number}")
        expect(answer == b"\1\0\0\0" and text.startswith(f"near /{number} "), f"{answer} {text!r}")
        body = await stock.hello(target, secure, f"/{number}", context)
        expect(body and body.startswith(f"/{number} for {secure}".encode()), f"TLS was answered {body!r}")

    # Old knowledge: the tunnels are not there. Visitors of the node itself are forwarded as ever.
    old = f"127.0.0.1:{far.entry}"
    check(await get(far.entry, host, "/own"), "near", "/own")
    before = await far.total("culvert_forwards_opened_total")
    answer = await stock.request(old, host, "/")
    expect(answer.status == 503 and "came back" in answer.text, f"{answer.status} {answer.text[:200]!r}")
    expect(await stock.hello(old, secure, "/", context) is None, "a hello was forwarded twice")
    answer, _ = await stock.visit(old, peer.tunnel, host, "/")
    expect(answer == b"\1\5\0\0", f"a relay visitor was answered {answer}")
    expect(await far.total("culvert_forwards_opened_total") == before, "forwarded a second time")
    expect(await far.ended_by("loop_detected") == 3, "without its reason")
    # Relay requests are for nodes only.
    expect(await status_of("tcp", far.entry, peer.tunnel, host) == 3, "an entrypoint serves relay visitors")
    check(await get(far.entry, host, "/own"), "near", "/own")
