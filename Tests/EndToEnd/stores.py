"""Redis servers and sentinels as they come from the distribution, and the probe that keeps a store's connection to
them and says what it is told."""
import asyncio
import os
import re
import shutil
import signal

from processes import Failure, Program, Skipped, expect, free_ports, until


def program(name):
    path = shutil.which(name)
    if not path:
        raise Skipped(f"no {name} (apt-get install redis-server)")
    return path


async def output(*arguments, text=""):
    """What a program writes that is given a text; a failure when it does not end well."""
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    text, _ = await asyncio.wait_for(process.communicate(text.encode()), 20)
    expect(process.returncode == 0, f"{' '.join(arguments[:2])}: {text.decode()}")
    return text.decode().rstrip("\n")


class Redis:
    """One server, or one sentinel, on a port of its own in a folder of its own. It can be killed and started again."""

    def __init__(self, bench, *lines, sentinel=False, cli=()):
        self.bench, self.lines, self.sentinel, self.options = bench, lines, sentinel, cli
        self.port, = free_ports(1)
        self.name = f"{'sentinel' if sentinel else 'redis'}-{self.port}"

    async def start(self):
        os.makedirs(os.path.join(self.bench.directory, self.name), exist_ok=True)
        folder = os.path.join(self.bench.directory, self.name)
        # A TLS server has no other port.
        ports = [] if any(line.startswith("tls-port") for line in self.lines) else [f"port {self.port}"]
        lines = [*ports, "bind 127.0.0.1", f"dir {folder}", "save \"\"", "appendonly no",
                 "repl-diskless-sync-delay 0", *self.lines]
        if self.sentinel:
            lines = [*ports, "bind 127.0.0.1", f"dir {folder}", *self.lines]
        file = self.bench.file(f"{self.name}/conf", "\n".join(lines) + "\n")
        self.program = await self.bench.launch(
            program("redis-server"), file, *(["--sentinel"] if self.sentinel else []))
        await until(self.answers, 10, f"{self.name} answers")
        return self

    async def answers(self):
        expect(self.program.process.returncode is None, f"{self.name} ended:\n{self.program.log[-2_000:]}")
        try:
            return "PONG" in await self.cli("PING")
        except Failure:
            return False

    async def cli(self, *words):
        return await output(program("redis-cli"), "-p", str(self.port), *self.options, *words)

    async def script(self, *lines):
        """Commands over one connection."""
        return await output(
            program("redis-cli"), "-p", str(self.port), *self.options, text="".join(line + "\n" for line in lines))

    def signal(self, number):
        os.kill(self.program.pid, number)

    async def kill(self):
        self.signal(signal.SIGKILL)
        await self.program.ended(5)

    async def client(self, name):
        """The id of the client of that name."""
        found = re.search(rf"^id=(\d+) .* name={name} ", await self.cli("CLIENT", "LIST"), re.MULTILINE)
        return found and found[1]


class Probe(Program):
    """StoreProbe: a store's connection, whose events are its lines."""

    def __init__(self, bench, plugin, name="probe"):
        path = os.path.join(bench.binaries, "StoreProbe")
        if not os.path.exists(path):
            raise Skipped("StoreProbe is not built (./test release)")
        file = bench.file(f"{name}.yaml", f"""\
services:
- {{name: s, addr: ":1", handler: {{type: tunnel, metadata: {{ingress: i}}}}}}
ingresses:
- {{name: i, plugin: {{type: redis, {plugin}}}}}
""")
        super().__init__([path, file], bench.directory)
        bench.programs.append(self)
        self.position, self.batch = 0, 0

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            *self.arguments, cwd=self.directory, env=self.environment, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        self.readers = [
            asyncio.ensure_future(self.read(pipe)) for pipe in (self.process.stdout, self.process.stderr)]
        await self.line("^ready$", 10)
        return self

    async def tells(self, pattern, seconds=5):
        """The next event that the pattern finds, behind those that were waited for before."""
        found = await self.line(pattern, seconds, self.position)
        self.position = next(
            index for index in range(self.position, len(self.lines)) if re.search(pattern, self.lines[index])) + 1
        return found

    def told(self, pattern):
        """How many events the pattern finds, of all."""
        return sum(1 for line in self.lines if re.search(pattern, line))

    async def up(self, version, seconds=10):
        await self.tells(f"^up {version}$", seconds)
        await self.tells("^tracking-up$", seconds)

    def send(self, text, milliseconds=1_000):
        """Submits a batch; its number."""
        self.batch += 1
        self.process.stdin.write(f"{self.batch} {milliseconds} {text}\n".encode())
        return self.batch

    async def ask(self, text, milliseconds=1_000, seconds=5):
        """What a batch is answered."""
        number = self.send(text, milliseconds)
        found = await self.line(rf"^(?:answered|failed) {number} (.*)$", seconds)
        return found[1]
