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
    names = ("culvert_visitors", "culvert_links", "culvert_connectors_open", "culvert_streams", "culvert_buffers_held")
    return {name.removeprefix("culvert_"): sum(
        value for key, value in values.items() if key.partition("{")[0] == name) for name in names}


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
                                    "firstByteTimeoutMilliseconds": 1_000, "bodyIdleMilliseconds": 1_000,
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
                check(await visitor.get(node.host(peer), f"/{number}", seconds=5), "peer", f"/{number}")
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
