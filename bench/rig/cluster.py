"""A cluster on one machine: Redis, three nodes, three tunnels with two connectors each at different nodes. Every
tunnel has a node without a connector, and one node less leaves it a connector."""
import json
import os
import re
import shutil
import signal
import socket
import sys
import time
import uuid

from .processes import Failure, Program, Unavailable, accepts, answers, children, endpoint, free_port, text

NODES = 3
TUNNELS = 3
DOMAIN = "gost.local"
NAMES_DATABASE, CONNECTORS_DATABASE = 1, 2

SERVICE = """\
services:
- name: service-0
  addr: "127.0.0.1:{tunnels}"
  handler:
    type: tunnel
    metadata: {{entrypoint: "127.0.0.1:{entry}", ingress: names, sd: connectors}}
  listener: {{type: ws}}
log: {{level: error}}
"""
CULVERT = SERVICE + """\
culvert:
  node: node-{index}
  io: {io}
  workers: 1
  peers: {{addr: "127.0.0.1:{peers}", advertisedHost: 127.0.0.1, secret: "{secret}"}}
metrics: {{addr: "127.0.0.1:{pages}"}}
ingresses:
- name: names
  plugin: {{type: redis, addr: "127.0.0.1:{store}", db: 1, domain: {domain}}}
sds:
- name: connectors
  plugin: {{type: redis, addr: "127.0.0.1:{store}", db: 2}}
"""
STOCK = SERVICE + """\
ingresses:
- name: names
  plugin: {{type: grpc, addr: "127.0.0.1:{names}"}}
sds:
- name: connectors
  plugin: {{type: grpc, addr: "127.0.0.1:{connectors}"}}
"""


def until(condition, seconds, what):
    """Asks until it is so; how many seconds it took."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > seconds:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - begun


def strike(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def reply(answers):
    """One answer of RESP2: bytes, a number, a list, or None."""
    line = answers.readline()
    if not line.endswith(b"\r\n"):
        raise Failure("Redis ended a connection")
    kind, rest = line[:1], line[1:-2]
    if kind in b"+-":
        return rest
    if kind == b":":
        return int(rest)
    if int(rest) < 0:
        return None
    if kind == b"*":
        return [reply(answers) for _ in range(int(rest))]
    return answers.read(int(rest) + 2)[:-2]


class Redis:
    """A server that keeps nothing on disk: after it was killed it begins empty."""

    def __init__(self, bench):
        self.bench, self.port = bench, free_port()
        if not shutil.which("redis-server"):
            raise Unavailable("no redis-server (apt-get install redis-server)")
        self.start()

    def start(self):
        self.program = self.bench.start(
            "redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", self.bench.place)
        accepts(self.port, self.program)
        if self.ask(["PING"]) != [b"PONG"]:
            raise Failure(f"somebody else listens at port {self.port}")

    def kill(self):
        strike([self.program.pid], signal.SIGKILL)
        self.program.process.wait()

    def ask(self, *commands):
        """What commands over one connection are answered; an error is an answer of text."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection, connection.makefile("rb") as answers:
            for words in commands:
                parts = [str(word).encode() for word in words]
                texts = [b"$%d\r\n%s\r\n" % (len(part), part) for part in parts]
                connection.sendall(b"*%d\r\n" % len(parts) + b"".join(texts))
            return [reply(answers) for _ in commands]

    def holdings(self):
        """Which names and connectors stand there, and which nodes; what they say of themselves changes."""
        *_, names = self.ask(["SELECT", NAMES_DATABASE], ["KEYS", "*"])
        *_, keys = self.ask(["SELECT", CONNECTORS_DATABASE], ["KEYS", "*"])
        tunnels = [key.decode() for key in keys if not key.startswith(b"culvert:")]
        _, *fields = self.ask(["SELECT", CONNECTORS_DATABASE], *(["HKEYS", tunnel] for tunnel in tunnels))
        return {*names, *(key for key in keys if key.startswith(b"culvert:node:")),
                *((tunnel, field) for tunnel, each in zip(tunnels, fields) for field in each)}

    def cut_tracking(self):
        """Ends the connections by which control planes are told of changes, and no other; how many there were."""
        listing, = self.ask(["CLIENT", "LIST"])
        found = re.findall(rb"^id=(\d+) .* name=culvert-tracking ", listing, re.MULTILINE)
        self.ask(*(["CLIENT", "KILL", "ID", identifier.decode()] for identifier in found))
        return len(found)


class Node:
    """A node of ours: supervisor, control plane, data plane."""

    is_stock = False

    def __init__(self, cluster, index):
        self.cluster, self.bench, self.index = cluster, cluster.bench, index
        self.tunnels, self.entry, self.peers, self.pages = (free_port() for _ in range(4))
        place = f"{self.bench.place}/node-{index}"
        os.makedirs(place)
        self.environment = {**self.bench.environment, "XDG_RUNTIME_DIR": place, "XDG_STATE_HOME": place}
        self.path = self.bench.file(f"node-{index}/gost.yaml", self.settings())
        self.held = []
        self.start()

    def settings(self):
        return CULVERT.format(
            index=self.index, tunnels=self.tunnels, entry=self.entry, peers=self.peers, pages=self.pages,
            store=self.cluster.store_port, domain=DOMAIN, io=self.cluster.io, secret=self.cluster.secret)

    def start(self):
        self.program = Program(self.bench, [f"{self.bench.binaries}/culvert", "-C", self.path], self.environment)

    def ready(self, seconds=20):
        answers(self.pages, "pages", "/readyz", self.program, seconds)

    @property
    def pids(self):
        """The supervisor first: it would start its children anew."""
        return [self.program.pid, *children(self.program.pid).values()]

    @property
    def control(self):
        planes = children(self.program.pid)
        if "culvert-control" not in planes:
            raise Failure(f"node {self.index} has no control plane: {text(self.program.path)[-1_000:]}")
        return [planes["culvert-control"]]

    def kill(self):
        strike(self.pids, signal.SIGKILL)
        self.program.process.wait()

    def freeze(self, pids):
        self.held = pids
        strike(pids, signal.SIGSTOP)

    def thaw(self):
        strike(self.held, signal.SIGCONT)
        self.held = []


class StockNode(Node):
    """A stock server; what it knows of names and connectors comes from the two plugin processes."""

    is_stock = True

    def settings(self):
        return STOCK.format(
            tunnels=self.tunnels, entry=self.entry, names=self.cluster.plugins["ingress"][0],
            connectors=self.cluster.plugins["sd"][0])

    def start(self):
        self.program = Program(self.bench, [self.cluster.stock[0], "-C", self.path], self.environment)

    def ready(self, seconds=20):
        for port in (self.tunnels, self.entry):
            accepts(port, self.program, seconds)

    @property
    def control(self):
        raise Unavailable("a stock server has no control plane of its own; see the plugins")


class Connector:
    """A client of one tunnel at one node. Ours comes back by itself; the GOST-shaped one is started again."""

    AGAIN_SECONDS = 1

    def __init__(self, cluster, tunnel, node, is_ours):
        self.cluster, self.tunnel, self.node, self.is_ours = cluster, tunnel, node, is_ours
        self.name = f"{tunnel}-{node.index}-{'ours' if is_ours else 'gost'}"
        self.port = free_port()
        self.ended = None

    def start(self):
        bench, server = self.cluster.bench, f"127.0.0.1:{self.node.tunnels}"
        identity = self.cluster.identities[self.tunnel]
        if self.is_ours:
            self.program = bench.culvert(
                "-L", f"rtcp://:0/127.0.0.1:{self.port}", "-F", f"tunnel+ws://{server}?tunnel.id={identity}")
        else:
            self.program = bench.load(
                "bind", "--server", server, "--tunnel", identity, "--shape", "gost", "--target",
                f"127.0.0.1:{self.port}", "--seconds", 7_200)
        self.ended = None

    @property
    def is_bound(self):
        if self.is_ours:
            return re.search(r"^http://", text(self.program.path), re.MULTILINE) is not None
        return any(event.get("event") == "bound" for event in self.program.events())

    def tend(self):
        """As GOST's client does: once more, a second after a connection was lost or refused."""
        if self.program.process.poll() is None:
            return
        if self.is_ours:
            raise Failure(f"a client ended: {text(self.program.path)[-1_000:]}")
        now = time.monotonic()
        self.ended = self.ended or now
        if now - self.ended >= Connector.AGAIN_SECONDS:
            self.start()


class Cluster:
    """Everything but the visitors. `is_slow_line` puts a line between nodes and Redis whose commands can be slowed."""

    def __init__(self, bench, io="auto", stock=None, is_slow_line=False):
        self.bench, self.io, self.stock = bench, io, stock
        self.secret = uuid.uuid4().hex
        self.identities = [str(uuid.uuid4()) for _ in range(TUNNELS + 1)]
        self.hosts = [f"{endpoint(identity)}.{DOMAIN}" for identity in self.identities]
        self.redis = Redis(bench)
        self.store_port, self.line = self.redis.port, None
        if is_slow_line:
            self.store_port = free_port()
            self.line = self.python("line", self.store_port, self.redis.port, listens=True)
            self.line.event("listening", 10)
        self.plugins = {}
        for kind, database in (("ingress", NAMES_DATABASE), ("sd", CONNECTORS_DATABASE)) if stock else ():
            self.plugins[kind] = (free_port(), self.plugin_arguments(kind, database))
        self.plugin_programs = {}
        for kind in self.plugins:
            self.start_plugin(kind)
        self.nodes = [(StockNode if stock else Node)(self, index) for index in range(NODES)]
        # Two connectors of each tunnel, at nodes that follow each other; one more waits for the outage of the store.
        self.connectors = [
            Connector(self, tunnel, self.nodes[(tunnel + place) % NODES], is_ours=place == 0 and bool(bench.binaries))
            for tunnel in range(TUNNELS) for place in range(2)]
        self.late = Connector(self, TUNNELS, self.nodes[0], is_ours=False)
        self.deliveries = f"{bench.place}/deliveries"

    def python(self, name, *arguments, listens=False):
        environment = {
            **self.bench.environment, "PYTHONPATH": f"{self.bench.root}/bench", "PYTHONDONTWRITEBYTECODE": "1"}
        return Program(
            self.bench, [sys.executable, "-u", "-m", f"rig.{name}", *arguments], environment, listens=listens)

    def plugin_arguments(self, kind, database):
        shared = [f"--redis.addr=127.0.0.1:{self.store_port}", f"--redis.db={database}"]
        # Those of the reference deployment (protocol ingress-sd-plugins §6).
        if kind == "ingress":
            return [kind, *shared, "--redis.expiration=1h", f"--domain={DOMAIN}"]
        return [kind, *shared, "--redis.expiration=3m"]

    def start_plugin(self, kind):
        port, arguments = self.plugins[kind]
        program = self.bench.start(self.stock[1], *arguments, f"--addr=127.0.0.1:{port}", "--log.level=error")
        self.plugin_programs[kind] = program
        accepts(port, program)

    def open(self):
        """Starts services and connectors, and waits until every tunnel answers at every node."""
        services = [{"port": each.port, "tunnel": each.tunnel, "name": each.name}
                    for each in [*self.connectors, self.late]]
        path = self.bench.file("services.json", json.dumps({"deliveries": self.deliveries, "services": services}))
        self.services = self.python("services", path)
        self.services.event("listening", 10)
        for node in self.nodes:
            node.ready()
        for connector in self.connectors:
            connector.start()
        until(lambda: all(each.is_bound for each in self.connectors), 20, "every connector is bound")
        for node in self.nodes:
            for host in self.hosts[:TUNNELS]:
                answers(node.entry, host, "/", node.program)

    def tend(self):
        for connector in self.connectors:
            connector.tend()

    def wait(self, seconds, during=None):
        """Lets time pass, with everything as it is; `during` is done four times a second."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.tend()
            if during:
                during(self)
            time.sleep(min(left, 0.25))

    def thaw(self):
        """Nothing stays frozen behind a run that ended early."""
        for node in self.nodes:
            node.thaw()
        strike([program.pid for program in self.plugin_programs.values()], signal.SIGCONT)
