"""Planes that stand still, that nobody starts again, or that hear each other late."""
import asyncio
import os
import signal

from peer import Peer
from planelink import PlaneLink
from processes import Node, alive, expect, until
from visitor import Load, Visitor, get
from .catalogue import BOTH_SHELLS, scenario
from .failures import AGREE_SECONDS_MAX, RATE, Binders, Tasks, asked, known, undisturbed
from .requests import check

STOP_SECONDS = 10


@scenario(BOTH_SHELLS, seconds=90)
async def hosts_without_the_control_plane(bench):
    """SIGSTOP of the control plane: a tunnel's further connectors keep the host that the routes give it; nobody gets one
    that is another's or new; afterwards all is as it was."""
    node = await bench.node()
    name = f"shop.{node.domain}"
    owner = await Peer("owner", "ws", node.ws, host=name).bind()
    bench.peers.append(owner)
    expect(owner.granted == name, f"granted {owner.granted} instead of {name}")
    control = node.pid("culvert-control")
    os.kill(control, signal.SIGSTOP)
    clock = asyncio.get_running_loop().time
    for what, tunnel, host, granted in (
            ("the owner's second", owner.tunnel, "SHOP", "SHOP"), ("the owner's third", owner.tunnel, name, name),
            ("the owner's fourth", owner.tunnel, f"more.{node.domain}", None), ("a stranger's", None, name, None),
            ("a newcomer's", None, f"new.{node.domain}", None)):
        begun = clock()
        peer = await asyncio.wait_for(Peer(what, "tcp", node.tcp, tunnel, host=host).bind(), 5)
        bench.peers.append(peer)
        expect(peer.granted == (granted or peer.label), f"{what} connector asked for {host} and got {peer.granted}")
        expect(clock() - begun <= 1.0, f"{what} BIND was answered after {clock() - begun:.2f} s")
        expect((await get(node.entry, node.host(peer))).status == 200, f"{what} connector is not reached")
    expect((await get(node.entry, name)).text.startswith(("owner", "the owner's")), "the host changed hands")
    os.kill(control, signal.SIGCONT)
    await until(lambda: node.agrees(6), AGREE_SECONDS_MAX, "two equal dumps")


@scenario(BOTH_SHELLS, seconds=90)
async def data_plane_stopped(bench):
    """SIGSTOP of the data plane for 10 s: connections are taken and wait, the control plane says what is the matter;
    then everybody who waited is served, and the planes agree within 2 s."""
    node = await bench.node()
    hosts = await known(bench, node)
    seen = len(node.program.lines)
    data = node.pid("culvert-data")
    os.kill(data, signal.SIGSTOP)
    visitors = [await Visitor(node.entry).open() for _ in range(200)]
    for number, visitor in enumerate(visitors):
        visitor.send(hosts[number % len(hosts)][1], f"/{number}")
    await node.program.line("data plane does not answer", 8, since=seen)
    # The length of the stop is the condition itself.
    await asyncio.sleep(STOP_SECONDS - 4)
    expect((await node.page("/readyz"))[0] != 200, "ready with a data plane that does not answer")
    os.kill(data, signal.SIGCONT)
    for number, visitor in enumerate(visitors):
        answer = await asyncio.wait_for(visitor.receive(), 10)
        check(answer, hosts[number % len(hosts)][0], f"/{number}")
        visitor.close()
    await node.program.line("data plane answers again", 5, since=seen)
    await until(lambda: node.agrees(len(hosts)), AGREE_SECONDS_MAX + 5, "two equal dumps")
    expect(node.pid("culvert-data") == data, "the data plane was started anew")


@scenario(BOTH_SHELLS, seconds=60)
async def data_plane_gone(bench):
    """kill -9 of a data plane that nobody starts again for a while: its connectors leave the registry at the end of its
    socket, connections wait and are not refused; its successor answers them."""
    node = await bench.node()
    peers = [await Peer(f"peer-{n}", ("ws", "tcp")[n % 2], node.port(("ws", "tcp")[n % 2])).bind() for n in range(20)]
    bench.peers += peers

    async def connectors(count):
        return await node.total("culvert_connectors") == count
    await until(lambda: connectors(20), 5, "twenty connectors")
    os.kill(node.program.pid, signal.SIGSTOP)
    try:
        data = node.pid("culvert-data")
        os.kill(data, signal.SIGKILL)
        await until(lambda: connectors(0), 1, "an empty registry")
        visitors = [await Visitor(node.entry).open() for _ in range(50)]
    finally:
        os.kill(node.program.pid, signal.SIGCONT)
    await node.ready(10)
    peer = await Peer("new", "ws", node.ws, peers[0].tunnel).bind()
    bench.peers.append(peer)
    for number, visitor in enumerate(visitors):
        # Those of before the kill were never accepted: they waited in the socket, which is the control plane's.
        check(await visitor.get(node.host(peer), f"/{number}"), "new", f"/{number}")
        visitor.close()


class ApartNode(Node):
    """The two planes as two containers would run them, with a plane link that can be stopped."""

    async def start(self):
        directory = self.bench.directory
        file = self.bench.file("gost.yaml", self.configuration())
        control, between = directory + "/control.sock", directory + "/between.sock"
        self.program = await self.bench.program(
            "culvert-control", "-C", file, "--socket", control, "--node", "node-1")
        await until(lambda: os.path.exists(control), 10, "the control plane's socket")
        self.link = PlaneLink(between, control)
        self.bench.peers.append(self.link)
        self.data = await self.bench.program(
            "culvert-data", "--control", between, "--name", "data-0", "--workers", str(self.bench.workers), "--io",
            self.bench.io)
        await self.ready(15)
        return self


@scenario(BOTH_SHELLS, seconds=120)
async def slow_plane_link(bench):
    """A plane link on which nothing moves for 10 s, twice, at 500 requests/s with clients binding: neither plane waits
    for the other, every BIND is answered within 1 s, and the planes agree within 2 s of its recovery."""
    node = await ApartNode(bench).start()
    hosts = await known(bench, node)
    async with Load(node.entry, hosts, RATE) as load, Binders(node) as binders:
        await asked(load, RATE)
        for _ in range(2):
            binders.since = asyncio.get_running_loop().time()
            node.link.open.clear()
            before = binders.count
            # The length of the stop is the condition itself.
            await asyncio.sleep(STOP_SECONDS)
            # The control plane's pages are there, though its data plane is silent.
            expect((await node.page("/livez"))[0] == 200, "the control plane waits for its data plane")
            expect(binders.count - before >= 10, f"only {binders.count - before} clients bound during the stop")
            node.link.open.set()
            await asked(load, RATE)
    await undisturbed(load, binders, "plane link stopped")
    await until(lambda: node.agrees(len(hosts)), AGREE_SECONDS_MAX, "two equal dumps")
    expect(alive(node.data.pid), "the data plane ended")
