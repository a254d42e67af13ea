"""Requests of one visitor's connection: each reaches its tunnel, whatever came before it."""
import asyncio
import json

from peer import Peer
from processes import expect, until
from visitor import Visitor
from .catalogue import BOTH_SHELLS, EVERYWHERE, scenario

MANY = 10_000


async def bound(bench, node, count, kinds=("ws", "tcp")):
    """Peers of as many tunnels, over both carriers by turns."""
    peers = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        peers.append(await Peer(f"peer-{number}", kind, node.port(kind)).bind())
    bench.peers += peers
    return peers


def check(answer, name, path):
    expect(answer.status == 200 and answer.text.startswith(f"{name} {path} "),
           f"asked {name} for {path}, got {answer.status} {answer.text[:120]!r}")


@scenario(EVERYWHERE, seconds=120)
async def alternating_hosts(bench):
    """10,000 requests on one connection that alternate between two hosts of two tunnels: each gets the right answer.
    With two workers, between all pairs of eight tunnels, so that some change the worker and some do not."""
    node = await bench.node()
    peers = await bound(bench, node, 2 if bench.workers == 1 else 8)
    async with Visitor(node.entry) as visitor:
        for number in range(MANY):
            # Two hosts in turn; with more than two, the pair changes every 100 requests.
            pair = number // 100
            first = peers[pair % len(peers)]
            second = peers[(pair + 1 + pair // len(peers) % (len(peers) - 1)) % len(peers)]
            peer = (first, second)[number % 2]
            path = f"/{number}"
            check(await visitor.get(node.host(peer), path), peer.name, path)
    expect(sum(peer.requests for peer in peers) == MANY, "a request was repeated or lost")
    if bench.workers > 1:
        moved = await node.total("culvert_visitors_moved_total")
        expect(moved > 0, "no visitor ever changed the worker: the connectors were all on one")


@scenario(EVERYWHERE, seconds=120)
async def alternating_hosts_pipelined(bench):
    """The same 10,000, pipelined 50 deep."""
    node = await bench.node()
    peers = await bound(bench, node, 2 if bench.workers == 1 else 8)
    async with Visitor(node.entry) as visitor:
        for begin in range(0, MANY, 50):
            batch = [(peers[(number + begin // 50) % len(peers)], f"/{number}") for number in range(begin, begin + 50)]
            for peer, path in batch:
                visitor.send(node.host(peer), path)
            for peer, path in batch:
                check(await asyncio.wait_for(visitor.receive(), 10), peer.name, path)
    expect(sum(peer.requests for peer in peers) == MANY, "a request was repeated or lost")


@scenario(EVERYWHERE, seconds=120)
async def one_stream_for_one_host(bench):
    """10,000 keep-alive requests to one host open exactly one stream, counted at the peer."""
    node = await bench.node()
    for kind in ("ws", "tcp"):
        peer, = await bound(bench, node, 1, [kind])
        async with Visitor(node.entry) as visitor:
            for number in range(MANY // 2):
                check(await visitor.get(node.host(peer), f"/{number}"), peer.name, f"/{number}")
        expect(peer.syns == 1, f"{peer.syns} streams were opened over {kind}")
        # And the same again with bodies, which are part of the same stream.
        async with Visitor(node.entry) as visitor:
            for number in range(MANY // 2):
                visitor.send(node.host(peer), f"/{number}", "POST", b"x" * (number % 700 + 1))
                check(await asyncio.wait_for(visitor.receive(), 10), peer.name, f"/{number}")
        expect(peer.syns == 2, f"{peer.syns} streams were opened over {kind} for two visitors")


@scenario(EVERYWHERE)
async def refusals_say_why(bench):
    """Unknown hosts, offline tunnels, and requests that cannot be: an answer each, a counted reason, and the next
    visitor is served."""
    node = await bench.node()
    peer, = await bound(bench, node, 1)
    before = await node.metrics()
    for host, status in ((f"nobody.{node.domain}", 502), ("elsewhere.example", 502)):
        async with Visitor(node.entry) as visitor:
            answer = await visitor.get(host)
            expect(answer.status == status, f"{host}: {answer.status}")
            expect(answer.body, f"{host}: no page")
            # The connection outlives the refusal.
            check(await visitor.get(node.host(peer), "/after"), peer.name, "/after")
    cases = [
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/3.7\r\nHost: a\r\n\r\n", 505),
        (f"GET / HTTP/1.1\r\nHost: {node.host(peer)}\r\nX: {'a' * 20_000}\r\n\r\n", 431),
        (f"POST / HTTP/1.1\r\nHost: {node.host(peer)}\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 400),
        (f"POST / HTTP/1.1\r\nHost: {node.host(peer)}\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ]
    for text, status in cases:
        async with Visitor(node.entry) as visitor:
            visitor.writer.write(text.encode())
            answer = await asyncio.wait_for(visitor.receive(), 5)
            expect(answer.status == status, f"{text[:40]!r}: {answer.status} instead of {status}")
            rest = await asyncio.wait_for(visitor.reader.read(-1), 5)
            expect(rest == b"", f"{text[:40]!r}: more came after the refusal: {rest[:80]!r}")
    requests = peer.requests
    tunnel = peer.tunnel
    await peer.close()
    bench.peers.remove(peer)

    async def offline():
        async with Visitor(node.entry) as visitor:
            return (await visitor.get(node.host(peer))).status == 503
    expect(await offline() or await offline(), "an offline tunnel is not answered 503")
    after = await node.metrics()
    counted = {
        key: value - before.get(key, 0) for key, value in after.items()
        if key.startswith("culvert_ends_total") and value > before.get(key, 0)}
    for reason in ("no_route", "method_not_allowed", "head_too_large", "missing_host", "version_not_supported",
                   "unknown_transfer_coding", "tunnel_offline"):
        expect(any(f'reason="{reason}"' in key for key in counted), f"{reason} was not counted, only {counted}")
    again = await Peer("again", "tcp", node.tcp, tunnel).bind()
    bench.peers.append(again)
    async with Visitor(node.entry) as visitor:
        check(await visitor.get(node.host(again), "/back"), "again", "/back")
    expect(requests == 2, f"{requests} requests reached the origin instead of 2")


@scenario(EVERYWHERE)
async def dead_connector_before_answer(bench):
    """A connector that dies with a request inside, before any answer: another connector of the tunnel answers it."""
    async def dies(self, stream):
        await stream.reader.readuntil(b"\r\n\r\n")
        self.carrier.writer.transport.abort()
    node = await bench.node()
    good, = await bound(bench, node, 1)
    for number in range(20):
        kind = ("ws", "tcp")[number % 2]
        # 255 takes over: the first request goes to it.
        bad = await Peer("bad", kind, node.port(kind), good.tunnel, weight=255, origin=dies).bind()
        bench.peers.append(bad)
        async with Visitor(node.entry) as visitor:
            check(await visitor.get(node.host(good), f"/{number}"), good.name, f"/{number}")
        expect(bad.syns == 1, f"the dying connector saw {bad.syns} streams")
        bench.peers.remove(bad)
        await bad.close()


@scenario(BOTH_SHELLS)
async def refusals_stand_in_the_log(bench):
    """Every refusal is one line of JSON with its reason, beside the answer and the counter; a flood is a few lines and
    a number; no line holds a tunnel's id."""
    node = await bench.node()
    peer, = await bound(bench, node, 1)

    async def logged(reason, since=0):
        found = await node.program.line(rf'"msg":"refused","node":"[^"]*","plane":"[^"]*","reason":"{reason}"', 5, since)
        return json.loads(found.string)
    async with Visitor(node.entry) as visitor:
        port = visitor.writer.get_extra_info("sockname")[1]
        answer = await visitor.get("nobody.example")
        expect(answer.fields.get("culvert-reason") == "no_route", f"{answer.fields}")
    line = await logged("no_route")
    expect(line["source"] == f"127.0.0.1:{port}" and line["host"] == "nobody.example", f"{line}")
    expect(line["level"] == "info" and await node.ended_by("no_route") == 1, f"{line}")
    # A tunnel's id is a secret also where a visitor says it.
    async with Visitor(node.entry) as visitor:
        await visitor.get(f"{peer.tunnel}.example")

    async def dies(self, stream):
        await stream.reader.readuntil(b"\r\n\r\n")
        self.carrier.writer.transport.abort()
    bad = await Peer("bad", "tcp", node.tcp, origin=dies).bind()
    bench.peers.append(bad)
    async with Visitor(node.entry) as visitor:
        visitor.send(node.host(bad), "/", "POST", b"x")
        answer = await asyncio.wait_for(visitor.receive(), 5)
        expect(answer.status == 503 and answer.fields.get("culvert-reason") == "connector_lost", f"{answer.fields}")
    line = await logged("connector_lost")
    expect(line["tunnel"] == f"{str(bad.tunnel)[:8]}…", f"{line}")
    cases = [(b"GET / HTTP/1.1\r\n\r\n", "missing_host"), (b"\x01\x01\0\0", "relay_at_entrypoint"),
             (b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "method_not_allowed")]
    for text, reason in cases:
        async with Visitor(node.entry) as visitor:
            visitor.writer.write(text)
            await asyncio.wait_for(visitor.reader.read(-1), 5)
        await logged(reason)
    link = await asyncio.open_connection("127.0.0.1", node.tcp)
    link[1].write(b"\xff\xff\xff\xff")
    await asyncio.wait_for(link[0].read(-1), 5)
    link[1].close()
    await logged("relay_version")
    count = 500
    async with Visitor(node.entry) as visitor:
        for _ in range(count):
            visitor.send("nobody.example")
        for _ in range(count):
            await asyncio.wait_for(visitor.receive(), 5)
    lines = [text for text in node.program.lines if '"reason":"no_route"' in text]
    expect(2 <= len(lines) <= 20, f"{len(lines)} lines for {count} refusals")
    expect(await node.ended_by("no_route") == count + 2, "not all were counted")
    expect(await node.total("culvert_log_lines_suppressed_total") >= count + 2 - 20, "the rest was not counted")
    for secret in (str(peer.tunnel), peer.tunnel.hex, str(bad.tunnel), bad.tunnel.hex):
        expect(secret not in node.program.log.lower(), "the log holds a tunnel's id")
