"""What a BIND's answer promises."""
import asyncio
import struct
import uuid

import carrier
from peer import Peer, address, feature
from processes import expect, until
from visitor import Visitor
from .catalogue import BOTH_SHELLS, EVERYWHERE, scenario
from .requests import check

TIMES, LANES = 10_000, 8


@scenario(BOTH_SHELLS, seconds=300)
async def visible_when_answered(bench):
    """The first request right after the OK succeeds, 10,000 times over both carriers, from visitors on every worker
    at once."""
    node = await bench.node()

    async def lane(first):
        visitors = []
        for number in range(first, TIMES, LANES):
            if number // LANES % 100 == 0:
                for visitor in visitors:
                    visitor.close()
                # The kernel spreads connections over the workers: that none of four is on one of two has odds of 1 to
                # 8, and they are opened anew every hundred times in every lane.
                visitors = [await Visitor(node.entry).open() for _ in range(4)]
            kind = ("ws", "tcp")[number // LANES % 2]
            peer = await Peer(f"peer-{number}", kind, node.port(kind)).bind()
            for visitor in visitors:
                visitor.send(node.host(peer), f"/{number}")
            for answer in await asyncio.wait_for(asyncio.gather(*(visitor.receive() for visitor in visitors)), 10):
                check(answer, peer.name, f"/{number}")
            await peer.close()
        for visitor in visitors:
            visitor.close()
    await asyncio.gather(*(lane(first) for first in range(LANES)))

    async def gone():
        return await node.total("culvert_connectors_open") == 0
    await until(gone, 5, "the end of every connector")
    expect(await node.total("culvert_binds_granted_alone_total") == 0, "the control plane was not asked")


@scenario(EVERYWHERE)
async def names_are_claimed_once(bench):
    """A host that a client asks for is given once: the first owner keeps it while alive, a second gets its own label."""
    node = await bench.node()
    name = f"shop.{node.domain}"
    first = await Peer("first", "ws", node.ws, host=name).bind()
    bench.peers.append(first)
    expect(first.granted == name, f"granted {first.granted} instead of {name}")
    second = await Peer("second", "tcp", node.tcp, host=name).bind()
    bench.peers.append(second)
    expect(second.granted == second.label, f"the second was granted {second.granted}")
    async with Visitor(node.entry) as visitor:
        check(await visitor.get(name, "/1"), "first", "/1")
        check(await visitor.get(node.host(second), "/2"), "second", "/2")
    # Another connector of the same tunnel gets the same name.
    third = await Peer("third", "tcp", node.tcp, first.tunnel, host=name).bind()
    bench.peers.append(third)
    expect(third.granted == name, f"the owner's second connector was granted {third.granted}")


@scenario(EVERYWHERE, alone=True)
async def thousand_clients(bench):
    """1,000 connectors at once, all reachable, all gone afterwards, and both planes agree before and after."""
    node = await bench.node()
    peers = [
        Peer(f"peer-{n}", kind, node.port(kind), uuid.uuid4())
        for n, kind in ((n, ("ws", "tcp")[n % 2]) for n in range(1_000))]
    await asyncio.gather(*(peer.bind() for peer in peers))
    async with Visitor(node.entry) as visitor:
        for peer in peers:
            check(await visitor.get(node.host(peer), "/"), peer.name, "/")
    await until(lambda: node.agrees(1_000), 5, "two equal dumps with 1,000 connectors")
    for peer in peers:
        await peer.close()
    await until(lambda: node.agrees(0), 10, "two equal dumps without connectors")


@scenario(EVERYWHERE, seconds=90)
async def relay_visitors(bench):
    """Visitors with a tunnel client (relay CONNECT), right after the BIND, over both carriers, from both workers."""
    node = await bench.node()
    for number in range(200):
        kind, other = (("ws", "tcp"), ("tcp", "ws"))[number % 2]
        peer = await Peer(f"peer-{number}", kind, node.port(kind)).bind()
        for way in (kind, other, kind):
            link = await carrier.connect(way, node.port(way))
            features = feature(2, address("192.0.2.4", 5)) + feature(2, address(f"{peer.label}.{node.domain}", 0))
            features += feature(3, peer.tunnel.bytes + bytes(4))
            link.put(struct.pack(">BBH", 1, 1, len(features)) + features)
            link.put(b"GET /relay HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = await asyncio.wait_for(link.exactly(4), 5)
            expect(answer == b"\x01\0\0\0", f"visit {number} over {way}: {answer}")
            first = await asyncio.wait_for(link.exactly(15), 5)
            expect(first == b"HTTP/1.1 200 OK", f"visit {number} over {way}: {first}")
            link.close()
        await peer.close()
