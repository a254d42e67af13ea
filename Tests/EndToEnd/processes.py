"""Culvert's processes under test: each in a directory of its own, on free ports, with its log read and every wait
bounded."""
import asyncio
import json
import os
import random
import re
import shutil
import signal
import socket
import tempfile


#: What a Swift process says when a broken invariant stops it, and what its supervisor says then.
TRAP = re.compile(r"Fatal error|Program crashed|signal (4|5|6|7|8|11) \(")


class Failure(Exception):
    """What was asked for did not come; says what came instead."""


class Skipped(Exception):
    """What a scenario needs is not on this machine; says what."""


def expect(condition, text):
    if not condition:
        raise Failure(text)


#: Ports that were given to somebody in this process already: who got one has perhaps not bound it yet.
GIVEN = set()
#: "part/parts": which part of the ports is this process's, where several look for some at once.
PORTS = os.environ.get("CULVERT_TEST_PORTS", "0/1")


def free_ports(count):
    """Ports that nobody holds, below the range from which the kernel gives outgoing connections theirs, so that no
    visitor of another test takes one between this look and the server's start; none of them twice."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        lowest = int(file.read().split()[0])
    part, parts = (int(number) for number in PORTS.split("/"))
    ports = []
    while len(ports) < count:
        port = random.randrange(max(1_024, lowest - 16_384), lowest)
        if port in GIVEN or port % parts != part:
            continue
        with socket.socket(socket.AF_INET6) as probe:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                probe.bind(("::", port))
            except OSError:
                continue
        GIVEN.add(port)
        ports.append(port)
    return ports


def children(parent):
    """{name: pid} of the living children of a process."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                text = file.read()
        except OSError:
            continue
        command, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
        if int(rest[1]) == parent and rest[0] != "Z":
            found[command] = int(name)
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(condition, seconds, what, every=0.02):
    """Asks until the answer is true (and returns it) or the time is over. For states that nobody announces."""
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    while True:
        answer = condition()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return answer
        expect(clock() < end, f"{what}: not within {seconds} s")
        await asyncio.sleep(every)


class Program:
    """One running program with its output."""

    def __init__(self, arguments, directory):
        self.arguments, self.directory = arguments, directory
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": directory, "XDG_STATE_HOME": directory}
        self.lines = []
        self.came = asyncio.Condition()

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            *self.arguments, cwd=self.directory, env=self.environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        self.readers = [
            asyncio.ensure_future(self.read(pipe)) for pipe in (self.process.stdout, self.process.stderr)]
        return self

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        return "\n".join(self.lines)

    async def read(self, pipe):
        while line := await pipe.readline():
            async with self.came:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self.came.notify_all()
        async with self.came:
            self.came.notify_all()

    async def line(self, pattern, seconds, since=0):
        """The first line from number `since` on that the pattern finds; comes as soon as it is written."""
        async def search():
            async with self.came:
                position = since
                while True:
                    while position < len(self.lines):
                        if found := re.search(pattern, self.lines[position]):
                            return found
                        position += 1
                    if all(reader.done() for reader in self.readers):
                        raise Failure(f"ended without a line like {pattern!r}; it wrote:\n{self.log[-2_000:]}")
                    await self.came.wait()
        try:
            return await asyncio.wait_for(search(), seconds)
        except asyncio.TimeoutError:
            raise Failure(f"no line like {pattern!r} within {seconds} s; it wrote:\n{self.log[-2_000:]}") from None

    async def ended(self, seconds):
        """The exit status, with all output read."""
        try:
            status = await asyncio.wait_for(self.process.wait(), seconds)
        except asyncio.TimeoutError:
            raise Failure(f"{self.arguments[0]} has not ended within {seconds} s") from None
        await asyncio.gather(*self.readers)
        return status

    async def stop(self):
        """SIGTERM, and SIGKILL for what does not follow; its children must go with it."""
        if self.process.returncode is not None:
            await asyncio.gather(*self.readers, return_exceptions=True)
            return
        brood = children(self.pid)
        for pid in [self.pid, *brood.values()]:
            self.signal(signal.SIGCONT, pid)
        self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), 10)
        except asyncio.TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise Failure(f"{self.arguments[0]} did not end within 10 s of SIGTERM") from None
        finally:
            orphans = [pid for pid in brood.values() if not await self.gone(pid, 3)]
            for pid in orphans:
                self.signal(signal.SIGKILL, pid)
            for reader in self.readers:
                reader.cancel()
            await asyncio.gather(*self.readers, return_exceptions=True)
        expect(not orphans, f"children outlived their supervisor: {orphans}")

    @staticmethod
    async def gone(pid, seconds):
        try:
            return await until(lambda: not alive(pid), seconds, f"end of {pid}")
        except Failure:
            return False

    @staticmethod
    def signal(number, pid):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Bench:
    """What a scenario runs on: the programs, a shell of the event loop, a number of workers, and everything that has
    to be cleared away afterwards."""

    def __init__(self, binaries, io, workers, repository):
        self.binaries, self.io, self.workers, self.repository = binaries, io, workers, repository
        self.directory = tempfile.mkdtemp(prefix="culvert-e2e-")
        self.programs, self.peers = [], []

    async def program(self, name, *arguments):
        """One of Culvert's programs."""
        return await self.launch(os.path.join(self.binaries, name), *arguments)

    async def launch(self, *arguments):
        program = Program(arguments, self.directory)
        self.programs.append(program)
        return await program.start()

    def file(self, name, text):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    async def node(self, **keys):
        return await Node(self, **keys).start()

    async def close(self):
        faults = []
        for closing in [*(peer.close() for peer in self.peers), *(program.stop() for program in self.programs[::-1])]:
            try:
                await closing
            except Failure as failure:
                faults.append(str(failure))
        shutil.rmtree(self.directory, ignore_errors=True)
        # A trap that a restart hides is a failure all the same.
        for program in self.programs:
            if found := TRAP.search(program.log):
                faults.append("a process trapped:\n" + program.log[max(0, found.start() - 200):found.start() + 4_000])
        expect(not faults, "; ".join(faults))


class Node:
    """A tunnel server: ports for tcp and ws tunnels, one entrypoint, pages; supervised by `culvert`."""

    def __init__(
            self, bench, domain="localhost", limits=None, ingress="", metadata="", handler="", further="",
            descriptors=None):
        """`ingress`, `metadata`, `handler` are lines below the ingress, and pairs for metadata and handler of both tunnel
        ports; `further` stands at the end of the configuration, which is the list of services; `descriptors` is how many
        each process may have."""
        self.descriptors = descriptors
        self.bench, self.domain, self.limits = bench, domain, limits or {}
        self.ingress, self.metadata, self.handler, self.further = ingress, metadata, handler, further
        self.tcp, self.ws, self.entry, self.admin = free_ports(4)

    def configuration(self):
        limits = "".join(f"\n    {name}: {value}" for name, value in self.limits.items())
        return f"""\
culvert:
  node: node-1
  workers: {self.bench.workers}
  io: {self.bench.io}{"" if not limits else chr(10) + "  limits:" + limits}
metrics: {{addr: "127.0.0.1:{self.admin}"}}
ingresses:
- name: names
  plugin: {{type: memory, domain: {self.domain}}}
{self.ingress}services:
- name: over-ws
  addr: ":{self.ws}"
  handler: {{type: tunnel, {self.handler}metadata: {{entrypoint: ":{self.entry}", {self.metadata}ingress: names}}}}
  listener: {{type: ws}}
- name: over-tcp
  addr: ":{self.tcp}"
  handler: {{type: tunnel, {self.handler}metadata: {{{self.metadata}ingress: names}}}}
  listener: {{type: tcp}}
{self.further}"""

    async def start(self):
        file = self.bench.file("gost.yaml", self.configuration())
        if self.descriptors:
            program = os.path.join(self.bench.binaries, "culvert")
            self.program = await self.bench.launch("prlimit", f"--nofile={self.descriptors}", program, "-C", file)
        else:
            self.program = await self.bench.program("culvert", "-C", file)
        await self.ready(15)
        return self

    async def ready(self, seconds):
        async def answers():
            expect(self.program.process.returncode is None, f"the node ended:\n{self.program.log[-2_000:]}")
            return (await self.page("/readyz"))[0] == 200
        try:
            await until(answers, seconds, "/readyz")
        except Failure as failure:
            raise Failure(f"{failure}; the node wrote:\n{self.program.log[-2_000:]}") from None

    async def page(self, path, seconds=5):
        """(status, text) of a page of the control plane; (0, why) when nobody answers."""
        async def fetch():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.admin, limit=1 << 26)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.read(-1)
            finally:
                writer.close()
            if b"chunked" in head.lower():
                body = unchunk(body)
            return int(head.split(b" ")[1]), body.decode()
        try:
            return await asyncio.wait_for(fetch(), seconds)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, IndexError) as error:
            return 0, repr(error)

    async def metrics(self):
        """{name or name{labels}: value} of the page /metrics."""
        status, text = await self.page("/metrics")
        expect(status == 200, f"/metrics answers {status}: {text[:200]}")
        values = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values

    async def total(self, name):
        """The sum of a metric over its labels."""
        return sum(value for key, value in (await self.metrics()).items() if key.partition("{")[0] == name)

    async def ended_by(self, reason):
        """How often something ended for a reason."""
        return sum(
            value for key, value in (await self.metrics()).items()
            if key.startswith("culvert_ends_total") and f'reason="{reason}"' in key)

    async def agrees(self, connectors=None):
        """Whether both planes' dumps are there and equal."""
        status, text = await self.page("/dump")
        if status != 200:
            return False
        dump = json.loads(text)
        planes = dump["dataPlanes"]
        if not planes or not dump["agree"] or any(plane.get("data") is None for plane in planes):
            return False
        return connectors is None or planes[0]["data"].startswith(f"connectors {connectors}\n")

    def pid(self, name):
        found = children(self.program.pid)
        # The kernel keeps 15 bytes of a name.
        expect(name[:15] in found, f"no child {name}, only {found}")
        return found[name[:15]]

    def host(self, peer):
        return f"{peer.label}.{self.domain}:{self.entry}"

    def port(self, kind):
        return self.ws if kind == "ws" else self.tcp


def unchunk(body):
    out = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        count = int(size, 16)
        if count == 0:
            break
        out, body = out + rest[:count], rest[count + 2:]
    return out
