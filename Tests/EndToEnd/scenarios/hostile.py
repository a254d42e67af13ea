"""Bytes that nobody should send, on every port; afterwards everything is as before."""
import asyncio
import hashlib
import os
import random

from mutations import Mutations
from peer import Peer
from processes import Failure, expect, until
from visitor import Visitor
from .catalogue import BOTH_SHELLS, EVERYWHERE, ONCE, scenario
from .requests import check

PER_PORT = 10_000
AT_ONCE = 64
#: To repeat what a failure named.
SEED = os.environ.get("CULVERT_SEED")


async def held(node):
    """What exists now on the data plane, in the words of /metrics."""
    values = await node.metrics()
    counts = {}
    for name in ("culvert_visitors", "culvert_links", "culvert_connectors_open", "culvert_streams",
                 "culvert_buffers_held"):
        found = [value for key, value in values.items() if key.partition("{")[0] == name]
        expect(found, f"/metrics does not say {name}")
        counts[name.removeprefix("culvert_")] = sum(found)
    return counts


async def quiet(node, seconds, why="", **expected):
    """Waits until nothing is left but what is expected: visitors, links, connectors_open, streams, buffers_held."""
    expected = {"visitors": 0, "links": 0, "connectors_open": 0, "streams": 0, "buffers_held": 0, **expected}
    seen = {}

    async def comes_to_rest():
        nonlocal seen
        seen = await held(node)
        return seen == expected
    try:
        await until(comes_to_rest, seconds, "quiet")
    except Failure:
        raise Failure(f"{why}left over: {seen} instead of {expected}") from None


@scenario(BOTH_SHELLS, seconds=300)
async def mutations_on_every_port(bench):
    """10,000 mutations of valid conversations on every port, from a seed that a failure names, while somebody else is
    served; afterwards no connection, stream, connector or buffer is left over, and the same processes run."""
    node = await bench.node(limits={"handshakeTimeoutMilliseconds": 1_000, "headTimeoutMilliseconds": 1_000,
                                    "firstByteTimeoutMilliseconds": 5_000, "bodyIdleMilliseconds": 1_000,
                                    "answerHeadTimeoutMilliseconds": 2_000, "halfCloseGraceMilliseconds": 1_000})
    peer = await Peer("peer", "ws", node.ws).bind()
    bench.peers.append(peer)
    before = {name: node.pid(name) for name in ("culvert-data", "culvert-control")}
    seed = SEED or str(random.randrange(1 << 32))
    mutations = Mutations(seed, node.host(peer), bench.repository)
    ports = {"tcp": node.tcp, "ws": node.ws, "entry": node.entry, "admin": node.admin}
    gate = asyncio.Semaphore(AT_ONCE)

    async def attack(name, number):
        async with gate:
            pieces, leaves = mutations.conversation(name, number)
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", ports[name])
                for piece in pieces:
                    writer.write(piece)
                    await asyncio.sleep(0)
                if not leaves:
                    if writer.can_write_eof():
                        writer.write_eof()
                    await asyncio.wait_for(reader.read(-1), 20)
                writer.transport.abort()
            except asyncio.TimeoutError:
                return f"{name} {number}"
            except OSError:
                # Cut off is an answer; too late is none.
                pass

    attacks = [asyncio.ensure_future(attack(name, number)) for number in range(PER_PORT) for name in ports]
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
    hung = [task.result() for task in attacks if task.result()]
    expect(not hung, f"seed {seed}: neither answered nor closed within 20 s: {hung[:20]}")
    expect(served > 0, "nobody was served meanwhile")
    # What remains is our peer's connection, and nobody's stream.
    await quiet(node, 15, f"seed {seed}: ", links=1, connectors_open=1)
    after = {name: node.pid(name) for name in before}
    expect(after == before, f"seed {seed}: a process died: {before} became {after}")
    expect(await node.total("culvert_ends_total") > PER_PORT, "hardly anything was counted")


@scenario(ONCE)
async def mutations_are_the_same_for_the_same_seed(bench):
    """The generator's bytes follow from the seed alone."""
    def digest(seed, numbers):
        mutations = Mutations(seed, "a.localhost", bench.repository)
        total = hashlib.sha256()
        for port in sorted(mutations.valid):
            made = {number: mutations.conversation(port, number) for number in numbers}
            for number in sorted(made):
                total.update(repr(made[number]).encode())
        return total.hexdigest()
    expect(digest("7", range(500)) == digest("7", range(499, -1, -1)), "one seed, two histories")
    expect(digest("7", range(500)) != digest("8", range(500)), "two seeds, one history")


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


class Hostile(Peer):
    """A tunnel client with an origin that answers, keep-alives, and bad manners on command."""

    async def bind(self):
        await super().bind()
        self.keep(self.lives())
        return self

    async def lives(self):
        while not self.lost.is_set():
            self.frame(3, 0)
            await asyncio.sleep(0.3)

    def raw(self, data):
        self.carrier.put(data)

    async def dropped(self, seconds=10):
        await asyncio.wait_for(self.lost.wait(), seconds)

    async def hangs(self, stream):
        await stream.reader.read(-1)


async def is_silent(bench, node, kind):
    peer = await Peer("silent", kind, node.port(kind)).bind()
    await asyncio.wait_for(peer.lost.wait(), 10)


async def opens_streams(bench, node, kind):
    peer = await Hostile("opener", kind, node.port(kind)).bind()
    for number in range(5_000):
        peer.frame(0, 2 * number + 1_000_001)
    await peer.carrier.drain()
    async with Visitor(node.entry) as visitor:
        check(await visitor.get(node.host(peer), "/", seconds=5), "opener", "/")
    await peer.close()


async def opens_streams_and_never_reads(bench, node, kind):
    before = await node.ended_by("stalled") + await node.ended_by("keep_alive_timeout")
    peer = await Hostile("deaf", kind, node.port(kind), receive_bytes=65_536).bind()
    peer.carrier.writer.transport.pause_reading()
    # Its own sending stops as soon as the server drops it.
    for number in range(400_000):
        if peer.carrier.writer.transport.is_closing():
            break
        peer.frame(0, 2 * number + 1_000_001)
        if number % 1_000 == 0:
            try:
                await asyncio.wait_for(peer.carrier.drain(), 1)
            except (ConnectionError, asyncio.TimeoutError):
                break

    # What waits for it has a bound; but where its own kernel drops what comes, acknowledgements too, neither side's bytes
    # go through any more, and it is the silence that ends it.
    async def counted():
        return await node.ended_by("stalled") + await node.ended_by("keep_alive_timeout") > before
    await until(counted, 10, "the end of one that reads nothing")
    await peer.close()


async def ignores_windows(bench, node, kind):
    async def floods(self, stream):
        await stream.reader.readuntil(b"\r\n\r\n")
        self.frame(2, stream.number, b"HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n")
        # More than the kernel holds for a visitor that does not read, and the largest window on top.
        for _ in range(800):
            self.frame(2, stream.number, bytes(60_000))
            await self.carrier.drain()
        await stream.reader.read(-1)
    before = await node.ended_by("window_exceeded")
    peer = await Hostile("flooder", kind, node.port(kind), origin=floods).bind()
    async with Visitor(node.entry) as visitor:
        visitor.writer.transport.pause_reading()
        visitor.send(node.host(peer), "/")

        async def counted():
            return await node.ended_by("window_exceeded") > before
        await until(counted, 10, "a window that was exceeded")
        visitor.writer.transport.abort()
    await peer.close()


async def ends_streams_again_and_again(bench, node, kind):
    async def ends(self, stream):
        await stream.reader.readuntil(b"\r\n\r\n")
        for _ in range(100):
            self.frame(1, stream.number)
    peer = await Hostile("ender", kind, node.port(kind), origin=ends).bind()
    async with Visitor(node.entry) as visitor:
        answer = await visitor.get(node.host(peer), "/", seconds=5)
        expect(answer.status == 503, f"{answer.status}")
    await peer.close()


async def speaks_nonsense(bench, node, kind):
    peer = await Hostile("nonsense", kind, node.port(kind)).bind()
    peer.raw(bytes([2, 200]) + bytes(6))
    await peer.dropped()


async def resets(bench, node, kind):
    peer = await Hostile("rude", kind, node.port(kind)).bind()
    visitors = [await Visitor(node.entry).open() for _ in range(20)]
    peer.origin = Hostile.hangs
    for visitor in visitors:
        visitor.send(node.host(peer), "/", "POST", b"x")
    await until(lambda: peer.syns == 20, 5, "twenty streams")
    peer.carrier.writer.transport.abort()
    for visitor in visitors:
        answer = await asyncio.wait_for(visitor.receive(), 5)
        expect(answer.status == 503, f"{answer.status}")
        visitor.close()


async def sends_one_byte_at_a_time(bench, node, kind):
    data = {"ws": b"GET /ws HTTP/1.1\r\nHost: a\r\n", "tcp": b"\1\2\0\x20" + bytes(30)}[kind]

    async def trickle(port, data):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        reading = asyncio.ensure_future(reader.read(-1))
        for byte in data:
            writer.write(bytes([byte]))
            if (await asyncio.wait([reading], timeout=0.2))[0]:
                break
        seen = await asyncio.wait_for(reading, 10)
        writer.transport.abort()
        return seen
    links, visitor = await asyncio.gather(
        trickle(node.port(kind), data), trickle(node.entry, b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n"))
    expect(links == b"" and visitor.startswith(b"HTTP/1.1 408 "), f"{links[:60]!r}, {visitor[:60]!r}")


#: What a peer does, and the reason for which it is ended or counted; None where the attack costs only the attacker.
#: Each with what is counted: one of them.
ATTACKS = [
    (is_silent, "keep_alive_timeout"), (opens_streams, "peer_opened_stream"),
    (opens_streams_and_never_reads, "stalled", "keep_alive_timeout"), (ignores_windows, "window_exceeded"),
    (ends_streams_again_and_again, "stream_ended_early"), (speaks_nonsense, "smux_fault"), (resets, "connector_lost"),
    (sends_one_byte_at_a_time, "handshake_timeout"),
]


@scenario(BOTH_SHELLS, seconds=180)
async def hostile_peers(bench):
    """Each thing that a tunnel client or a visitor can do wrong, over both carriers: the offender is dropped or
    limited, the reason is counted and in the log, somebody else is served all the while, and nothing is left over."""
    node = await bench.node(limits={
        "muxKeepAliveMilliseconds": 500, "muxKeepAliveTimeoutMilliseconds": 2_000,
        "handshakeTimeoutMilliseconds": 2_000, "headTimeoutMilliseconds": 2_000, "lingerMilliseconds": 500})
    peer = await Peer("peer", "ws", node.ws).bind()
    bench.peers.append(peer)

    async def lives():
        while True:
            peer.frame(3, 0)
            await asyncio.sleep(0.3)
    alive = asyncio.ensure_future(lives())
    try:
        for attack, *reasons in ATTACKS:
            for kind in ("ws", "tcp"):
                before = {reason: await node.ended_by(reason) for reason in reasons}
                mark = len(node.program.lines)
                work = asyncio.ensure_future(attack(bench, node, kind))
                while not work.done():
                    async with Visitor(node.entry) as visitor:
                        check(await visitor.get(node.host(peer), "/x", seconds=5), "peer", "/x")
                    await asyncio.wait([work], timeout=0.1)
                try:
                    work.result()
                except Exception as error:
                    raise Failure(f"{attack.__name__} over {kind}: {error!r}") from error
                counted = [reason for reason in reasons if await node.ended_by(reason) > before[reason]]
                expect(counted, f"{attack.__name__} over {kind}: {reasons} was not counted")
                reason = counted[0]
                await quiet(node, 10, f"{attack.__name__} over {kind}: ", links=1, connectors_open=1)
                expect(any(f'"reason":"{reason}"' in line for line in node.program.lines[:mark])
                       or await node.program.line(f'"reason":"{reason}"', 3, mark), f"{reason} is not in the log")
    finally:
        alive.cancel()
