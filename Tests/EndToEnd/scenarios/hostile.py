"""Bytes that nobody should send, on every port; afterwards everything is as before."""
import asyncio
import os
import random
import struct

from peer import Peer, address, feature
from processes import expect, until
from visitor import Visitor
from .catalogue import BOTH_SHELLS, EVERYWHERE, scenario
from .requests import check

PER_PORT = 10_000
AT_ONCE = 64


def conversations(node, peer):
    """[(port, [bytes of a valid beginning])]."""
    features = feature(2, address("127.0.0.1", 1)) + feature(2, address("0.0.0.0", 0))
    features += feature(3, os.urandom(16) + bytes(4))
    bind = struct.pack(">BBH", 1, 2, len(features)) + features
    frames = b"".join(struct.pack("<BBHI", 2, command, len(data), number) + data for command, number, data in (
        (3, 0, b""), (4, 3, struct.pack("<II", 4, 65_536)), (2, 3, b"x" * 100), (1, 3, b"")))
    upgrade = (b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    masked = bytes([0x82, 0x80 | len(bind)]) + bytes(4) + bind
    request = (f"POST /a HTTP/1.1\r\nHost: {node.host(peer)}\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello"
               f"GET /b HTTP/1.1\r\nHost: {node.host(peer)}\r\nConnection: close\r\n\r\n").encode()
    chunked = (f"POST /c HTTP/1.1\r\nHost: {node.host(peer)}\r\nTransfer-Encoding: chunked\r\n\r\n"
               "5\r\nhello\r\n0\r\n\r\n").encode()
    name = b"nobody." + node.domain.encode()
    extension = struct.pack(">HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
    body = b"\x03\x03" + bytes(33) + bytes.fromhex("0002130101 00") + struct.pack(">H", len(extension)) + extension
    message = b"\x01\x00" + struct.pack(">H", len(body)) + body
    hello = b"".join(
        b"\x16\x03\x01" + struct.pack(">H", len(part)) + part for part in (message[:20], message[20:]))
    return [(node.tcp, [bind + frames]), (node.ws, [upgrade + masked]), (node.entry, [request, chunked, hello]),
            (node.admin, [b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"])]


def spoiled(data, chance):
    """One of the ways in which bytes go wrong."""
    data = bytearray(data)
    kind = chance.randrange(6)
    if kind == 0:
        return os.urandom(chance.randrange(1, 3_000))
    if kind == 1:
        del data[chance.randrange(len(data)):]
    elif kind == 2:
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
    elif kind == 3:
        at = chance.randrange(len(data))
        data[at:at] = data[:chance.randrange(len(data))]
    elif kind == 4:
        at = chance.randrange(len(data))
        data[at:at + chance.randrange(1, 9)] = b"\xff" * chance.randrange(1, 9)
    else:
        data = data[::-1]
    return bytes(data)


@scenario(BOTH_SHELLS, seconds=300)
async def garbage_on_every_port(bench):
    """10,000 mutations of valid conversations on every port, from a seed that a failure names, while somebody else is served; afterwards no
    connection, stream or connector is left over, and the same processes run."""
    node = await bench.node(limits={"handshakeTimeoutMilliseconds": 1_000, "headTimeoutMilliseconds": 1_000,
                                    "firstByteTimeoutMilliseconds": 5_000})
    peer = await Peer("peer", "ws", node.ws).bind()
    bench.peers.append(peer)
    before = {name: node.pid(name) for name in ("culvert-data", "culvert-control")}
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    valid = conversations(node, peer)
    gate = asyncio.Semaphore(AT_ONCE)

    async def attack(port, data, abort):
        async with gate:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(data)
                if not abort:
                    if writer.can_write_eof():
                        writer.write_eof()
                    await asyncio.wait_for(reader.read(-1), 20)
                writer.transport.abort()
            except (OSError, asyncio.TimeoutError) as error:
                # Cut off is an answer; too late is none.
                return type(error).__name__

    attacks = []
    for _ in range(PER_PORT):
        for port, beginnings in valid:
            data = spoiled(chance.choice(beginnings), chance)
            attacks.append(asyncio.ensure_future(attack(port, data, chance.random() < 0.3)))
    served = 0
    while not all(task.done() for task in attacks):
        async with Visitor(node.entry) as visitor:
            for number in range(10):
                try:
                    check(await visitor.get(node.host(peer), f"/{number}", seconds=5), "peer", f"/{number}")
                except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                    ends = {key: value for key, value in (await node.metrics()).items() if "_ends_" in key and value}
                    expect(False, f"seed {seed}: request {number} of somebody else: {error!r}; counted: {ends}")
                served += 1
    hung = [task for task in attacks if task.result() == "TimeoutError"]
    expect(not hung, f"seed {seed}: {len(hung)} connections were neither answered nor closed within 20 s")
    expect(served > 0, "nobody was served meanwhile")

    async def quiet():
        values = await node.metrics()
        def now(name):
            return sum(value for key, value in values.items() if key.partition("{")[0] == name)
        # What remains is our peer's connection, and nobody's stream.
        return (now("culvert_visitors"), now("culvert_links"), now("culvert_connectors_open"),
                now("culvert_streams")) == (0, 1, 1, 0)
    try:
        await until(quiet, 10, "quiet")
    except Exception:
        values = await node.metrics()
        left = {key: value for key, value in values.items() if key.partition("{")[0] in (
            "culvert_visitors", "culvert_links", "culvert_connectors_open", "culvert_streams")}
        expect(False, f"seed {seed}: left over: {left}")
    after = {name: node.pid(name) for name in before}
    expect(after == before, f"seed {seed}: a process died: {before} became {after}")
    expect(await node.total("culvert_ends_total") > PER_PORT, "hardly anything was counted")


@scenario(EVERYWHERE, seconds=60)
async def readers_that_do_not_read(bench):
    """Ten visitors that ask for 10 MB and never read: every other visitor of the tunnel is served."""
    async def endless(self, stream):
        head = await stream.reader.readuntil(b"\r\n\r\n")
        size = 10 << 20 if b"/bulk" in head else 2
        await stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size >> 16):
            await stream.write(bytes(1 << 16))
        if size == 2:
            await stream.write(b"ok")
    node = await bench.node()
    for kind in ("ws", "tcp"):
        peer = await Peer("peer", kind, node.port(kind), origin=endless).bind()
        bench.peers.append(peer)
        stalled = [await Visitor(node.entry).open() for _ in range(10)]
        for visitor in stalled:
            # A paused transport is a visitor that does not read.
            visitor.writer.transport.pause_reading()
            visitor.send(node.host(peer), "/bulk")
        await until(lambda: peer.syns >= 10, 5, "ten streams")
        for number in range(50):
            async with Visitor(node.entry) as visitor:
                answer = await visitor.get(node.host(peer), f"/{number}", seconds=3)
                expect(answer.text == "ok", f"{answer.status} {answer.text[:100]!r}")
        for visitor in stalled:
            visitor.writer.transport.abort()
