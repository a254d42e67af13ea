"""Our tunnel client: how it changes, shows itself and leaves while it runs."""
import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import termios
import uuid

import peer
from processes import expect, until
from visitor import Load, Visitor, get
from .binder import configuration, named, service
from .catalogue import BOTH_SHELLS, scenario
from .reach import origin


@scenario(BOTH_SHELLS, seconds=90)
async def reload_touches_only_what_changed(bench):
    """SIGHUP under load: a tunnel that did not change loses no request and keeps its connection; one whose target
    changed, one that got another id, a new one and a removed one follow; a bad configuration changes nothing."""
    node = await bench.node()
    ports = {name: await origin(bench, lambda r, w, name=name: named(r, w, name)) for name in "abcd"}
    ids = {name: uuid.uuid4() for name in ("steady", "moved", "other", "gone", "new", "other-2")}
    hosts = {name: f"{peer.endpoint(value)}.localhost" for name, value in ids.items()}
    server = f"127.0.0.1:{node.ws}"

    def text(*services):
        return configuration(*(service(name, ids[key], server, ports[port]) for name, key, port in services))
    before = text(("steady", "steady", "a"), ("moved", "moved", "b"), ("other", "other", "c"), ("gone", "gone", "d"))
    file = bench.file("client.yaml", before)
    program = await bench.program("culvert", "-C", file)
    for name in ("steady", "moved", "other", "gone"):
        await program.line(rf'tunnel is up.*"{name}"', 10)
    opened = await node.total("culvert_connectors_opened_total")
    expect(opened == 4, f"{opened} connectors were opened for four tunnels")
    async with Load(node.entry, [("a", hosts["steady"])], rate=200) as load:
        await until(lambda: load.good > 100, 10, "the load")
        seen = len(program.lines)
        bench.file("client.yaml", before.replace("type: rtcp}", "type: rtcp, metadata: {prxyProtocol: 1}}", 1))
        program.process.send_signal(signal.SIGHUP)
        told = await program.line("the new configuration is refused.*", 5, since=seen)
        expect(re.search(r"client\.yaml:3:\d+: .*prxyProtocol", told[0]), f"it does not say where: {told[0]}")
        for name, origin_name in (("moved", "b"), ("gone", "d")):
            answer = await get(node.entry, hosts[name])
            expect(answer.text.startswith(origin_name), f"{name} after a refused reload: {answer.status}")
        seen = len(program.lines)
        bench.file("client.yaml", text(
            ("steady", "steady", "a"), ("moved", "moved", "c"), ("other", "other-2", "c"), ("new", "new", "d")))
        program.process.send_signal(signal.SIGHUP)
        await program.line("the configuration was read again", 5, since=seen)
        for name in ("other", "new"):
            await program.line(rf'tunnel is up.*"{name}"', 10, since=seen)
        for name, origin_name in (("moved", "c"), ("other-2", "c"), ("new", "d")):
            answer = await get(node.entry, hosts[name])
            expect(answer.text.startswith(origin_name), f"{name}: {answer.status} {answer.text!r}")

        async def refused(name):
            return (await get(node.entry, hosts[name])).status in (502, 503)
        for name in ("gone", "other"):
            await until(lambda name=name: refused(name), 5, f"the end of {name}")
        count = load.good
        await until(lambda: load.good > count + 200, 10, "the load afterwards")
    expect(not load.failed and not load.refused, f"{len(load.failed)} failed: {load.failed[:5]}")
    made = await node.total("culvert_connectors_opened_total") - opened
    expect(made == 2, f"{made} connections were made, for one tunnel that is new and one that has a new id")


@scenario(BOTH_SHELLS, seconds=90)
async def client_leaves_under_load(bench):
    """SIGTERM to one of two clients of a tunnel under load: no request fails, its streams end first, exit status 0.
    A second signal ends a client at once, whatever it waits for."""
    node = await bench.node()
    stuck = asyncio.Event()

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET /never"):
            stuck.set()
            await asyncio.sleep(60)
        text = b"one %s \n" % head.split(b" ")[1]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
        await named(reader, writer, "one")
    target = await origin(bench, answer)
    tunnel = uuid.uuid4()
    host = f"{peer.endpoint(tunnel)}.localhost"
    arguments = ("culvert", "-L", f"rtcp://:0/127.0.0.1:{target}",
                 "-F", f"tunnel+ws://127.0.0.1:{node.ws}?tunnel.id={tunnel}&connections=2")
    first, second = [await bench.program(*arguments) for _ in range(2)]
    for program in (first, second):
        for connection in range(2):
            await program.line(rf'tunnel is up.*"connection":"{connection}"', 10)
    async with Load(node.entry, [("one", host)], rate=300) as load:
        await until(lambda: load.good > 200, 10, "the load")
        first.process.terminate()
        expect(await first.ended(7) == 0, f"exit status {first.process.returncode}")
        count = load.good
        await until(lambda: load.good > count + 200, 10, "the load afterwards")
    expect(not load.failed and not load.refused, f"{len(load.failed)} failed: {load.failed[:5]}")

    visitor = await Visitor(node.entry).open()
    visitor.send(host, "/never")
    await asyncio.wait_for(stuck.wait(), 5)
    clock = asyncio.get_running_loop().time
    second.process.terminate()
    await asyncio.sleep(0.5)
    expect(second.process.returncode is None, "it did not wait for its stream")
    begun = clock()
    second.process.terminate()
    status = await second.ended(2)
    expect(status != 0 and clock() - begun < 1, f"exit status {status} after {clock() - begun:.1f} s")
    visitor.close()


@scenario(BOTH_SHELLS)
async def status_line_on_a_terminal(bench):
    """On a terminal one line is renewed in place: tunnels, address, visitors, rates; it leaves with the program."""
    node = await bench.node()
    target = await origin(bench, lambda r, w: named(r, w, "one"))
    tunnel = uuid.uuid4()
    above, below = pty.openpty()
    fcntl.ioctl(below, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    process = await asyncio.create_subprocess_exec(
        os.path.join(bench.binaries, "culvert"), "-L", f"rtcp://:0/127.0.0.1:{target}",
        "-F", f"tunnel+ws://127.0.0.1:{node.ws}?tunnel.id={tunnel}", stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=below, env={**os.environ, "TERM": "xterm"})
    os.close(below)
    seen = bytearray()
    loop = asyncio.get_running_loop()

    def read():
        try:
            seen.extend(os.read(above, 65_536))
        except OSError:
            loop.remove_reader(above)
    loop.add_reader(above, read)
    try:
        host = f"{peer.endpoint(tunnel)}.localhost"
        line = rb"\r\x1b\[K1/1 tunnels up  http://%s:%d  0 visitors" % (host.encode(), node.entry)
        await until(lambda: re.search(line, seen), 10, f"the status line in {bytes(seen)!r}")
        async with Visitor(node.entry) as visitor:
            await visitor.get(host, "/x")
            await until(lambda: re.search(rb"  1 visitor  ", seen), 5, f"a visitor in {bytes(seen)!r}")
        process.terminate()
        expect(await asyncio.wait_for(process.wait(), 8) == 0, f"exit status {process.returncode}")
        await until(lambda: not seen.rpartition(b"\x1b[K")[2].strip().startswith(b"1/1"), 2, "the end of the line")
    finally:
        loop.remove_reader(above)
        os.close(above)
        if process.returncode is None:
            process.kill()
            await process.wait()


@scenario(BOTH_SHELLS)
async def several_processes_reload_and_leave(bench):
    """` -- `: each part is a process of its own; SIGHUP reaches all of them, SIGTERM ends them with status 0."""
    node = await bench.node()
    ids = [uuid.uuid4(), uuid.uuid4()]
    ports = [await origin(bench, lambda r, w, name=name: named(r, w, name)) for name in ("one", "two", "three")]
    files = [
        bench.file(f"{number}.yaml", configuration(service(f"s{number}", ids[number], f"127.0.0.1:{node.ws}", ports[number])))
        for number in range(2)]
    program = await bench.program("culvert", "-C", files[0], "--", "-C", files[1])
    for number in range(2):
        await program.line(rf'tunnel is up.*"s{number}"', 10)
    bench.file("1.yaml", configuration(service("s1", ids[1], f"127.0.0.1:{node.ws}", ports[2])))
    seen = len(program.lines)
    program.process.send_signal(signal.SIGHUP)
    await program.line("its connections stay", 5, since=seen)
    for tunnel, name in zip(ids, ("one", "three")):
        answer = await get(node.entry, f"{peer.endpoint(tunnel)}.localhost")
        expect(answer.text.startswith(name), f"{answer.status} {answer.text!r}")
    program.process.terminate()
    expect(await program.ended(9) == 0, f"exit status {program.process.returncode}")
