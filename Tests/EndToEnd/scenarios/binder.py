"""Our tunnel client: where streams go, and which server it is at."""
import asyncio
import json
import os
import signal
import socket
import struct
import sys
import uuid

import peer
from processes import Node, expect, free_ports, until
from visitor import Visitor, get
from .catalogue import BOTH_SHELLS, scenario
from .reach import origin


class RuledNode(Node):
    """A node with fixed hosts beside the dynamic ones."""

    def __init__(self, bench, rules):
        super().__init__(bench)
        self.rules = rules

    def configuration(self):
        plugin = f"plugin: {{type: memory, domain: {self.domain}}}\n"
        rules = "".join(f"  - {{hostname: {host}, endpoint: {tunnel}}}\n" for host, tunnel in self.rules)
        return super().configuration().replace(plugin, plugin + "  rules:\n" + rules)


async def named(reader, writer, name):
    """An origin that answers with its name and the path, as `Load` wants it."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        text = b"%s %s \n" % (name.encode(), head.split(b" ")[1])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))


def service(name, tunnel, server, target, handler=""):
    """A service and its chain, for `configuration`; `target` is a port or a forwarder."""
    forwarder = f'{{nodes: [{{addr: "127.0.0.1:{target}"}}]}}' if isinstance(target, int) else target
    return f"""\
- name: {name}
  handler: {{type: rtcp{handler}}}
  listener: {{type: rtcp, chain: {name}}}
  forwarder: {forwarder}
""", f"""\
- name: {name}
  hops: [{{nodes: [{{addr: "{server}", connector: {{type: tunnel, metadata: {{tunnel.id: {tunnel}}}}}, dialer: {{type: ws}}}}]}}]
"""


def configuration(*services):
    return "services:\n" + "".join(one for one, _ in services) + "chains:\n" + "".join(two for _, two in services)


@scenario(BOTH_SHELLS)
async def two_hosts_on_one_tunnel(bench):
    """`filter.host` by the host that the server sent: two services behind one tunnel, a third host is refused, and a
    host that names a port of the client's machine reaches nothing."""
    tunnel = uuid.uuid4()
    hosts = ["a.example.com", ".b.example.com", "c.example.com", "localtest.example.com"]
    node = await RuledNode(bench, [(host, tunnel) for host in hosts]).start()
    ports = [await origin(bench, lambda r, w, name=name: named(r, w, name)) for name in ("first", "second")]
    forwarder = (f'{{nodes: [{{addr: "127.0.0.1:{ports[0]}", filter: {{host: A.example.com}}}}, '
                 f'{{addr: "127.0.0.1:{ports[1]}", filter: {{host: "*.b.example.com"}}}}]}}')
    file = bench.file("client.yaml", configuration(service("a", tunnel, f"127.0.0.1:{node.ws}", forwarder)))
    program = await bench.program("culvert", "-C", file)
    await program.line("tunnel is up", 10)
    for host, name in (("a.example.com", "first"), ("b.example.com", "second"), ("x.b.example.com", "second")):
        answer = await get(node.entry, host, "/x")
        expect((answer.status, answer.text) == (200, f"{name} /x \n"), f"{host}: {answer.status} {answer.text!r}")
    answer = await get(node.entry, "c.example.com")
    expect(answer.status == 502, f"a host without a target answers {answer.status}")
    await program.line("no target takes the visitor's host", 5)


@scenario(BOTH_SHELLS)
async def unix_socket_and_several_targets(bench):
    """A Unix socket as the target, on the command line; a dead target beside it is passed over in the same stream."""
    node = await bench.node()
    path = os.path.join(bench.directory, "app.sock")
    await origin(bench, lambda r, w: named(r, w, "unix"), path)
    dead, = free_ports(1)
    tunnel = uuid.uuid4()
    program = await bench.program(
        "culvert", "-L", f"rtcp://:0/127.0.0.1:{dead},unix://{path}?maxFails=1&failTimeout=1s",
        "-F", f"tunnel+tcp://127.0.0.1:{node.tcp}?tunnel.id={tunnel}")
    await program.line(peer.endpoint(tunnel), 10)
    for number in range(10):
        answer = await get(node.entry, f"{peer.endpoint(tunnel)}.localhost", f"/{number}")
        expect(answer.text == f"unix /{number} \n", f"{answer.status} {answer.text!r}")


@scenario(BOTH_SHELLS)
async def targets_by_ipv6_and_by_name(bench):
    """A target at an IPv6 address; at `localhost` when only its IPv6 side listens; by a name that is resolved."""
    node = await bench.node()
    six = await origin(bench, lambda r, w: named(r, w, "six"), host="::1")
    every = await origin(bench, lambda r, w: named(r, w, "every"), host=None)
    for target, name in ((f"[::1]:{six}", "six"), (f"localhost:{six}", "six"), (f"{socket.gethostname()}:{every}", "every")):
        tunnel = uuid.uuid4()
        program = await bench.program(
            "culvert", "-L", f"rtcp://:0/{target}", "-F", f"tunnel+ws://127.0.0.1:{node.ws}?tunnel.id={tunnel}")
        await program.line(peer.endpoint(tunnel), 10)
        answer = await get(node.entry, f"{peer.endpoint(tunnel)}.localhost", "/x")
        expect(answer.text == f"{name} /x \n", f"{target}: {answer.status} {answer.text!r}")


@scenario(BOTH_SHELLS)
async def proxy_header_tells_the_target_who_comes(bench):
    """`proxyProtocol: 1` and `2`: a test origin reads the visitor's address in front of the request."""
    seen = asyncio.Queue()

    async def answer(reader, writer):
        first = await reader.readexactly(5)
        if first == b"PROXY":
            line = (first + await reader.readuntil(b"\r\n")).decode()
            words = line.split()
            seen.put_nowait((1, words[2], int(words[4])))
        else:
            head = first + await reader.readexactly(11)
            expect(head[:12] == b"\r\n\r\n\0\r\nQUIT\n", f"no signature: {head}")
            expect(head[12:14] == b"\x21\x11", f"no TCP over IPv4: {head[12:14]}")
            body = await reader.readexactly(struct.unpack(">H", head[14:16])[0])
            seen.put_nowait((2, ".".join(map(str, body[:4])), struct.unpack(">H", body[8:10])[0]))
        await named(reader, writer, "proxied")

    node = await bench.node()
    target = await origin(bench, answer)
    for version in (1, 2):
        tunnel = uuid.uuid4()
        program = await bench.program(
            "culvert", "-L", f"rtcp://:0/127.0.0.1:{target}?proxyProtocol={version}",
            "-F", f"tunnel+ws://127.0.0.1:{node.ws}?tunnel.id={tunnel}")
        await program.line(peer.endpoint(tunnel), 10)
        async with Visitor(node.entry) as visitor:
            own = visitor.writer.get_extra_info("sockname")
            reply = await visitor.get(f"{peer.endpoint(tunnel)}.localhost", "/who")
            expect(reply.text == "proxied /who \n", f"{reply.status} {reply.text!r}")
            told = await asyncio.wait_for(seen.get(), 5)
            expect(told == (version, own[0], own[1]), f"the origin was told {told}, the visitor is {own}")
        await program.stop()


@scenario(BOTH_SHELLS, seconds=90)
async def servers_fail_over(bench):
    """Two servers in one `-F`: the client goes to the other one within a few seconds when its server is killed, and
    comes back when the second one is."""
    target = await origin(bench, lambda r, w: named(r, w, "one"))
    nodes = []
    for number in range(2):
        node = Node(bench)
        node.file = bench.file(f"node-{number}.yaml", node.configuration())
        node.program = await bench.program("culvert", "-C", node.file)
        await node.ready(15)
        nodes.append(node)
    tunnel = uuid.uuid4()
    program = await bench.program(
        "culvert", "-L", f"rtcp://:0/127.0.0.1:{target}", "-F",
        f"tunnel+ws://127.0.0.1:{nodes[0].ws},127.0.0.1:{nodes[1].ws}?tunnel.id={tunnel}&strategy=fifo&failTimeout=1s")
    await program.line("tunnel is up", 10)
    host = f"{peer.endpoint(tunnel)}.localhost"
    expect((await get(nodes[0].entry, host)).status == 200, "not at the first server")

    async def answers(node):
        try:
            return (await get(node.entry, host)).status == 200
        except (OSError, asyncio.IncompleteReadError):
            return False
    nodes[0].program.process.kill()
    await until(lambda: answers(nodes[1]), 4, "the second server")
    nodes[0].program = await bench.program("culvert", "-C", nodes[0].file)
    await nodes[0].ready(15)
    nodes[1].program.process.kill()
    await until(lambda: answers(nodes[0]), 6, "the first server again")


#: The independent implementation's server. Without it, as `./test` says, what needs it is left out.
PEER = os.path.join(
    os.environ.get("CULVERT_PEER") or os.path.join(os.path.dirname(__file__), *[".."] * 4, "shared", "peer"),
    "server.py")


def with_peer(settings=None, seconds=60):
    return scenario(settings, seconds) if os.path.exists(PEER) else lambda body: body


async def peer_server(bench, *arguments):
    """Its events come as lines of JSON."""
    server = await bench.launch(sys.executable, "-u", PEER, *arguments)
    await server.line("listening", 10)
    return server


@with_peer(BOTH_SHELLS, seconds=120)
async def works_with_another_server(bench):
    """The independent implementation as the server: both carriers, both smux versions, a tiny window, bulk; it answers
    nothing for a while, it is restarted, and the client comes back by itself."""
    async def answer(reader, writer):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            count = int(head.split(b" ")[1][1:])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % count + b"x" * count)
            await writer.drain()
    target = await origin(bench, answer)
    for kind, version, window in (("tcp", 2, 1 << 20), ("ws", 2, 4_096), ("ws", 1, 1 << 20), ("tcp", 1, 4_096)):
        port, entry = free_ports(2)
        where = f"{kind}://127.0.0.1:{port}" + ("/ws" if kind == "ws" else "")
        options = ("--listen", where, "--entry", f"127.0.0.1:{entry}", "--mux-version", str(version),
                   "--window", str(window))
        server = await peer_server(bench, *options)
        tunnel = uuid.uuid4()
        program = await bench.program(
            "culvert", "-L", f"rtcp://:0/127.0.0.1:{target}",
            "-F", f"tunnel+{kind}://127.0.0.1:{port}?tunnel.id={tunnel}&mux.version={version}")
        await program.line("tunnel is up", 10)
        host = f"{peer.endpoint(tunnel)}.gost.local"
        for size in (5, 300_000):
            body = (await get(entry, host, f"/{size}", 20)).body
            expect(body == b"x" * size, f"{kind} {version} {window}: {len(body)} of {size} bytes")
        if (kind, version) == ("tcp", 2):
            seen = len(program.lines)
            server.process.kill()
            await server.process.wait()
            await program.line("the server closed the connection|cannot be reached", 5, since=seen)
            server = await peer_server(bench, *options)
            await program.line("tunnel is up", 10, since=seen)
            expect((await get(entry, host, "/7")).body == b"x" * 7, "after the restart")
            seen = len(program.lines)
            server.process.send_signal(signal.SIGSTOP)
            await program.line("the server was silent for too long", 15.5, since=seen)
            server.process.send_signal(signal.SIGCONT)
            await program.line("tunnel is up", 15, since=seen)
            expect((await get(entry, host, "/9")).body == b"x" * 9, "after the silence")
        if (kind, version) == ("ws", 1):
            other = await bench.program(
                "culvert", "-L", f"rtcp://:0/127.0.0.1:{target}",
                "-F", f"tunnel+{kind}://127.0.0.1:{port}?tunnel.id={uuid.uuid4()}&mux.version=2")
            bound = await other.line(r'tunnel is up.*"host":"(\w+)"|"host":"(\w+)".*tunnel is up', 10)
            asking = asyncio.ensure_future(get(entry, f"{bound[1] or bound[2]}.gost.local", "/1"))
            await other.line(r"another version of smux: see \?mux.version=", 5)
            asking.cancel()
            await other.stop()
        await program.stop()
        await server.stop()


@with_peer(BOTH_SHELLS)
async def wrong_credentials_are_said_plainly(bench):
    """A server that wants a login: the right one binds, in all forms; a wrong one is named with what to do, and is not
    tried again and again."""
    port, = free_ports(1)
    server = await peer_server(bench, "--listen", f"tcp://127.0.0.1:{port}", "--user", "me", "--password", "secret")
    target = await origin(bench, lambda r, w: named(r, w, "one"))
    for forward in (f"tunnel://me:secret@127.0.0.1:{port}", f"tunnel://127.0.0.1:{port}?auth=bWU6c2VjcmV0"):
        program = await bench.program("culvert", "-L", f"rtcp://:0/127.0.0.1:{target}", "-F", forward)
        await program.line("tunnel is up", 10)
        await program.stop()
    seen = len(server.lines)
    program = await bench.program(
        "culvert", "-L", f"rtcp://:0/127.0.0.1:{target}", "-F", f"tunnel://me:wrong@127.0.0.1:{port}")
    told = await program.line(r'refuses these credentials.*user:password@.*"retry_ms":"(\d+)"|'
                              r'"retry_ms":"(\d+)".*refuses these credentials.*user:password@', 10)
    expect(int(told[1] or told[2]) >= 15_000, f"tried again after {told[1] or told[2]} ms")
    expect("wrong" not in program.log, "the password is in the log")
    refusals = [line for line in server.lines[seen:] if json.loads(line)["event"] == "refused"]
    expect(len(refusals) == 1, f"refused {len(refusals)} times")
