"""Planes that die or stop while visitors come and clients bind."""
import asyncio
import os
import signal
import uuid

import peer
from peer import Peer
from processes import expect, until
from visitor import Load, get
from .catalogue import BOTH_SHELLS, scenario
from .reach import client, origin

#: Asked for each second; what must have been answered each second for the scenario to say anything.
RATE, RATE_MIN = 600, 500
BIND_SECONDS_MAX = 1.0
AGREE_SECONDS_MAX = 2.0


async def known(bench, node, count=4):
    """Tunnels that keep themselves bound; (name, host) of each, and the event that ends them."""
    stop = asyncio.Event()
    hosts, tasks, up = [], [], []
    for number in range(count):
        kind = ("ws", "tcp")[number % 2]
        tunnel = uuid.uuid4()
        bound = asyncio.Event()

        def make(number=number, kind=kind, tunnel=tunnel):
            return Peer(f"known-{number}", kind, node.port(kind), tunnel)

        def heard(seconds, peer, bound=bound):
            bound.set()
        tasks.append(asyncio.ensure_future(peer.keep_bound(make, heard, stop)))
        up.append(bound)
        hosts.append((f"known-{number}", f"{peer.endpoint(tunnel)}.{node.domain}"))
    await asyncio.wait_for(asyncio.gather(*(bound.wait() for bound in up)), 10)
    bench.peers.append(Tasks(stop, tasks))
    return hosts


class Tasks:
    """Background work, ended as peers are."""

    def __init__(self, stop, tasks):
        self.stop, self.tasks = stop, tasks

    async def close(self):
        self.stop.set()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Binders:
    """New clients, one after the other, each bound, visited once, and gone; with the longest wait for an answer."""

    def __init__(self, node):
        self.node, self.count, self.slowest, self.faults = node, 0, 0.0, []
        self.since = 0.0
        self.stopping = asyncio.Event()

    async def __aenter__(self):
        self.task = asyncio.ensure_future(self.run())
        return self

    async def __aexit__(self, *error):
        self.stopping.set()
        await self.task

    async def run(self):
        clock = asyncio.get_running_loop().time
        while not self.stopping.is_set():
            kind = ("ws", "tcp")[self.count % 2]
            client = Peer(f"new-{self.count}", kind, self.node.port(kind))
            begun = clock()
            try:
                await asyncio.wait_for(client.bind(), 5)
                self.slowest = max(self.slowest, clock() - begun)
                answer = await get(self.node.entry, self.node.host(client), "/new")
                if answer.status != 200 or not answer.text.startswith(client.name + " "):
                    self.faults.append(
                        f"{client.name}, bound {begun - self.since:.2f} s after the fault in {clock() - begun:.2f} s: "
                        f"{answer.status} {answer.text[:80]!r}")
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, peer.BindRefused) as error:
                self.faults.append(
                    f"{client.name}, {begun - self.since:.2f} s after the fault: {type(error).__name__} {error}")
            if hasattr(client, "carrier"):
                await client.close()
            self.count += 1


async def undisturbed(load, binders, text):
    expect(not load.failed and not load.refused,
           f"{text}: {len(load.failed)} of {load.good + len(load.failed)} requests failed, {load.refused} connections "
           f"were refused: {load.failed[:5]}")
    expect(load.reached >= RATE_MIN, f"{text}: only {load.reached:.0f} requests/s were answered: nothing is shown")
    expect(not binders.faults, f"{text}: {len(binders.faults)} of {binders.count} binds failed: {binders.faults[:5]}")
    expect(binders.slowest <= BIND_SECONDS_MAX, f"{text}: a BIND waited {binders.slowest:.2f} s")


async def asked(load, requests):
    """Waits until the load has had so many more answers, within four times the time they take."""
    target = load.good + requests
    await until(lambda: load.good + len(load.failed) >= target, 4 * requests / RATE + 2, f"{requests} more answers")


@scenario(BOTH_SHELLS, seconds=90, alone=True)
async def control_plane_killed(bench):
    """kill -9 of the control plane at 500 requests/s, with clients binding: nothing fails, every BIND is answered
    within 1 s, and the planes agree within 2 s of the new one's readiness."""
    node = await bench.node()
    hosts = await known(bench, node)
    async with Load(node.entry, hosts, RATE) as load, Binders(node) as binders:
        await asked(load, RATE)
        old = node.pid("culvert-control")
        binders.since = asyncio.get_running_loop().time()
        os.kill(old, signal.SIGKILL)
        await asked(load, 3 * RATE)
        await until(lambda: peer_is_new(node, "culvert-control", old), 10, "a new control plane")
        await node.ready(10)
        await asked(load, RATE)
    await undisturbed(load, binders, "control plane killed")
    await until(lambda: node.agrees(len(hosts)), AGREE_SECONDS_MAX, "two equal dumps")


def peer_is_new(node, name, old):
    try:
        return node.pid(name) != old
    except Exception:
        return False


@scenario(BOTH_SHELLS, seconds=90)
async def control_plane_stopped(bench):
    """SIGSTOP of the control plane for 10 s, the same."""
    node = await bench.node()
    hosts = await known(bench, node)
    async with Load(node.entry, hosts, RATE) as load, Binders(node) as binders:
        await asked(load, RATE)
        control = node.pid("culvert-control")
        binders.since = asyncio.get_running_loop().time()
        os.kill(control, signal.SIGSTOP)
        # The length of the stop is the condition itself.
        await asyncio.sleep(10)
        during = binders.count
        os.kill(control, signal.SIGCONT)
        await asked(load, RATE)
    await undisturbed(load, binders, "control plane stopped")
    expect(during >= 10, f"only {during} clients bound while the control plane was stopped")
    await until(lambda: node.agrees(len(hosts)), AGREE_SECONDS_MAX, "two equal dumps")


@scenario(BOTH_SHELLS, seconds=90, alone=True)
async def data_plane_killed(bench):
    """kill -9 of the data plane: no connection is refused, a visitor who comes at once is served within 1 s of the
    kill (or as soon as the client is back), and the connectors leave the registry."""
    node = await bench.node()
    hosts = await known(bench, node)
    clock = asyncio.get_running_loop().time
    async with Load(node.entry, hosts, RATE) as load:
        await asked(load, RATE)
        old = node.pid("culvert-data")
        killed = clock()
        os.kill(old, signal.SIGKILL)
        await until(lambda: any(moment > killed + 0.02 for moment in load.answered), 5, "an answer after the kill")
        back = next(moment for moment in load.answered if moment > killed + 0.02) - killed
        await asked(load, RATE)
    expect(load.refused == 0, f"{load.refused} connections were refused")
    expect(back <= 1.0, f"the first answer came {back:.2f} s after the kill")
    await until(lambda: node.agrees(len(hosts)), 5, "two equal dumps with the connectors that came back")


@scenario(BOTH_SHELLS, seconds=120)
async def crash_loop_backs_off(bench):
    """A data plane that dies at once again and again is started ever more slowly, and the log says so."""
    node = await bench.node()
    waits = []
    for _ in range(5):
        old = await until(lambda: plane(node), 20, "a data plane")
        seen = len(node.program.lines)
        os.kill(old, signal.SIGKILL)
        found = await node.program.line(r"process ended.*?retry_ms\W+(\d+)", 5, since=seen)
        waits.append(int(found[1]))
    expect(waits[-1] > waits[0] and waits[-1] >= 500, f"the restarts wait {waits} ms: no backing off")
    await node.ready(20)


def plane(node):
    try:
        return node.pid("culvert-data")
    except Exception:
        return None


@scenario(BOTH_SHELLS, seconds=90)
async def client_comes_back(bench):
    """Our client with two connections: a server that goes and comes finds it again within its longest pause; one that
    falls silent without closing is noticed within 15 s."""
    async def answer(reader, writer):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    node = await bench.node()
    program, host = await client(bench, node, "ws", await origin(bench, answer), connections=2)

    async def both():
        return await node.total("culvert_connectors_open") == 2
    await until(both, 10, "two connectors")
    seen = len(program.lines)
    await node.program.stop()
    await program.line("connection to the server lost", 5, since=seen)
    await node.start()
    await until(both, 7, "two connectors after the server's return")
    expect((await get(node.entry, host)).text == "ok", "no answer after the server's return")
    # Silence: the process stands still, its sockets stay open.
    seen = len(program.lines)
    os.kill(node.pid("culvert-data"), signal.SIGSTOP)
    await program.line("connection to the server lost", 16, since=seen)


@scenario(BOTH_SHELLS, seconds=60)
async def supervisor_killed(bench):
    """kill -9 of the supervisor: its children end."""
    node = await bench.node()
    pids = [node.pid("culvert-control"), node.pid("culvert-data")]
    os.kill(node.program.pid, signal.SIGKILL)
    await node.program.process.wait()
    for pid in pids:
        expect(await node.program.gone(pid, 3), f"process {pid} outlived its supervisor")
