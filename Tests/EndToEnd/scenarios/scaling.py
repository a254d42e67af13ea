"""Data planes of one node come and go while it is used: nobody notices."""
import asyncio
import hashlib
import os
import signal

from processes import expect, until
from visitor import Load, Visitor, get
from .catalogue import BOTH_SHELLS, scenario
from .clusters import ManyPlanes
from .reach import client, origin

HALF = os.urandom(2 << 20)


class Service:
    """A local service: answers with its name, the path and the body's digest, and holds conversations that last until
    it is told to end them."""

    def __init__(self, name):
        self.name = name
        self.ends = asyncio.Event()

    async def serve(self, reader, writer):
        while True:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = lines[0].split(" ")[1]
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            body = await reader.readexactly(int(fields.get("content-length", 0)))
            if fields.get("upgrade"):
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
                while line := await reader.readline():
                    writer.write(line)
                return
            if path == "/download":
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {2 * len(HALF)}\r\n\r\n".encode() + HALF)
                await self.ends.wait()
                writer.write(HALF)
                continue
            text = f"{self.name} {path} {hashlib.sha256(body).hexdigest()[:16]}\n".encode()
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)


class MixedLoad(Load):
    """Every second visitor closes its connection after each request; every third request is a POST."""

    async def ask(self, visitor, number, count, host):
        body = os.urandom(3_000) if count % 3 == 0 else b""
        visitor.send(
            host, f"/{number}/{count}", "POST" if body else "GET", body,
            fields="Connection: close\r\n" if number % 2 else "")
        answer = await asyncio.wait_for(visitor.receive(), 10)
        if answer.status == 200:
            digest = hashlib.sha256(body).hexdigest()[:16]
            expect(answer.text.endswith(f" {digest}\n"), f"the body came as another: {answer.text!r}")
        return answer


class Conversations:
    """Downloads that have stopped half way, and upgraded connections, several of each: wherever the kernel put them."""

    def __init__(self, node, services):
        self.node, self.services = node, services
        self.downloads, self.upgrades = [], []

    async def begin(self, count):
        for number in range(count):
            _, host = self.services[number % len(self.services)]
            visitor = await Visitor(self.node.entry).open()
            visitor.send(host, "/download")
            await visitor.reader.readuntil(b"\r\n\r\n")
            self.downloads.append((visitor, await visitor.reader.readexactly(len(HALF))))
            visitor = await Visitor(self.node.entry).open()
            visitor.send(host, "/chat", fields="Upgrade: websocket\r\nConnection: Upgrade\r\n")
            answer = await asyncio.wait_for(visitor.receive(), 10)
            expect(answer.status == 101, f"upgrade: {answer.status}")
            self.upgrades.append(visitor)
        await self.talk("begun")

    async def talk(self, word):
        for visitor in self.upgrades:
            visitor.writer.write(f"{word}\n".encode())
            line = await asyncio.wait_for(visitor.reader.readline(), 5)
            expect(line.decode() == f"{word}\n", f"an upgraded connection answers {line!r} to {word!r}")

    async def end(self):
        """Each to its last byte."""
        await self.talk("ending")
        for visitor in self.upgrades:
            visitor.close()
        for service, _ in self.services:
            service.ends.set()
        for visitor, begun in self.downloads:
            rest = await asyncio.wait_for(visitor.reader.readexactly(len(HALF)), 20)
            expect(begun == HALF and rest == HALF, "a download came to other bytes")
            visitor.close()


async def on_one_plane(node, name):
    return await node.connectors() == {name: 4}


@scenario(BOTH_SHELLS, seconds=150)
async def planes_come_and_go_under_load(bench):
    """One data plane, four, and one again, which is another one: with GET and POST, half of it keep-alive, downloads
    and upgraded connections under way, no request fails; whoever leaves is gone when nothing is left to it."""
    node = await ManyPlanes(bench).start()
    await node.plane("data-0")
    services = []
    for number in range(4):
        service = Service(f"service-{number}")
        port = await origin(bench, service.serve)
        _, host = await client(bench, node, ("ws", "tcp")[number % 2], port)
        services.append((service, host))
    hosts = [(service.name, host) for service, host in services]
    conversations = Conversations(node, services)
    async with MixedLoad(node.entry, hosts, rate=150, connections=16) as load:
        for number in (1, 2, 3):
            await node.plane(f"data-{number}")
        good = load.good
        await until(lambda: load.good > good + 200, 20, "load over four data planes")
        await conversations.begin(6)
        for number in (0, 1, 2):
            program = node.planes[f"data-{number}"]
            program.process.send_signal(signal.SIGTERM)
            await program.line("data plane leaves", 5)
            await conversations.talk(f"while data-{number} leaves")
            good = load.good
            await until(lambda: load.good > good + 100, 20, f"load while data-{number} leaves")
        await conversations.end()
        for number in (0, 1, 2):
            status = await node.planes[f"data-{number}"].ended(40)
            expect(status == 0, f"data-{number} ended with {status}")
        good = load.good
        await until(lambda: load.good > good + 200, 20, "load over the last data plane")
        # The control plane hears of an end a moment after the process is gone.
        await until(lambda: on_one_plane(node, "data-3"), 2, "every connector at the last data plane")
    expect(not load.failed and not load.refused, f"failed {load.failed[:5]} of {load.good}, refused {load.refused}")
    # Its sockets are those of all four: whoever comes is served.
    for number in range(40):
        name, host = hosts[number % 4]
        answer = await get(node.entry, host, f"/{number}")
        expect(answer.text.startswith(f"{name} /{number} "), f"afterwards: {answer.status}")
    # Nobody is left to take over: it ends as it always did.
    clock = asyncio.get_running_loop().time
    begun = clock()
    node.planes["data-3"].process.send_signal(signal.SIGTERM)
    await node.planes["data-3"].ended(5)
    expect(clock() - begun < 2, f"the last data plane took {clock() - begun:.1f} s to end")
