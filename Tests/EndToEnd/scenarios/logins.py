"""Credentials: who is let in, what changes while the node runs, and that secrets stay where they belong."""
import asyncio
import os
import signal
import time

from peer import BindRefused, Peer
from processes import Node, children, expect, until
from relay import status_of
from visitor import get
from .catalogue import BOTH_SHELLS, EVERYWHERE, scenario
from .requests import check

PASSWORD = "s3cr3t-pa55word"


async def bind(node, kind, auth, name="peer"):
    """The status of a BIND, 0 when it was granted, and the peer."""
    peer = Peer(name, kind, node.port(kind), auth=auth)
    try:
        await peer.bind()
        return 0, peer
    except BindRefused as refused:
        return int(str(refused).rpartition(" ")[2]), peer


@scenario(EVERYWHERE)
async def logins(bench):
    """Inline and from a file: right ones at once, wrong ones late, and never at the cost of others."""
    bench.file("people", f"# people\nfile-user {PASSWORD}\n")
    node = await bench.node(
        handler=f"auther: people, auth: {{username: inline, password: {PASSWORD}}}, ",
        metadata="tunnel.direct: true, ",
        further=f"authers:\n- name: people\n  file: {{path: {bench.directory}/people}}\n  reload: 200ms\n")
    peers = []
    for kind in ("ws", "tcp"):
        for user in ("inline", "file-user"):
            status, peer = await bind(node, kind, (user, PASSWORD), user)
            expect(status == 0, f"{user} over {kind}: status {status}")
            bench.peers.append(peer)
            peers.append(peer)
            check(await get(node.entry, node.host(peer), "/1"), user, "/1")
            expect(await status_of(kind, node.port(kind), peer.tunnel, auth=(user, PASSWORD)) == 0, "a visitor")
    begun = time.monotonic()
    for auth in (None, ("inline", "wrong"), ("nobody", PASSWORD), ("", "")):
        status, _ = await bind(node, "tcp", auth)
        expect(status == 2, f"{auth and auth[0]!r} with a wrong login: status {status}")
    # 0.25, 0.5, 1 and 2 s, counted by each worker for itself.
    expect(time.monotonic() - begun >= (3.7 if bench.workers == 1 else 1.4), "four guesses cost no time")
    expect(await status_of("ws", node.ws, peers[0].tunnel) == 2, "a visitor without a login")
    status, peer = await bind(node, "ws", ("inline", PASSWORD))
    expect(status == 0, f"a right login after wrong ones: status {status}")
    bench.peers.append(peer)
    expect(await node.ended_by("unauthorized") == 5, "the refusals were not counted")

    # The file changes: one comes, one goes, a broken line is left out; whoever is in stays in.
    bench.file("people.new", f"other-user {PASSWORD}\nbroken\n")
    os.rename(bench.directory + "/people.new", bench.directory + "/people")

    async def changed():
        status, peer = await bind(node, "tcp", ("other-user", PASSWORD))
        if status == 0:
            bench.peers.append(peer)
        return status == 0
    await until(changed, 10, "the new user")
    status, _ = await bind(node, "tcp", ("file-user", PASSWORD))
    expect(status == 2, f"a user who was taken out of the file: status {status}")
    await node.program.line("left out.*people:2", 5)
    check(await get(node.entry, node.host(peers[1]), "/2"), "file-user", "/2")
    await secrets_stay(node)


async def secrets_stay(node):
    """No password in logs, pages or the arguments of the processes that were started."""
    pages = [(await node.page(path))[1] for path in ("/metrics", "/dump", "/readyz")]
    arguments = []
    for pid in children(node.program.pid).values():
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            arguments.append(file.read().decode())
    for what, text in (("the log", node.program.log), ("a page", "".join(pages)), ("arguments", "".join(arguments))):
        expect(PASSWORD not in text, f"a password stands in {what}")


class LoginNode(Node):
    """One `-L` with `user:pass@`."""

    async def start(self):
        self.program = await self.bench.program(
            "culvert", "-metrics", f"127.0.0.1:{self.admin}", "-L",
            f"tunnel+ws://ann:{PASSWORD}@:{self.ws}?entrypoint=:{self.entry}")
        await self.ready(15)
        return self


@scenario(BOTH_SHELLS)
async def login_of_an_argument(bench):
    """`-L tunnel+ws://user:pass@…`: a login; the processes that are started never have it in their arguments."""
    node = await LoginNode(bench).start()
    status, peer = await bind(node, "ws", ("ann", PASSWORD))
    expect(status == 0, f"the right login: status {status}")
    bench.peers.append(peer)
    status, _ = await bind(node, "ws", None)
    expect(status == 2, f"no login: status {status}")
    check(await get(node.entry, node.host(peer), "/1"), "peer", "/1")
    await secrets_stay(node)


@scenario(BOTH_SHELLS, seconds=60)
async def logins_without_the_control_plane(bench):
    """kill -9 of the control plane: the data plane asks for the same credentials while it is away and afterwards."""
    node = await bench.node(handler=f"auth: {{username: ann, password: {PASSWORD}}}, ")
    control = node.pid("culvert-control")
    os.kill(control, signal.SIGSTOP)
    try:
        (right, peer), (wrong, _) = await asyncio.gather(
            bind(node, "ws", ("ann", PASSWORD)), bind(node, "tcp", ("ann", "guess")))
    finally:
        os.kill(control, signal.SIGKILL)
    expect((right, wrong) == (0, 2), f"without the control plane: statuses {right} and {wrong}")
    bench.peers.append(peer)
    await until(lambda: node.agrees(1), 10, "two equal dumps with the connector that was bound meanwhile")
    status, _ = await bind(node, "tcp", ("ann", "guess"))
    expect(status == 2, f"afterwards: status {status}")
    status, again = await bind(node, "tcp", ("ann", PASSWORD))
    expect(status == 0, f"afterwards: status {status}")
    bench.peers.append(again)
