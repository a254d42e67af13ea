"""The chains that are measured: HAProxy, Culvert with each kind of client, and a stock server."""
import os
import re
import urllib.request
import uuid

from .processes import Failure, accepts, answers, children, endpoint, free_port

NGINX = """\
worker_processes 1; daemon off; pid {place}/nginx.pid; error_log {place}/nginx.log;
events {{ worker_connections 16384; }}
http {{
    access_log off; keepalive_requests 1000000; client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
    server {{ listen 127.0.0.1:{port}; root {place}/www; }}
}}
"""
HAPROXY = """\
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    http-reuse always
    timeout connect 5s
    timeout client 60s
    timeout server 60s{splice}
listen proxy
    bind 127.0.0.1:{port}
    server origin 127.0.0.1:{origin}
"""
SPLICE = "\n    option splice-request\n    option splice-response"
CULVERT = """\
culvert:
  workers: {workers}
  io: {io}
metrics: {{addr: "127.0.0.1:{pages}"}}
log: {{level: error}}
"""
SERVICES = """\
services:
- name: over-ws
  addr: "127.0.0.1:{ws}"
  handler: {{type: tunnel, metadata: {{entrypoint: "127.0.0.1:{entry}"{ingress}}}}}
  listener: {{type: ws}}
- name: over-tcp
  addr: "127.0.0.1:{tcp}"
  handler: {{type: tunnel{with_ingress}}}
  listener: {{type: tcp}}
"""
CARRIERS = ("ws", "tcp")


class Subject:
    """What visitors come to, and whose cost is read: the data plane's, and the whole node's beside it."""

    def __init__(self, name, port, host, data, node, **facts):
        self.name, self.port, self.host, self.data, self.node = name, port, host, data, node
        self.facts = facts


class Origins:
    """nginx with one worker for what visitors get, and the load generator's origin, which compares what they send."""

    def __init__(self, bench):
        self.nginx, self.checking = free_port(), free_port()
        self.bench = bench
        os.makedirs(f"{bench.place}/www/bytes", exist_ok=True)
        for name, count in (("page", 1_024), ("bytes/10000000", 10_000_000), ("bytes/100000000", 100_000_000)):
            self.write(name, count)
        path = bench.file("nginx.conf", NGINX.format(place=bench.place, port=self.nginx))
        program = bench.start("nginx", "-p", bench.place, "-c", path, "-e", f"{bench.place}/nginx.log")
        bench.load("origin", "--listen", self.checking).event("listening", 5)
        answers(self.nginx, "origin", "/page", program)

    def write(self, name, count):
        with open(f"{self.bench.place}/www/{name}", "wb") as file:
            program = self.bench.load("pattern", "--requests", count)
            program.process.wait(20)
            with open(program.path, "rb") as written:
                file.write(written.read())
            self.bench.running.remove(program)

    def page(self, count):
        """The path of a body of so many bytes, at either origin."""
        name = f"bytes/{count}"
        if not os.path.exists(f"{self.bench.place}/www/{name}"):
            self.write(name, count)
        return f"/{name}"


def reference(bench, origin, splice=False):
    """HAProxy as a plain reverse proxy in front of an origin."""
    port = free_port()
    name = "HAProxy, splice" if splice else "HAProxy"
    path = bench.file(
        f"haproxy-{port}.cfg", HAPROXY.format(port=port, origin=origin, splice=SPLICE if splice else ""))
    program = bench.start("haproxy", "-db", "-f", path)
    answers(port, "proxy", "/page", program)
    return Subject(name, port, "proxy", [program.pid], [program.pid])


class Node:
    """One tunnel server; each client that is bound to it makes a subject."""

    def __init__(self, bench, io, workers=1):
        self.bench, self.io = bench, io
        self.ports = {"ws": free_port(), "tcp": free_port()}
        self.entry, self.pages = free_port(), free_port()
        settings = CULVERT.format(workers=workers, io=io, pages=self.pages) + SERVICES.format(
            ws=self.ports["ws"], tcp=self.ports["tcp"], entry=self.entry, ingress="", with_ingress="")
        self.program = bench.culvert("-C", bench.file(f"gost-{self.entry}.yaml", settings))
        answers(self.pages, "pages", "/readyz", self.program)
        planes = children(self.program.pid)
        self.data, self.node = [planes["culvert-data"]], [self.program.pid, *planes.values()]

    def bind(self, client, carrier, target, through=None, tunnels=1, seconds=7_200):
        """A client of a kind (ours, gost, plain) with tunnels of its own; `through` is a relay's port."""
        first = str(uuid.uuid4())
        host = f"{endpoint(first)}.localhost"
        server = f"127.0.0.1:{through or self.ports[carrier]}"
        subject = Subject(
            f"{carrier} {self.io}, {'our' if client == 'ours' else client + '-shaped'} client", self.entry, host,
            self.data, self.node, carrier=carrier, io=self.io, client=client, tunnel=first)
        if client == "ours":
            program = self.bench.culvert(
                "-L", f"rtcp://:0/127.0.0.1:{target}", "-F", f"tunnel+{carrier}://{server}?tunnel.id={first}")
        else:
            to = ["--target", f"127.0.0.1:{target}"] if target else []
            program = self.bench.load(
                "bind", "--server", server, "--carrier", carrier, "--shape", client, "--tunnel", first, *to,
                "--tunnels", tunnels, "--seconds", seconds)
            program.event("bound", 60)
        subject.facts["program"] = program
        answers(self.entry, host, "/page", program)
        return subject

    def hosts(self, subject, count):
        """Of the first `count` tunnels that were bound together."""
        first = uuid.UUID(subject.facts["tunnel"]).int
        return [f"{endpoint(str(uuid.UUID(int=first + number)))}.localhost" for number in range(count)]

    def samples(self, name):
        """A metric's samples that are not zero: [(labels, value)]."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.pages}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        found = (re.fullmatch(re.escape(name) + r"(\{.*\})? (\S+)", line) for line in lines)
        return [(one[1] or "", float(one[2])) for one in found if one and float(one[2])]

    def metric(self, name):
        """The sum of a metric over its labels."""
        return sum(value for _, value in self.samples(name))


class StockNode(Node):
    """A stock server (GOST=path), with rules because it makes up no domain of its own."""

    def __init__(self, bench, path):
        self.bench, self.io = bench, "stock"
        self.ports = {"ws": free_port(), "tcp": free_port()}
        self.entry = free_port()
        self.free = [str(uuid.uuid4()) for _ in range(4)]
        rules = "".join(f"  - {{hostname: {endpoint(one)}.localhost, endpoint: {one}}}\n" for one in self.free)
        settings = "log: {level: error}\n" + SERVICES.format(
            ws=self.ports["ws"], tcp=self.ports["tcp"], entry=self.entry, ingress=", ingress: names",
            with_ingress=", metadata: {ingress: names}") + f"ingresses:\n- name: names\n  rules:\n{rules}"
        self.program = bench.start(path, "-C", bench.file("stock.yaml", settings))
        for port in self.ports.values():
            accepts(port, self.program)
        self.data = self.node = [self.program.pid]

    def bind(self, client, carrier, target, **_):
        if not self.free:
            raise Failure("the stock server has rules for four tunnels")
        first = self.free.pop()
        program = self.bench.load(
            "bind", "--server", f"127.0.0.1:{self.ports[carrier]}", "--carrier", carrier, "--shape", client,
            "--tunnel", first, "--target", f"127.0.0.1:{target}", "--seconds", 7_200)
        program.event("bound", 60)
        host = f"{endpoint(first)}.localhost"
        answers(self.entry, host, "/page", program)
        # A supervisor's children count as well.
        everyone = [self.program.pid, *children(self.program.pid).values()]
        return Subject(
            f"{carrier}, stock server, {client}-shaped client", self.entry, host, everyone, everyone, carrier=carrier,
            io="stock", client=client, tunnel=first, program=program)
