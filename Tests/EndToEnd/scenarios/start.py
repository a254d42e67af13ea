"""Starts that must not happen, and what they say; and the choice of the shell."""
import asyncio
import contextlib
import os
import re
import signal
import socket

from peer import Peer
from processes import Node, expect, free_ports, until
from visitor import get
from .catalogue import BOTH_SHELLS, ONCE, scenario

SERVICE = """\
services:
- name: tunnels
  addr: "127.0.0.1:{port}"
  handler:
    type: tunnel
    metadata:
      ingress: names
{handler}
  listener:
    type: ws
{listener}
ingresses:
- name: names
{ingress}
"""

#: (what, handler's lines, listener's lines, ingress's lines, further text, line of the fault, words of the message)
BAD = [
    ("an auther that is not there", "    auther: people", "", "", "", 8, ["auther", "people"]),
    ("a login without a password", "    auth: {username: a}", "", "", "", 8, ["auth", "password"]),
    ("client certificates", "", "    tls: {caFile: ca.pem}", "", "", 11, ["tls"]),
    ("an unknown reference", "      entrypoint: {addr: 1}", "", "", "", 8, ["entrypoint"]),
    ("an unknown ingress plugin", "", "", "  plugin: {type: grpc, addr: 127.0.0.1:8000}", "", 14, ["grpc"]),
    ("ingress rules from a database", "", "", "  redis: {addr: 127.0.0.1:6379}", "", 14, ["redis"]),
    ("a file of rules without a path", "", "", "  file: {}\n  reload: 1s", "", 14, ["path"]),
    ("a listener that is not there", "", "    tls: {serverName: a}", "", "", 11, ["tls"]),
    ("a misspelt key", "      entrypiont: \":80\"", "", "", "", 8, ["entrypiont", "entrypoint"]),
    ("a duration without a unit", "      readTimeout: 10 s", "", "", "", 8, ["readTimeout"]),
    ("a limit that is none", "", "", "", "culvert: {limits: {streamsMax: 3}}", 15, ["streamsMax"]),
    ("a limit out of range", "", "", "", "culvert: {limits: {headBytesMax: 3}}", 15, ["headBytesMax", "1024"]),
    ("a bad endpoint", "", "", "  rules: [{hostname: a.b, endpoint: nonsense}]", "", 14, ["a.b", "UUID"]),
]


@scenario(ONCE)
async def bad_configurations(bench):
    """Each stops the start at once, with file and line, and `culvert check` says the same; nothing listens."""
    port, = free_ports(1)
    wrong = []
    for what, handler, listener, ingress, further, line, words in BAD:
        text = SERVICE.format(port=port, handler=handler or "      mux.version: 2",
                              listener=listener or "    metadata: {path: /ws}",
                              ingress=ingress or "  plugin: {type: memory}") + further + "\n"
        file = bench.file("bad.yaml", text)
        for arguments in (["check", file], ["-C", file]):
            program = await bench.program("culvert", *arguments)
            try:
                status = await program.ended(10)
            except Exception as fault:
                wrong.append(f"{what}: {arguments[0]}: {fault}")
                continue
            if status == 0 or not re.search(rf"bad\.yaml:{line}(:\d+)?: ", program.log) or not all(
                    word in program.log for word in words):
                wrong.append(f"{what}: {arguments[0]} ended with {status}: {program.log!r}")
    for text, words in (("services: [", ["bad.yaml:2"]), ("services:\n- addr: \":1\"\n  addr: \":2\"\n", ["bad.yaml:2", "twice"]),
                        ("", ["bad.yaml"])):
        program = await bench.program("culvert", "-C", bench.file("bad.yaml", text))
        status = await program.ended(10)
        if status == 0 or not all(word in program.log for word in words):
            wrong.append(f"{text!r} ended with {status}: {program.log!r}")
    for arguments in (["-L", "tunnel+wss://:8443?entrypoint=:80"], ["-L", "nonsense"],
                      ["-L", "tunnel+ws://:8421?entrypoint=:80&auther=people"], ["check", bench.directory + "/absent.yaml"]):
        program = await bench.program("culvert", *arguments)
        status = await program.ended(10)
        if status == 0 or len(program.log) < 20:
            wrong.append(f"{arguments} ended with {status}: {program.log!r}")
    expect(not wrong, "\n".join(wrong))


@scenario(ONCE)
async def memory_is_told_beforehand(bench):
    """`culvert-data --print-memory` needs nobody else; its sums are sums, and follow the limits that are given."""
    totals = []
    for limits in ([], ["--limit", "visitorsPerWorkerMax=1000", "--limit=linksPerWorkerMax=1000"]):
        program = await bench.program("culvert-data", "--print-memory", "--workers", "4", *limits)
        expect(await program.ended(10) == 0, program.log)
        numbers = [[int(word) for word in re.findall(r"(?<=\s)\d+(?!\S)", line.replace(",", ""))] for line in program.lines]
        rows = [row for row in numbers if len(row) == 3]
        sums = [row[0] for line, row in zip(program.lines, numbers) if line.startswith("sum")]
        expect(all(count * each == size for count, each, size in rows) and len(sums) == 2, program.log)
        workers = next(position for position, row in enumerate(rows) if row[0] == 4)
        expect(sum(row[2] for row in rows[:workers]) == sums[0] == rows[workers][1], program.log)
        expect(sum(row[2] for row in rows[workers:]) == sums[1], program.log)
        totals.append(sums[1])
    expect(totals[1] < totals[0] * 0.7, f"{totals}")
    for wrong in ("visitorsPerWorkerMax", "visitorsPerWorkerMax=3", "visitorsMax=3"):
        program = await bench.program("culvert-data", "--print-memory", "--limit", wrong)
        expect(await program.ended(10) == 64 and "--limit" in program.log, program.log)


@scenario(ONCE)
async def good_configuration_is_explained(bench):
    """`culvert check` on a good file ends with 0 and says what it would do."""
    node = Node(bench)
    bench.io = "auto"
    program = await bench.program("culvert", "check", bench.file("good.yaml", node.configuration()))
    expect(await program.ended(10) == 0, program.log)
    for word in (str(node.ws), str(node.tcp), str(node.entry), "localhost"):
        expect(word in program.log, f"`check` does not mention {word}:\n{program.log}")


@scenario(ONCE, seconds=120)
async def busy_port_is_named(bench):
    """A port that somebody else holds is named within 5 s, with what to do, and ends the first start with a status that
    is not 0. A node that ran already keeps trying, and is ready by itself once the port is free."""
    for role in ("entry", "ws", "admin"):
        node = Node(bench)
        taken = getattr(node, role)
        with listening(taken):
            node.program = await bench.program("culvert", "-C", bench.file("gost.yaml", node.configuration()))
            await node.program.line(rf"cannot (listen|serve).*{taken}\D.*(in use|another program)", 5)
            status = await node.program.ended(8)
            expect(status not in (0, 78), f"exit status {status}")
        left = os.listdir(os.path.join(bench.directory, "culvert"))
        expect(not left, f"left in the runtime directory: {left}")
    node = await bench.node()
    seen = len(node.program.lines)
    for name in ("culvert-data", "culvert-control"):
        os.kill(node.pid(name), signal.SIGSTOP)
    control, data = node.pid("culvert-control"), node.pid("culvert-data")
    os.kill(data, signal.SIGKILL)
    os.kill(control, signal.SIGKILL)
    with await taking(node.admin):
        await node.program.line(rf"cannot serve.*{node.admin}\D.*in use", 10, since=seen)
        expect(node.program.process.returncode is None, "a restart gave up")
    await node.ready(30)


@contextlib.contextmanager
def listening(port):
    with socket.socket(socket.AF_INET6) as holder:
        holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        holder.bind(("::", port))
        holder.listen()
        yield


async def taking(port):
    """A holder of a port, as soon as it is free."""
    holder = socket.socket(socket.AF_INET)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def is_taken():
        try:
            holder.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False
    await until(is_taken, 5, f"port {port}", every=0.001)
    holder.listen()
    return holder


@scenario(ONCE)
async def ring_refused_by_seccomp(bench):
    """Under a seccomp filter that answers EPERM to io_uring, as container profiles do, the readiness shell is chosen by
    itself with one log line, and everything works; asked for explicitly, the ring's absence is an error."""
    probe = os.environ.get("CULVERT_SECCOMP") or os.path.join(os.path.dirname(__file__), "..", "without_ring.py")
    bench.io = "auto"
    node = Node(bench)
    file = bench.file("gost.yaml", node.configuration())
    node.program = await bench.launch("python3", probe, os.path.join(bench.binaries, "culvert"), "-C", file)
    await node.ready(15)
    peer = await Peer("peer", "ws", node.ws).bind()
    bench.peers.append(peer)
    for _ in range(100):
        answer = await get(node.entry, node.host(peer))
        expect(answer.status == 200, f"{answer.status}")
    told = [line for line in node.program.lines if re.search("io_uring", line) and '"warning"' in line]
    expect(len(told) == 1, f"the choice of the shell was told {len(told)} times:\n{node.program.log}")
    await node.program.stop()
    bench.io = "ring"
    file = bench.file("gost.yaml", node.configuration())
    program = await bench.launch("python3", probe, os.path.join(bench.binaries, "culvert"), "-C", file)
    await program.line(r"io_uring.*(permitted|EPERM)", 5)


@scenario(BOTH_SHELLS)
async def leaves_cleanly(bench):
    """SIGTERM ends a node within 5 s with status 0, and nothing stays behind."""
    node = await bench.node()
    peer = await Peer("peer", "ws", node.ws).bind()
    bench.peers.append(peer)
    node.program.process.terminate()
    expect(await node.program.ended(5) == 0, f"exit status {node.program.process.returncode}")
    left = [name for name in os.listdir(os.path.join(bench.directory, "culvert"))]
    expect(not left, f"left in the runtime directory: {left}")
    await asyncio.wait_for(peer.lost.wait(), 2)
