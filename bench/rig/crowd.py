"""The visitors of the failover bench, a process of their own: each has a request due at a steady rate, whatever
became of the one before, and every attempt is a line of the ledger. Told on stdin which nodes are dead (`leave 1`,
`return 1`), as a load balancer's health checks would; `end` lets what is under way end.

`python3 -m rig.crowd SPECIFICATION.json`"""
import asyncio
import gc
import json
import sys
import time

from .exchange import RIGHT, Plan, verdict
from .ledger import CLOSED, LATE, LEFT, UNREACHED, Attempt, may_repeat

PATIENCE_SECONDS = 10
DIAL_SECONDS = 1
#: As many attempts of a visitor at one request, at different nodes.
ATTEMPTS_MAX = 2


def say(event, **facts):
    print(json.dumps({"event": event, "at": time.monotonic(), **facts}), flush=True)


class Crowd:
    def __init__(self, specification):
        #: Ports of the nodes' entrypoints, and the hosts of the tunnels.
        self.nodes, self.hosts = specification["nodes"], specification["hosts"]
        self.rate, self.visitors = specification["rate"], specification["visitors"]
        self.dead, self.number, self.is_ending = set(), 0, False
        self.crew = []
        self.ledger = open(specification["ledger"], "w")

    async def run(self):
        started = time.monotonic() + 0.1
        self.crew = [Visitor(self, index, started + index / self.rate) for index in range(self.visitors)]
        listening = asyncio.ensure_future(self.listen())
        say("visiting")
        await asyncio.gather(*(visitor.run() for visitor in self.crew))
        listening.cancel()
        self.ledger.close()
        say("visited", requests=self.number)

    async def listen(self):
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := (await reader.readline()).split():
            word = line[0].decode()
            if word == "end":
                break
            node = int(line[1])
            if word == "leave":
                self.dead.add(node)
                for visitor in self.crew:
                    visitor.leave(node)
            else:
                self.dead.discard(node)
            say(word, node=node)
        # Whoever started this has gone, or wants it to end.
        self.is_ending = True

    def node_for(self, home, turn):
        """A living node; the visitor's own one as long as it lives."""
        count = len(self.nodes)
        living = [node for node in ((home + step) % count for step in range(count)) if node not in self.dead]
        return (living or [home])[turn % max(1, len(living))]

    def record(self, attempt):
        self.ledger.write(attempt.line())


class Visitor:
    def __init__(self, crowd, index, due):
        self.crowd, self.due = crowd, due
        #: Half of them keep their connections, at every node.
        self.keeps = index % 2 == 0
        self.home = index // 2 % len(crowd.nodes)
        self.node, self.reader, self.writer, self.first = None, None, None, 0.0

    async def run(self):
        period = self.crowd.visitors / self.crowd.rate
        while not self.crowd.is_ending:
            wait = self.due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self.crowd.number += 1
            plan = Plan(self.crowd.number, len(self.crowd.hosts))
            for turn in range(ATTEMPTS_MAX):
                attempt = await self.attempt(plan, turn)
                self.crowd.record(attempt)
                if not may_repeat(attempt):
                    break
            self.due += period
        self.close()

    async def attempt(self, plan, turn):
        node, begun = self.crowd.node_for(self.home, turn), time.monotonic()
        self.first = 0.0
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                outcome = await self.converse(plan, node)
        except TimeoutError:
            outcome = LATE
        if outcome != RIGHT or not self.keeps:
            self.close()
        return Attempt(
            plan.number, self.due, begun, self.first, time.monotonic(), plan.pause_seconds, node, plan.tunnel,
            plan.method, self.keeps, outcome)

    async def converse(self, plan, node):
        try:
            if self.node != node or self.writer.is_closing() or self.reader.at_eof():
                self.close()
                async with asyncio.timeout(DIAL_SECONDS):
                    self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.crowd.nodes[node])
                self.node = node
                if node in self.crowd.dead:
                    # It died meanwhile; a frozen one's kernel connects all the same.
                    return UNREACHED
        except (OSError, TimeoutError):
            return UNREACHED
        reader = self.reader
        try:
            self.writer.write(plan.head(self.crowd.hosts[plan.tunnel], not self.keeps) + plan.body())
            head = await reader.readexactly(1)
            self.first = time.monotonic()
            head += await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")
            lengths = [line[15:] for line in lines if line.startswith("content-length:")]
            status = lines[0].split(" ")[1]
            body = await (reader.readexactly(int(lengths[0])) if lengths else reader.read())
        except (OSError, asyncio.IncompleteReadError):
            return LEFT if node in self.crowd.dead else CLOSED
        except (ValueError, IndexError, asyncio.LimitOverrunError):
            return "no HTTP"
        if "connection: close" in lines:
            self.close()
        return verdict(plan, int(status) if status.isdigit() else 0, body)

    def leave(self, node):
        """A connection to a dead node ends now, as it is of no use; what waits for it is told."""
        if self.node == node and self.writer is not None:
            self.writer.transport.abort()

    def close(self):
        if self.writer is not None:
            self.writer.transport.abort()
        self.node, self.reader, self.writer = None, None, None


def main():
    with open(sys.argv[1]) as file:
        crowd = Crowd(json.load(file))
    # A collection would be a pause that is nobody's but ours; there is nothing to collect in minutes.
    gc.disable()
    asyncio.run(crowd.run())


if __name__ == "__main__":
    main()
