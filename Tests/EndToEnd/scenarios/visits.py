"""Visitor services and binders of datagrams: our client on both sides, and on one side with an independent
implementation on the other."""
import asyncio
import hashlib
import json
import os
import shutil
import sys
import uuid

import peer
from datagrams import Sender, echo
from processes import Node, Skipped, expect, free_ports, until
from visitor import get
from .catalogue import BOTH_SHELLS, scenario
from .reach import origin

BULK = 10 << 20


async def culvert(bench, *arguments):
    """Our program with the shell under test."""
    file = bench.file("io.yaml", f"culvert: {{io: {bench.io}}}\nlog: {{level: debug}}\n")
    return await bench.program("culvert", "-C", file, *arguments)


async def binder(bench, node, kind, service, tunnel):
    """Exposes `rtcp://:0/…` or `rudp://:0/…`; the host that leads to it."""
    url = f"tunnel+{kind}://127.0.0.1:{node.port(kind)}?tunnel.id={tunnel}"
    program = await culvert(bench, "-L", service, "-F", url)
    await program.line(peer.endpoint(tunnel), 10)
    return program, f"{peer.endpoint(tunnel)}.{node.domain}"


async def visiting(bench, url, *services):
    """Local ports that lead through `-F url`; returns once they listen."""
    arguments = [argument for service in services for argument in ("-L", service)]
    program = await culvert(bench, *arguments, "-F", url)
    for _ in services:
        await program.line("visitors are taken", 10)
    return program


async def echoing(reader, writer):
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def exchange(port, data, seconds=20, host="127.0.0.1"):
    """What an echo at a local port makes of `data`, ended by half-closing."""
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 22)

    async def send():
        writer.write(data)
        await writer.drain()
        writer.write_eof()
    try:
        sending = asyncio.ensure_future(send())
        back = await asyncio.wait_for(reader.read(-1), seconds)
        await sending
        return back
    finally:
        writer.close()


@scenario(BOTH_SHELLS, seconds=90)
async def tcp_service(bench):
    """The tutorial's TCP service: `-L rtcp://` on one side, `-L tcp://:port/host` on the other. Bytes both ways in their
    own time, 10 MB, 200 visitors at once, an answer that comes only after the end of what was asked."""
    async def digest(reader, writer):
        body = await reader.read(-1)
        writer.write(hashlib.sha256(body).hexdigest().encode())
        await writer.drain()
    node = await bench.node()
    echo_port, digest_port = await origin(bench, echoing), await origin(bench, digest)
    for kind in ("ws", "tcp"):
        tunnels = [uuid.uuid4(), uuid.uuid4()]
        binders, ports = [], free_ports(2)
        visitors = []
        for tunnel, target, port in zip(tunnels, (echo_port, digest_port), ports):
            program, host = await binder(bench, node, kind, f"rtcp://:0/127.0.0.1:{target}", tunnel)
            binders.append(program)
            visitors.append(await visiting(
                bench, f"tunnel+{kind}://127.0.0.1:{node.port(kind)}?tunnel.id={tunnel}",
                f"tcp://127.0.0.1:{port}/{host}"))
        reader, writer = await asyncio.open_connection("127.0.0.1", ports[0])
        for size in (1, 100, 65_536):
            data = os.urandom(size)
            writer.write(data)
            expect(await asyncio.wait_for(reader.readexactly(size), 10) == data, f"{size} bytes came back as others")
        writer.close()
        bulk = os.urandom(1 << 16) * (BULK >> 16)
        expect(await exchange(ports[0], bulk) == bulk, "10 MB came back as others")
        answer = await exchange(ports[1], bulk)
        expect(answer == hashlib.sha256(bulk).hexdigest().encode(), f"after the end came {answer[:80]!r}")
        questions = [os.urandom(2_000) for _ in range(200)]
        answers = await asyncio.gather(*(exchange(ports[0], question) for question in questions))
        expect(answers == questions, "200 visitors at once were answered with others' bytes")
        await until(lambda: quiet(node, 2), 10, "the streams' end")
        for program in binders + visitors:
            await program.stop()


async def quiet(node, connectors):
    """Nothing is left at the node but its connectors."""
    return (await node.total("culvert_streams"), await node.total("culvert_links")) == (0, connectors)


@scenario(BOTH_SHELLS, seconds=90)
async def udp_service(bench):
    """The tutorial's UDP service: datagrams of up to 65,507 bytes arrive whole and are answered; 1,000 senders
    have a conversation and a socket at the target each; the first answer ends it where it is not kept alive."""
    node = await bench.node()
    service, target = await echo(bench)
    for kind in ("ws", "tcp"):
        tunnel = uuid.uuid4()
        program, host = await binder(bench, node, kind, f"rudp://:0/127.0.0.1:{target}", tunnel)
        kept, once = free_ports(2)
        url = f"tunnel+{kind}://127.0.0.1:{node.port(kind)}?tunnel.id={tunnel}"
        visitor = await visiting(
            bench, url, f"udp://127.0.0.1:{kept}/{host}?keepalive=true&ttl=30s", f"udp://127.0.0.1:{once}/{host}")
        async with Sender(kept) as sender:
            service.senders.clear()
            for size in (1, 512, 1_400, 4_096, 16_384, 65_507):
                question = os.urandom(size)
                expect(await sender.ask(question) == question, f"{size} bytes: no such answer")
            expect(len(service.senders) == 1, f"one sender was {len(service.senders)} at the target")
        async with Sender(once) as sender:
            service.senders.clear()
            for _ in range(2):
                question = os.urandom(100)
                expect(await sender.ask(question) == question, "no answer")
            expect(len(service.senders) == 2, f"{len(service.senders)} conversations of one answer each")
        service.senders.clear()

        async def flow(number):
            async with Sender(kept) as sender:
                for turn in range(2):
                    question = number.to_bytes(4, "big") + bytes([turn]) + os.urandom(40)
                    expect(await sender.ask(question) == question, f"sender {number} has no answer")
        await asyncio.gather(*(flow(number) for number in range(1_000)))
        expect(len(service.senders) >= 1_000, f"1,000 senders were {len(service.senders)} at the target")
        await visitor.stop()
        await program.stop()


class RuledNode(Node):
    """A node with rules of its own, or without any host."""

    def __init__(self, bench, rules=(), direct=False):
        super().__init__(bench)
        self.rules, self.direct = rules, direct

    def configuration(self):
        rules = "".join(f"  - {{hostname: {host}, endpoint: \"{endpoint}\"}}\n" for host, endpoint in self.rules)
        plugin = f"plugin: {{type: memory, domain: {self.domain}}}\n"
        text = super().configuration().replace(plugin, plugin + (f"  rules:\n{rules}" if rules else ""))
        return text.replace("metadata: {", "metadata: {tunnel.direct: true, ") if self.direct else text


@scenario(BOTH_SHELLS)
async def private_tunnel(bench):
    """The tutorial's private tunnel: `$UUID` keeps the host from the entrypoint; a visitor with the id reaches it, one with
    another id does not, and is told why."""
    tunnel, other = uuid.uuid4(), uuid.uuid4()
    node = await RuledNode(bench, [("srv-2.local", f"${tunnel}")]).start()

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nprivate")
    program, _ = await binder(bench, node, "ws", f"rtcp://:0/127.0.0.1:{await origin(bench, answer)}", tunnel)
    answered = await get(node.entry, "srv-2.local")
    expect(answered.status >= 400, f"the entrypoint answers {answered.status} for a private host")
    known, wrong, offline = free_ports(3)
    url = f"tunnel+ws://127.0.0.1:{node.ws}?tunnel.id="
    await visiting(bench, f"{url}{tunnel}", f"tcp://127.0.0.1:{known}/srv-2.local")
    answered = await get(known, "srv-2.local")
    expect((answered.status, answered.text) == (200, "private"), f"{answered.status} {answered.text!r}")
    refused = await visiting(bench, f"{url}{other}", f"tcp://127.0.0.1:{wrong}/srv-2.local")
    expect(await exchange(wrong, b"", 5) == b"", "another tunnel's id reaches a private host")
    await refused.line("6 Host Unreachable", 5)
    host = f"{peer.endpoint(other)}.{node.domain}"
    nobody = await visiting(bench, f"{url}{other}", f"tcp://127.0.0.1:{offline}/{host}")
    expect(await exchange(offline, b"", 5) == b"", "a tunnel that is not there answers")
    await nobody.line("[56] (Host Unreachable|Service Unavailable)", 5)


@scenario(BOTH_SHELLS)
async def direct_routing(bench):
    """The tutorial's direct routing: with `tunnel.direct` the id alone leads to the service; no host is named."""
    tunnel = uuid.uuid4()
    node = await RuledNode(bench, direct=True).start()
    await binder(bench, node, "tcp", f"rtcp://:0/127.0.0.1:{await origin(bench, echoing)}", tunnel)
    named, unnamed = free_ports(2)
    await visiting(
        bench, f"tunnel+ws://127.0.0.1:{node.ws}?tunnel.id={tunnel}", f"tcp://127.0.0.1:{unnamed}",
        f"tcp://127.0.0.1:{named}/any.host:22")
    for port in (named, unnamed):
        data = os.urandom(5_000)
        expect(await exchange(port, data) == data, "other bytes came back")


@scenario(BOTH_SHELLS)
async def both_families(bench):
    """A port without a host takes visitors of IPv4 and IPv6, connections and datagrams alike, and answers them; several
    services and a binder live in one process."""
    node = await bench.node()
    tcp, udp = uuid.uuid4(), uuid.uuid4()
    service, target = await echo(bench)
    _, udp_host = await binder(bench, node, "tcp", f"rudp://:0/127.0.0.1:{target}", udp)
    open_port, only6 = free_ports(2)
    host = f"{peer.endpoint(tcp)}.{node.domain}"
    program = await culvert(
        bench, "-L", f"rtcp://:0/127.0.0.1:{await origin(bench, echoing)}", "-L", f"tcp://:{open_port}/{host}", "-L",
        f"tcp://[::1]:{only6}/{host}", "-F", f"tunnel+ws://127.0.0.1:{node.ws}?tunnel.id={tcp}")
    await program.line(f"tunnel is up.*{peer.endpoint(tcp)}", 10)
    await visiting(
        bench, f"tunnel+ws://127.0.0.1:{node.ws}?tunnel.id={udp}",
        f"udp://:{open_port}/{udp_host}?keepalive=true", f"udp://[::1]:{only6}/{udp_host}?keepalive=true")
    for address, port in (("127.0.0.1", open_port), ("::1", open_port), ("::1", only6)):
        data = os.urandom(1_000)
        expect(await exchange(port, data, host=address) == data, f"{address}:{port}: other bytes came back")
        async with Sender(port, address) as sender:
            expect(await sender.ask(data) == data, f"{address}:{port}: no answer")
    expect(len(service.senders) == 3, f"three senders were {len(service.senders)}")


@scenario(BOTH_SHELLS)
async def a_port_that_is_taken(bench):
    """A busy port is named, and the program ends."""
    port = await origin(bench, echoing)
    program = await culvert(
        bench, "-L", f"tcp://127.0.0.1:{port}/h", "-F", f"tunnel://127.0.0.1:1?tunnel.id={uuid.uuid4()}")
    expect(await program.ended(10) == 1, "it runs, or ended as if nothing were wrong")
    expect(f"127.0.0.1:{port}" in program.log and "in use" in program.log, f"it says only {program.log!r}")


@scenario(BOTH_SHELLS, seconds=90)
async def iperf_through_the_tunnel(bench):
    """The tutorial's iperf3, over TCP both ways and over UDP: control and data by two tunnels to one local port."""
    if not shutil.which("iperf3"):
        raise Skipped("iperf3 is not installed")
    node = await bench.node()
    target, local = free_ports(2)
    tcp, udp = uuid.uuid4(), uuid.uuid4()
    _, tcp_host = await binder(bench, node, "ws", f"rtcp://:0/127.0.0.1:{target}", tcp)
    _, udp_host = await binder(bench, node, "ws", f"rudp://:0/127.0.0.1:{target}", udp)
    url = f"tunnel+ws://127.0.0.1:{node.ws}?tunnel.id="
    await visiting(bench, f"{url}{tcp}", f"tcp://127.0.0.1:{local}/{tcp_host}")
    await visiting(bench, f"{url}{udp}", f"udp://127.0.0.1:{local}/{udp_host}?keepalive=true")
    server = await bench.launch(shutil.which("iperf3"), "-s", "-p", str(target), "--forceflush")
    for number, options in enumerate((["-t", "1"], ["-t", "1", "-R"], ["-u", "-b", "20M", "-l", "1200", "-t", "1"])):
        # It takes one test after the other, and says when it is ready.
        await until(lambda: server.log.count("listening") > number, 10, f"iperf3's server, test {number}")
        program = await bench.launch(
            shutil.which("iperf3"), "-c", "127.0.0.1", "-p", str(local), "-J", *options)
        status = await program.ended(20)
        expect(status == 0, f"iperf3 {options}: {program.log[-1_000:]}")
        end = json.loads(program.log)["end"]
        received = end.get("sum_received") or end.get("sum")
        expect(received, f"iperf3 {options} measured nothing: {program.log[:300]} … {program.log[-1_500:]}")
        expect(received["bytes"] > 1_000_000, f"iperf3 {options}: {received}")
        if "-u" in options:
            lost = end["sum"]["lost_percent"]
            expect(lost < 20, f"{lost} % of the datagrams were lost")


def independent(bench):
    """Where the independent implementation lies, if it does."""
    folder = os.path.join(bench.repository, "..", "shared", "peer")
    if not os.path.exists(os.path.join(folder, "server.py")):
        raise Skipped(f"no independent implementation at {os.path.normpath(folder)}")
    return folder


@scenario(BOTH_SHELLS, seconds=90)
async def visits_with_an_independent_server(bench):
    """Our visitors and our binder of datagrams at a server that is not ours, with its clients at the other end."""
    folder = independent(bench)
    ws, tcp, entry = free_ports(3)
    tunnel, datagrams = uuid.uuid4(), uuid.uuid4()
    server = await bench.launch(
        sys.executable, "-u", os.path.join(folder, "server.py"), "--listen", f"ws://127.0.0.1:{ws}/ws", "--listen",
        f"tcp://127.0.0.1:{tcp}", "--entry", f"127.0.0.1:{entry}", "--tunnel",
        f"srv-1.local:{tunnel},srv-2.local:{datagrams}")
    target = await origin(bench, echoing)
    service, udp_target = await echo(bench)
    await until(lambda: listens(tcp), 10, "the server")
    client = await bench.launch(
        sys.executable, "-u", os.path.join(folder, "client.py"), "--server", f"ws://127.0.0.1:{ws}/ws", "--tunnel-id",
        str(tunnel), "--target", f"127.0.0.1:{target}")
    await client.line("bound", 10)
    for kind, port in (("ws", ws), ("tcp", tcp)):
        program = await culvert(
            bench, "-L", f"rudp://:0/127.0.0.1:{udp_target}", "-F",
            f"tunnel+{kind}://127.0.0.1:{port}?tunnel.id={datagrams}")
        await program.line("tunnel is up", 10)
        local, local_udp = free_ports(2)
        url = f"tunnel+{kind}://127.0.0.1:{port}?tunnel.id="
        visitors = [
            await visiting(bench, f"{url}{tunnel}", f"tcp://127.0.0.1:{local}/srv-1.local"),
            await visiting(bench, f"{url}{datagrams}", f"udp://127.0.0.1:{local_udp}/srv-2.local?keepalive=true")]
        reader, writer = await asyncio.open_connection("127.0.0.1", local, limit=1 << 22)
        data = os.urandom(1 << 20)
        writer.write(data)
        back = await asyncio.wait_for(reader.readexactly(len(data)), 20)
        expect(back == data, "other bytes came back")
        writer.close()
        async with Sender(local_udp) as sender:
            for size in (1, 1_400, 65_507):
                question = os.urandom(size)
                expect(await sender.ask(question) == question, f"{kind}: {size} bytes: no such answer")
        for program in [*visitors, program]:
            await program.stop()
    expect(server.process.returncode is None, "the server ended")


@scenario(BOTH_SHELLS, seconds=60)
async def an_independent_client_of_datagrams(bench):
    """Our node and our visitors, with a binder of datagrams that is not ours."""
    folder = independent(bench)
    node = await bench.node()
    tunnel = uuid.uuid4()
    client = await bench.launch(
        sys.executable, "-u", os.path.join(folder, "client.py"), "--server", f"ws://127.0.0.1:{node.ws}/ws",
        "--tunnel-id", str(tunnel), "--udp", "--echo")
    await client.line("bound", 10)
    local, = free_ports(1)
    await visiting(
        bench, f"tunnel+tcp://127.0.0.1:{node.tcp}?tunnel.id={tunnel}",
        f"udp://127.0.0.1:{local}/{peer.endpoint(tunnel)}.{node.domain}?keepalive=true")
    async with Sender(local) as sender:
        for size in (1, 1_400, 60_000):
            question = os.urandom(size)
            expect(await sender.ask(question) == question, f"{size} bytes: no such answer")


async def listens(port):
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
