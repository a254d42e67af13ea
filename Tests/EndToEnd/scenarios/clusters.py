"""Several nodes before one Redis, and several data planes of one node: a visitor is served wherever he comes."""
import asyncio
import contextlib
import hashlib
import json
import os
import re
import signal
import ssl
import uuid

import peer as peers
from peer import Peer
from processes import Node, children, expect, free_ports, until
from stores import Redis
from visitor import Load, Visitor, get
from .catalogue import BOTH_SHELLS, ONCE, scenario
from .failures import known
from .front import secure_origin
from .reach import client
from .relays import reached
from .requests import check

DOMAIN = "gost.local"
SECRET = "the secret of these nodes, 0123456789"


class ClusterNode(Node):
    """One of several nodes, whose names and connectors stand in one Redis."""

    def __init__(self, bench, redis, number, secret=SECRET):
        super().__init__(bench, domain=DOMAIN)
        self.redis, self.number, self.secret = redis, number, secret
        self.links, = free_ports(1)

    def configuration(self):
        store = f"type: redis, addr: '127.0.0.1:{self.redis.port}'"
        metadata = "ingress: names, sd: connectors"
        return f"""\
culvert:
  node: node-{self.number}
  workers: {self.bench.workers}
  io: {self.bench.io}
  peers: {{addr: "127.0.0.1:{self.links}", secret: "{self.secret}"}}
metrics: {{addr: "127.0.0.1:{self.admin}"}}
ingresses: [{{name: names, plugin: {{{store}, db: 1, domain: {DOMAIN}}}}}]
sds: [{{name: connectors, plugin: {{{store}, db: 2}}}}]
services:
- name: over-ws
  addr: ":{self.ws}"
  handler: {{type: tunnel, metadata: {{entrypoint: ":{self.entry}", {metadata}}}}}
  listener: {{type: ws}}
- name: over-tcp
  addr: ":{self.tcp}"
  handler: {{type: tunnel, metadata: {{{metadata}}}}}
  listener: {{type: tcp}}
"""

    async def start(self):
        file = self.bench.file(f"node-{self.number}.yaml", self.configuration())
        self.program = await self.bench.program("culvert", "-C", file)
        await self.ready(15)
        return self

    async def kill(self):
        """The whole node at once: the kernel ends the children with their supervisor."""
        os.kill(self.program.pid, signal.SIGKILL)
        await self.program.ended(5)

    @contextlib.contextmanager
    def frozen(self):
        """All its processes stand still meanwhile: the supervisor first, last when they go on."""
        held = [self.program.pid, *children(self.program.pid).values()]
        for pid in held:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(held):
                os.kill(pid, signal.SIGCONT)


async def cluster(bench, count):
    redis = await Redis(bench).start()
    return redis, [await ClusterNode(bench, redis, number).start() for number in range(count)]


async def bound(bench, node, name, kind="ws", tunnel=None, host="0.0.0.0"):
    peer = await Peer(name, kind, node.port(kind), tunnel, host=host).bind()
    bench.peers.append(peer)
    return peer


async def served(node, host, name, path="/first", seconds=5):
    """Until a visitor of the host is answered by the peer of this name: a connector is registered a moment after its
    client was answered."""
    async def answered():
        answer = await get(node.entry, host, path)
        return answer.status == 200 and answer.text.startswith(f"{name} {path} ")
    await until(answered, seconds, f"{name} answers at node {node.number}")


@scenario(BOTH_SHELLS, seconds=90)
async def cluster_serves_everywhere(bench):
    """A client at one node, its visitors at the other: HTTP with bodies both ways, TLS, relay visitors, a host of its
    own; one's own connectors first; who is gone is gone, by its reason."""
    _, (near, far) = await cluster(bench, 2)
    peer = await bound(bench, near, "near", host=f"shop.{DOMAIN}")
    expect(peer.granted == f"shop.{DOMAIN}", f"granted {peer.granted}")
    host = f"{peer.label}.{DOMAIN}"
    await served(far, host, "near")
    for number in range(100):
        check(await get(far.entry, (host, f"shop.{DOMAIN}")[number % 2], f"/{number}"), "near", f"/{number}")
    async with Visitor(far.entry) as visitor:
        for number in range(100):
            check(await visitor.get(host, f"/kept/{number}"), "near", f"/kept/{number}")
        body = os.urandom(4 << 20)
        visitor.send(host, "/body", "POST", body)
        digest = hashlib.sha256(body).hexdigest()[:16]
        answer = await asyncio.wait_for(visitor.receive(), 20)
        expect(answer.text == f"near /body {digest}\n", f"{answer.status} {answer.text[:120]!r}")
    for kind in ("ws", "tcp"):
        await reached(kind, far.port(kind), peer.tunnel, host, "near")
    expect(await far.total("culvert_forwards_opened_total") >= 5, "nothing was forwarded")

    async def linked():
        return await near.total("culvert_peer_links") == await far.total("culvert_peer_links") >= bench.workers ** 2
    await until(linked, 5, "every worker is linked with every worker")

    # A second connector, here: visitors do not travel any more, and those at the other node have both.
    local = await bound(bench, far, "far", "tcp", peer.tunnel)
    before = await far.total("culvert_forwards_opened_total")
    for number in range(20):
        check(await get(far.entry, host, f"/own/{number}"), "far", f"/own/{number}")
    expect(await far.total("culvert_forwards_opened_total") == before, "forwarded past a connector of its own")
    await peer.close()
    await served(near, host, "far", "/back")

    # Nobody is left.
    await local.close()

    async def offline():
        return (await get(near.entry, host)).status in (502, 503)
    await until(offline, 5, "the tunnel is offline")
    answer = await get(far.entry, host)
    expect(answer.status in (502, 503), f"an offline tunnel was answered {answer.status}")
    expect(await far.ended_by("tunnel_offline") > 0, "without its reason")


@scenario(BOTH_SHELLS, seconds=90)
async def cluster_passes_tls(bench):
    """TLS by its name through the other node to a service behind our client: its own certificate is seen."""
    _, (near, far) = await cluster(bench, 2)
    tunnel = uuid.uuid4()
    host = f"{peers.endpoint(tunnel)}.{DOMAIN}"
    target, file = await secure_origin(bench, host)
    await client(bench, near, "ws", target, tunnel)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)

    async def fetched(node, path):
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_connection("127.0.0.1", node.entry, ssl=context, server_hostname=host), 10)
        except (ssl.SSLError, ConnectionError):
            return None
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"Content-Length: (\d+)", head)[1])
        body = await reader.readexactly(length)
        writer.close()
        return body
    for node in (near, far):
        await until(lambda: fetched(node, "/first/10"), 10, f"TLS at node {node.number}")
        body = await fetched(node, f"/big/{1 << 20}")
        expect(body == f"/big/{1 << 20} for {host} ".encode() + b"x" * (1 << 20) + b"\n", "another body")


@scenario(BOTH_SHELLS, seconds=120, alone=True)
async def cluster_node_killed(bench):
    """Three nodes; a tunnel has connectors at two of them, and its visitors come to the third. One of the two is killed:
    no visitor notices. The other one, too: everybody is told, at once and by a reason."""
    _, (first, second, third) = await cluster(bench, 3)
    peer = await bound(bench, first, "both")
    host = f"{peer.label}.{DOMAIN}"
    await served(third, host, "both")
    await bound(bench, second, "both", "tcp", peer.tunnel)
    hosts = [("both", host)]
    async with Load(third.entry, hosts, 200) as load:
        await until(lambda: load.good >= 200, 10, "two hundred answers")
        await first.kill()
        count = load.good
        await until(lambda: load.good >= count + 1_000, 20, "a thousand answers afterwards")
    expect(not load.failed and not load.refused, f"{len(load.failed)} failed: {load.failed[:5]}")
    await second.kill()
    clock = asyncio.get_running_loop().time
    for number in range(10):
        begun = clock()
        answer = await get(third.entry, host, f"/{number}")
        expect(answer.status in (502, 503, 504), f"answered {answer.status}")
        expect(clock() - begun <= 2, f"told after {clock() - begun:.2f} s")
    reasons = ("peers_unreachable", "connector_lost", "tunnel_offline", "forward_timeout", "lookup_timeout")
    expect(sum([await third.ended_by(reason) for reason in reasons]) >= 10, "refused without a reason")


@scenario(BOTH_SHELLS, seconds=120, alone=True)
async def cluster_node_frozen(bench):
    """Three nodes; a tunnel has connectors at two of them, and its visitors come to the third, on connections that they
    keep. One of the two stands still: every request is answered within a second, those that were with it or were sent
    there before anybody could know by the other one. It goes on, and has its part again."""
    _, (first, second, third) = await cluster(bench, 3)
    peer = await bound(bench, first, "both")
    host = f"{peer.label}.{DOMAIN}"
    await served(third, host, "both")
    await bound(bench, second, "both", "tcp", peer.tunnel)

    async def shared():
        check(await get(third.entry, host, "/new"), "both", "/new")
        return await second.total("culvert_forwards_accepted_total") > 0
    await until(shared, 10, "the third node knows both")
    async with Load(third.entry, [("both", host)], 200, connections=32) as load:
        await until(lambda: load.good >= 400, 10, "four hundred answers")
        accepted = await first.total("culvert_forwards_accepted_total")
        load.slowest = 0.0
        with first.frozen():
            count = load.good
            await until(lambda: load.good >= count + 800, 20, "eight hundred answers without it")
        expect(load.slowest < 1, f"an answer took {load.slowest:.2f} s")
        expect(await third.total("culvert_requests_retried_total") > 0, "nothing was with it")

        async def back():
            # Somebody new: who has an idle stream to the other one keeps to it.
            check(await get(third.entry, host, "/new"), "both", "/new")
            return await first.total("culvert_forwards_accepted_total") > accepted
        await until(back, 20, "it has its part again")
    expect(not load.failed and not load.refused, f"{len(load.failed)} failed: {load.failed[:5]}")


@scenario(BOTH_SHELLS, seconds=90)
async def cluster_binds_without_redis(bench):
    """Redis is killed, and a client binds meanwhile: its tunnel answers at its own node at once, and within a second at the
    other, by its endpoint and by the host that it asked for. Redis comes back, empty: nobody notices, and it is whole
    again."""
    redis, (near, far) = await cluster(bench, 2)
    early = await bound(bench, near, "early")
    await served(far, f"{early.label}.{DOMAIN}", "early")

    async def told():
        return all([await node.total("culvert_cluster_nodes_told") == 1 for node in (near, far)])
    await until(told, 10, "the control planes hear each other")
    await redis.kill()
    clock = asyncio.get_running_loop().time
    late = await bound(bench, near, "late", "tcp", host=f"late.{DOMAIN}")
    expect(late.granted == f"late.{DOMAIN}", f"granted {late.granted}")
    begun = clock()
    hosts = [f"{late.label}.{DOMAIN}", f"late.{DOMAIN}"]
    for host in hosts:
        check(await get(near.entry, host, "/own"), "late", "/own")
    for host in hosts:
        await served(far, host, "late", "/elsewhere", seconds=1)
    expect(clock() - begun <= 1, f"reached elsewhere after {clock() - begun:.2f} s")
    await reached("ws", far.port("ws"), late.tunnel, hosts[0], "late")
    check(await get(far.entry, f"{early.label}.{DOMAIN}", "/still"), "early", "/still")

    # A host that the other node gave meanwhile is not given again.
    rival = await bound(bench, far, "rival", host=f"late.{DOMAIN}")
    expect(rival.granted == rival.label, f"granted {rival.granted}, which is another tunnel's")
    await redis.start()

    async def whole():
        names = [await redis.cli("-n", "1", "GET", peer.label) == str(peer.tunnel) for peer in (early, late, rival)]
        names.append(await redis.cli("-n", "1", "GET", "late") == str(late.tunnel))
        counts = [await redis.cli("-n", "2", "HLEN", str(peer.tunnel)) == "1" for peer in (early, late, rival)]
        return all(names + counts)

    async def answered():
        for node in (near, far):
            for peer, host in ((late, hosts[0]), (late, hosts[1]), (early, f"{early.label}.{DOMAIN}")):
                check(await get(node.entry, host, "/back"), peer.name, "/back")
        return await whole()
    await until(answered, 10, "Redis is whole again")
    for _ in range(10):
        await answered()
    await late.close()

    async def gone():
        return (await get(far.entry, hosts[1])).status in (502, 503)
    await until(gone, 5, "the tunnel is offline")


@scenario(ONCE, seconds=90)
async def cluster_secret(bench):
    """A node with another secret links with nobody, and what it has is not reached through it; the secret stands in no
    log and on no page."""
    redis = await Redis(bench).start()
    near = await ClusterNode(bench, redis, 0).start()
    stranger = await ClusterNode(bench, redis, 1, secret="another secret, which is as long").start()
    peer = await bound(bench, near, "near")

    async def unproven():
        answer = await get(stranger.entry, f"{peer.label}.{DOMAIN}")
        expect(answer.status != 200, "served through a node that does not know the secret")
        return await near.ended_by("peer_unproven") > 0
    await until(unproven, 10, "a proof that was none")
    expect(await near.total("culvert_peer_links") == 0, "a link without a proof")
    check(await get(near.entry, f"{peer.label}.{DOMAIN}", "/1"), "near", "/1")
    for node in (near, stranger):
        pages = "".join([(await node.page(path))[1] for path in ("/metrics", "/dump")])
        expect(node.secret not in node.program.log + pages, "the secret was told")


@scenario(ONCE)
async def cluster_start_is_refused(bench):
    """`sd` without a way for other nodes to come stops the start, in words that say what to do."""
    redis = await Redis(bench).start()
    port, other = free_ports(2)
    program = await bench.program("culvert", "-L", f"tunnel+ws://:{port}?sd=redis://127.0.0.1:{redis.port}/2")
    await program.line(r"nothing says how they come: add `culvert: \{peers:", 15)
    file = bench.file("open.yaml", f"""\
culvert: {{peers: {{addr: ":{other}", secret: "{SECRET}"}}}}
services:
- {{addr: ":{port}", handler: {{type: tunnel, metadata: {{sd: "redis://127.0.0.1:{redis.port}/2"}}}}}}
""")
    program = await bench.program("culvert", "-C", file)
    await program.line("add `advertisedHost:`", 15)


class ManyPlanes(Node):
    """One node whose data planes are started one by one."""

    async def start(self):
        file = self.bench.file("gost.yaml", self.configuration())
        self.control = self.bench.directory + "/control.sock"
        self.program = await self.bench.program(
            "culvert-control", "-C", file, "--socket", self.control, "--node", "node-1")
        await until(lambda: os.path.exists(self.control), 10, "the control plane's socket")
        self.planes = {}
        return self

    async def plane(self, name):
        """Starts the data plane of a name, and waits until it serves."""
        self.planes[name] = await self.bench.program(
            "culvert-data", "--control", self.control, "--name", name, "--workers", str(self.bench.workers), "--io",
            self.bench.io)
        await self.ready(15)
        count = sum(1 for program in self.planes.values() if program.process.returncode is None)

        async def serving():
            return len(await self.connectors()) == count
        await until(serving, 10, f"{name} serves")

    async def connectors(self):
        """{data plane: its connectors} of those that serve."""
        status, text = await self.page("/dump")
        expect(status == 200, f"/dump answers {status}")
        return {
            plane["dataPlane"]: int(plane["data"].split("\n")[0].split(" ")[1])
            for plane in json.loads(text)["dataPlanes"] if plane.get("data") is not None}


@scenario(BOTH_SHELLS, seconds=120)
async def planes_of_one_node(bench):
    """Two data planes of one node, without any store: each serves the tunnels of both, whichever the kernel gives a
    visitor to; one that is killed and started again takes its part anew."""
    node = await ManyPlanes(bench).start()
    await node.plane("data-0")
    await node.plane("data-1")
    hosts = await known(bench, node, 32)

    async def spread():
        counts = await node.connectors()
        return sum(counts.values()) == 32 and min(counts.values()) > 0
    await until(spread, 10, "both have connectors")

    async def everybody(text):
        # A connection each: the kernel chooses the data plane.
        for number in range(10):
            answers = await asyncio.gather(*(get(node.entry, host, f"/{text}/{number}") for _, host in hosts))
            for (name, _), answer in zip(hosts, answers):
                check(answer, name, f"/{text}/{number}")
    await everybody("both")
    expect(await node.total("culvert_forwards_opened_total") > 20, "nothing was forwarded")
    peer = await bound(bench, node, "relayed")
    for number in range(20):
        # The tunnel port is shared as the entrypoint is.
        kind = ("ws", "tcp")[number % 2]
        await reached(kind, node.port(kind), peer.tunnel, f"{peer.label}.{node.domain}", "relayed")
    await peer.close()
    os.kill(node.planes["data-1"].pid, signal.SIGKILL)
    await node.planes["data-1"].ended(5)
    await node.plane("data-1")
    await until(spread, 10, "both have connectors again")
    await everybody("again")
    expect(os.path.exists(bench.directory + "/data-0.peer"), "no socket beside the control plane's")
