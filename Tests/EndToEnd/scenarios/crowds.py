"""More connections than there is room for."""
import asyncio
import os

from peer import Peer
from processes import expect, until
from visitor import Visitor
from .catalogue import BOTH_SHELLS, scenario
from .hostile import quiet
from .requests import check

DESCRIPTORS = 600
#: Of each process, by default (`descriptorsReserved`).
RESERVED = 64
CROWD = 1_500


class Silent:
    """A connection that never says anything."""

    def __init__(self, port):
        self.port = port

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.end = asyncio.ensure_future(self.reader.read(1))
        return self

    @property
    def is_ended(self):
        return self.end.done()

    def close(self):
        self.end.cancel()
        self.writer.close()


@scenario(BOTH_SHELLS, seconds=120, alone=True)
async def silent_connections_make_room(bench):
    """Far more silent connections than the data plane may have descriptors, on every port: those that are silent longest
    go, descriptors stay free, whoever speaks is served, and a tunnel client can still bind."""
    node = await bench.node(
        descriptors=DESCRIPTORS,
        limits={"handshakeTimeoutMilliseconds": 600_000, "firstByteTimeoutMilliseconds": 600_000})
    peer = await Peer("peer", "ws", node.ws).bind()
    bench.peers.append(peer)
    data = node.pid("culvert-data")
    crowd = []
    try:
        async with Visitor(node.entry) as regular:
            check(await regular.get(node.host(peer), "/x", seconds=5), "peer", "/x")
            for number in range(CROWD):
                crowd.append(await Silent([node.entry, node.ws, node.tcp][number % 3]).open())
                if number % 50 == 49:
                    # One that speaks now and then is never the longest silent for long.
                    check(await regular.get(node.host(peer), "/x", seconds=5), "peer", "/x")
                    async with Visitor(node.entry) as fresh:
                        check(await fresh.get(node.host(peer), "/x", seconds=5), "peer", "/x")
                    held = len(os.listdir(f"/proc/{data}/fd"))
                    expect(held <= DESCRIPTORS - RESERVED // 2, f"the data plane holds {held} descriptors")
        expect(await node.ended_by("shed_silent") > CROWD // 3, "hardly anybody was shed")
        await node.program.line('"reason":"shed_silent"', 3)
        expect(await node.ended_by("descriptors_full") == 0, "somebody was refused where silent ones could go")
        await until(lambda: sum(one.is_ended for one in crowd) >= CROWD - DESCRIPTORS, 5, "the ends of those shed")
        expect(not any(one.is_ended for one in crowd[-100:]), "the newest were shed")
        late = await Peer("late", "tcp", node.tcp).bind()
        bench.peers.append(late)
        async with Visitor(node.entry) as visitor:
            check(await visitor.get(node.host(late), "/y", seconds=5), "late", "/y")
    finally:
        for one in crowd:
            one.close()
    await quiet(node, 10, links=2, connectors_open=2)
