"""Visitors: HTTP/1.1 over one connection, request by request or pipelined."""
import asyncio


class Answer:
    """One answer: status, header fields (lower case) and body."""

    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    @property
    def text(self):
        return self.body.decode("latin-1")


class Visitor:
    """One connection to an entrypoint."""

    def __init__(self, port):
        self.port = port

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        return self

    async def __aenter__(self):
        return await self.open()

    async def __aexit__(self, *error):
        self.close()

    def close(self):
        self.writer.close()

    def send(self, host, path="/", method="GET", body=b"", fields=""):
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self.writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{length}{fields}\r\n".encode() + body)

    async def receive(self, method="GET"):
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        if method == "HEAD" or status in (101, 204, 304):
            return Answer(status, fields, b"")
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return Answer(status, fields, await self.chunks())
        if "content-length" in fields:
            return Answer(status, fields, await self.reader.readexactly(int(fields["content-length"])))
        return Answer(status, fields, await self.reader.read(-1))

    async def chunks(self):
        body = b""
        while True:
            size = int((await self.reader.readline()).split(b";")[0], 16)
            if size == 0:
                while (await self.reader.readline()).strip():
                    pass
                return body
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)

    async def get(self, host, path="/", seconds=10, fields=""):
        self.send(host, path, fields=fields)
        return await asyncio.wait_for(self.receive(), seconds)


async def get(port, host, path="/", seconds=10):
    """One request on a connection of its own."""
    async with Visitor(port) as visitor:
        visitor.send(host, path, fields="Connection: close\r\n")
        return await asyncio.wait_for(visitor.receive(), seconds)


class Load:
    """Visitors that ask at a fixed rate on keep-alive connections and keep a ledger; a visitor whose connection ends
    opens the next one at once."""

    def __init__(self, port, hosts, rate, connections=8):
        self.port, self.hosts, self.rate, self.connections = port, hosts, rate, connections
        self.good = self.refused = 0
        self.failed = []
        self.slowest = 0.0
        self.answered = []
        self.stopping = asyncio.Event()

    @property
    def reached(self):
        """Answers for each second between the first and the last."""
        return (len(self.answered) - 1) / max(self.answered[-1] - self.answered[0], 0.001) if self.answered else 0

    async def __aenter__(self):
        self.tasks = [asyncio.ensure_future(self.visit(n)) for n in range(self.connections)]
        return self

    async def __aexit__(self, *error):
        self.stopping.set()
        await asyncio.gather(*self.tasks)

    async def visit(self, number):
        clock = asyncio.get_running_loop().time
        pause = self.connections / self.rate
        next_time = clock() + pause * number / self.connections
        visitor, count = None, 0
        while not self.stopping.is_set():
            # The rate is what is measured against: this waits for the schedule, not for something to happen.
            await asyncio.sleep(max(0.0, next_time - clock()))
            next_time = max(next_time + pause, clock() - 1)
            name, host = self.hosts[(number + count) % len(self.hosts)]
            count += 1
            begun = clock()
            try:
                if visitor is None:
                    visitor = await asyncio.wait_for(Visitor(self.port).open(), 5)
                answer = await self.ask(visitor, number, count, host)
                if answer.status == 200 and answer.text.startswith(f"{name} /{number}/{count} "):
                    self.good += 1
                    self.answered.append(clock())
                    if answer.fields.get("connection", "").lower() == "close":
                        visitor = self.drop(visitor)
                else:
                    self.failed.append(f"{answer.status} {answer.text[:120]!r}")
                    visitor = self.drop(visitor)
            except ConnectionRefusedError:
                self.refused += 1
                visitor = None
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                self.failed.append(f"{type(error).__name__} after {clock() - begun:.2f} s")
                visitor = self.drop(visitor)
            self.slowest = max(self.slowest, clock() - begun)
        if visitor:
            visitor.close()

    async def ask(self, visitor, number, count, host):
        """One request of visitor `number`, his `count`th."""
        return await visitor.get(host, f"/{number}/{count}")

    @staticmethod
    def drop(visitor):
        if visitor:
            visitor.close()
