"""Relay visitors and what a tunnel server routes them by: the server's side of the reverse-proxy-tunnel tutorial."""
import asyncio
import os
import uuid

from peer import Peer
from processes import Node, expect, free_ports, until
from relay import RelayVisitor, status_of
from visitor import Visitor, get
from .catalogue import BOTH_SHELLS, EVERYWHERE, scenario
from .requests import check


class CommandNode(Node):
    """A tunnel server that is one `-L` argument, as in the tutorial."""

    def __init__(self, bench, parameters):
        super().__init__(bench)
        self.parameters = parameters

    async def start(self):
        self.program = await self.bench.program(
            "culvert", "-metrics", f"127.0.0.1:{self.admin}", "-L",
            f"tunnel+ws://:{self.ws}?entrypoint=:{self.entry}&{self.parameters}")
        await self.ready(15)
        return self


async def bound(bench, node, name, tunnel, kind="ws", **keys):
    peer = await Peer(name, kind, node.port(kind), tunnel, **keys).bind()
    bench.peers.append(peer)
    return peer


async def reached(kind, port, tunnel, host, name, **keys):
    """A visit that is answered by the peer of this name."""
    async with RelayVisitor(kind, port, tunnel, host, **keys) as visitor:
        text = await visitor.get("/visit")
        expect(text.startswith(f"{name} /visit "), f"{host} of {name} was answered {text!r}")


@scenario(BOTH_SHELLS)
async def tutorial_routing(bench):
    """Public tunnels by host, an external entry point, client routing, a private tunnel: inline rules of one `-L`."""
    web, ssh, redis, public = (uuid.uuid4() for _ in range(4))
    node = await CommandNode(
        bench, f"entrypoint.id={public}&tunnel=srv-0.local:{web},srv-1.local:{web},ssh.srv-2.local:{ssh},"
        f"redis.srv-3.local:${redis}").start()
    for name, tunnel in (("web", web), ("ssh", ssh), ("redis", redis)):
        await bound(bench, node, name, tunnel)
    # Public: two hosts of one tunnel; the stream says which, so that the client can choose among its targets.
    for host in ("srv-0.local", "srv-1.local"):
        check(await get(node.entry, host, "/p"), "web", "/p")
    expect((await get(node.entry, "redis.srv-3.local")).status == 502, "a private tunnel is public")
    expect((await get(node.entry, "nobody.local")).status == 502, "an unknown host was answered")
    # External entry point: visitors that present entrypoint.id are led by their host, and private stays private.
    await reached("ws", node.ws, public, "srv-1.local", "web")
    await reached("ws", node.ws, public, "ssh.srv-2.local", "ssh")
    expect(await status_of("ws", node.ws, public, "redis.srv-3.local") == 6, "entrypoint.id opens a private tunnel")
    expect(await status_of("ws", node.ws, public, "nobody.local") == 7, "entrypoint.id and an unknown host")
    # Client routing and the private tunnel: who knows the id and names a host of it.
    await reached("ws", node.ws, ssh, "ssh.srv-2.local", "ssh")
    await reached("ws", node.ws, redis, "redis.srv-3.local", "redis")
    for tunnel, host in ((web, "ssh.srv-2.local"), (redis, "srv-0.local"), (redis, ""), (web, "nobody.local")):
        expect(await status_of("ws", node.ws, tunnel, host) == 6, f"{host} was served by another tunnel's id")
    # A relay request at the public port: whoever knows an id would be past every rule.
    expect(await status_of("tcp", node.entry, redis, "redis.srv-3.local") == 3, "a relay request at the entrypoint")
    expect(await node.ended_by("private_route") == 2, "private refusals were not counted")


@scenario(BOTH_SHELLS)
async def tutorial_direct_routing(bench):
    """`tunnel.direct=true`: the tunnel's id is all that a visitor needs."""
    node = await CommandNode(bench, "tunnel.direct=true").start()
    tunnel, offline = uuid.uuid4(), uuid.uuid4()
    await bound(bench, node, "direct", tunnel)
    await reached("ws", node.ws, tunnel, "", "direct")
    await reached("ws", node.ws, tunnel, "service.host", "direct")
    expect(await status_of("ws", node.ws, offline) == 5, "an offline tunnel")


@scenario(EVERYWHERE)
async def relay_at_entrypoint(bench):
    """`entrypoint.relay: true`: the same rules at the entrypoint as at the tunnel port."""
    tunnel, secret = uuid.uuid4(), uuid.uuid4()
    rules = f"  rules:\n  - {{hostname: secret.local, endpoint: \"${secret}\"}}\n"
    node = await bench.node(ingress=rules, metadata="entrypoint.relay: true, ")
    peer = await bound(bench, node, "peer", tunnel)
    await bound(bench, node, "secret", secret, "tcp")
    host = node.host(peer).partition(":")[0]
    for _ in range(8):
        await reached("tcp", node.entry, tunnel, host, "peer")
        await reached("tcp", node.entry, secret, "secret.local", "secret")
    expect(await status_of("tcp", node.entry, tunnel, "secret.local") == 6, "a host of another tunnel")
    check(await get(node.entry, host, "/p"), "peer", "/p")


@scenario(EVERYWHERE)
async def udp_connectors_apart(bench):
    """TCP and UDP visitors of one tunnel get connectors of their kind; one with UDP connectors only is offline for all
    others; datagrams pass with their boundaries."""
    node = await bench.node(metadata="tunnel.direct: true, ")
    tunnel = uuid.uuid4()
    udp = await bound(bench, node, "udp", tunnel, "tcp", udp=True, origin=Peer.echo)
    answer = await get(node.entry, node.host(udp))
    expect(answer.status == 503, f"{answer.status} {answer.text[:80]!r}")
    expect(await node.ended_by("tunnel_offline") == 1, "the visitor was refused for another reason")
    expect(await status_of("tcp", node.tcp, tunnel) == 5, "a TCP visitor of a tunnel with a UDP connector only")
    async with RelayVisitor("ws", node.ws, tunnel, udp=True) as visitor:
        for size in (1, 0, 1_200, 65_507, 65_535):
            data = os.urandom(size)
            visitor.send_datagram(data)
            expect(await visitor.datagram() == data, f"a datagram of {size} bytes")
    await bound(bench, node, "tcp", tunnel)
    for _ in range(10):
        await reached("tcp", node.tcp, tunnel, "", "tcp")
        async with RelayVisitor("tcp", node.tcp, tunnel, udp=True) as visitor:
            visitor.send_datagram(b"u")
            expect(await visitor.datagram() == b"u", "a UDP visitor beside TCP connectors")
    status, text = await node.page("/dump")
    expect(status == 200 and " udp weight" in text and " tcp weight" in text, "the dump does not tell them apart")
    expect(await node.agrees(2), "the planes disagree")


@scenario(EVERYWHERE)
async def visits_begin_anew(bench):
    """A connector that dies with a visit inside, before a byte of an answer: another one has it, on whichever worker."""
    node = await bench.node(metadata="tunnel.direct: true, ")
    tunnel = uuid.uuid4()

    async def silent(peer, stream):
        await stream.reader.readexactly(1)
        peer.had = True
        await asyncio.Event().wait()
    rounds = 12
    for number in range(rounds):
        mute = await Peer("mute", "ws", node.ws, tunnel, weight=255, origin=silent).bind()
        mute.had = False
        spare = await Peer(f"spare-{number}", "tcp", node.tcp, tunnel).bind()
        async with RelayVisitor("ws" if number % 2 else "tcp", node.port("ws" if number % 2 else "tcp"), tunnel) as visitor:
            answer = asyncio.ensure_future(visitor.get(f"/{number}"))
            await until(lambda: mute.had, 5, "the visit at the connector that is to die")
            await mute.close()
            text = await answer
            expect(text.startswith(f"spare-{number} /{number} "), f"answered {text!r}")
        await spare.close()
    expect(await node.total("culvert_requests_retried_total") == rounds, "visits were not counted as repeated")


@scenario(BOTH_SHELLS, seconds=60)
async def independent_visitor(bench):
    """The independent implementation's visitor, where it is there: a local port that leads to a private tunnel."""
    folder = os.environ.get("CULVERT_PEER", os.path.join(bench.repository, "..", "shared", "peer"))
    program = os.path.join(folder, "visitor.py")
    if not os.path.exists(program):
        print(f"     skipped: no {program} (set CULVERT_PEER to the folder of the independent peer)", flush=True)
        return
    tunnel = uuid.uuid4()
    rules = f"  rules:\n  - {{hostname: private.local, endpoint: \"${tunnel}\"}}\n"
    node = await bench.node(ingress=rules, handler="auth: {username: ann, password: one}, ")
    await bound(bench, node, "private", tunnel, auth=("ann", "one"))
    local, = free_ports(1)
    await bench.launch(
        "python3", program, "--server", f"ws://127.0.0.1:{node.ws}/ws", "--tunnel-id", str(tunnel), "--dest",
        "private.local", "--user", "ann", "--password", "one", "--listen", f"127.0.0.1:{local}")

    async def listens():
        try:
            async with Visitor(local):
                return True
        except OSError:
            return False
    await until(listens, 10, "the visitor's local port")
    check(await get(local, "anything", "/through"), "private", "/through")
