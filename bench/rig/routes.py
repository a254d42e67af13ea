"""A million host rules in a file: start, memory, look-ups, replacement, and what visitors and binds notice of it."""
import json
import os
import re
import subprocess
import threading
import time
import urllib.request
import uuid

from .chains import CULVERT, Node, Subject
from .processes import Failure, Unavailable, answers, children, endpoint, free_port, resident_kib, text
from .rows import Row, median
from .visitors import visit

MIB = 1_024.0
REPLACEMENTS = 20
RATE = 5_000
POLL_SECONDS = 0.05

SERVICE = """\
services:
- name: tunnels
  addr: "127.0.0.1:{tcp}"
  handler: {{type: tunnel, metadata: {{entrypoint: "127.0.0.1:{entry}", ingress: names}}}}
  listener: {{type: tcp}}
ingresses:
- name: names
  plugin: {{type: memory, domain: localhost}}
  file: {{path: {path}}}
  reload: 100ms
"""


class RuledNode(Node):
    """A node whose rules stand in a file, with one tunnel bound that a rule leads to."""

    def __init__(self, bench, io, count):
        self.bench, self.io, self.count, self.version = bench, io, count, 0
        self.tunnel = str(uuid.uuid4())
        self.ports = {"tcp": free_port()}
        self.entry, self.pages = free_port(), free_port()
        self.path = f"{bench.place}/rules-{self.entry}"
        # Both written beforehand, so that nothing but the node works while they take turns.
        self.files = [self.write(0), self.write(1)]
        self.take_turn()
        settings = CULVERT.format(workers=2, io=io, pages=self.pages) + SERVICE.format(
            tcp=self.ports["tcp"], entry=self.entry, path=self.path)
        begun = time.monotonic()
        self.program = bench.culvert("-C", bench.file(f"gost-{self.entry}.yaml", settings))
        answers(self.pages, "pages", "/readyz", self.program)
        self.start_seconds = time.monotonic() - begun
        planes = children(self.program.pid)
        self.data, self.control = planes["culvert-data"], planes["culvert-control"]
        self.supervisor = self.program.pid

    def write(self, version):
        """One of two files: other hosts, and one that is in both."""
        with open(f"{self.path}-{version}", "w") as file:
            file.write(f"ruled.example {self.tunnel}\n")
            for number in range(1, self.count):
                name = (number + version * self.count) * 0x9E3779B97F4A7C15 % 2**64 | 2**63
                file.write(f"{name:x}.gost.local 4f3c8a52-7980-41ee-bbdb-{number:012x}\n")
        return file.name

    def take_turn(self):
        """The other file takes the name."""
        self.version += 1
        os.link(self.files[self.version % 2], self.path + ".new")
        os.rename(self.path + ".new", self.path)

    def state(self):
        """(generation of the rules, whether every worker has them)."""
        found = dict(re.findall(r"^culvert_rules_(generation|everywhere) (\d+)$", self.page("/metrics"), re.MULTILINE))
        return int(found["generation"]), found["everywhere"] == "1"

    def page(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.pages}{path}", timeout=10) as page:
            return page.read().decode()

    def replace(self):
        """Seconds from the file's taking its name to the last worker's use of the new rules."""
        before, _ = self.state()
        begun = time.monotonic()
        self.take_turn()
        while True:
            generation, is_everywhere = self.state()
            if generation > before and is_everywhere:
                return time.monotonic() - begun
            if time.monotonic() - begun > 60:
                raise Failure("new rules are not everywhere after a minute")
            time.sleep(POLL_SECONDS)

    def subject(self, target):
        program = self.bench.load(
            "bind", "--server", f"127.0.0.1:{self.ports['tcp']}", "--carrier", "tcp", "--shape", "plain", "--tunnel",
            self.tunnel, "--target", f"127.0.0.1:{target}", "--tunnels", 1, "--seconds", 7_200)
        program.event("bound", 60)
        answers(self.entry, "ruled.example", "/page", program)
        return Subject(f"{self.io}, {self.count:,} rules", self.entry, "ruled.example", [self.data],
                       [self.supervisor, self.control, self.data])


def mapped_kib(pid, name="culvert-routes"):
    """Bytes of address space that the tables of a process take, in KiB, and how many mappings."""
    total = count = 0
    for line in text(f"/proc/{pid}/maps").splitlines():
        if name in line:
            start, _, end = line.split()[0].partition("-")
            total += (int(end, 16) - int(start, 16)) // 1_024
            count += 1
    return total, count


class Watch:
    """The highest memory of processes while something happens."""

    def __init__(self, node):
        self.node, self.control, self.data, self.mapped = node, 0, 0, 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over.wait(0.02):
            self.control = max(self.control, resident_kib([self.node.control]))
            self.data = max(self.data, resident_kib([self.node.data]))
            self.mapped = max(self.mapped, mapped_kib(self.node.data)[0])

    def end(self):
        self.over.set()
        self.thread.join()


def lookups(lab, count):
    """By the probe, which does what a worker does (Tests/RouteProbe)."""
    path = f"{lab.bench.binaries}/RouteProbe"
    if not os.path.exists(path):
        raise Unavailable("RouteProbe is not built (swift build -c release --product RouteProbe)")
    found = json.loads(subprocess.run(
        [path, str(count), str(lab.rounds)], capture_output=True, text=True, check=True, timeout=300).stdout)
    subject = f"{count:,} rules"
    return [
        Row("look-up", f"{subject}, random names", found["random_ns"], "ns", floor=(340, 380), value_max=600),
        Row("look-up", f"{subject}, 10,000 hot names", found["hot_ns"], "ns", value_max=150),
        Row("look-up", f"{subject}, 127 labels", found["labels_ns"], "ns", value_max=5_000),
        Row("look-up", f"{subject}, 127 labels, wildcards at every depth", found["labels_at_every_depth_ns"], "ns",
            value_max=5_000)]


def binds(lab, node):
    """Milliseconds from the answer to a BIND to the first page by its host, beside the rules."""
    taken = []
    for _ in range(lab.rounds):
        tunnel = str(uuid.uuid4())
        program = lab.bench.load(
            "bind", "--server", f"127.0.0.1:{node.ports['tcp']}", "--carrier", "tcp", "--shape", "plain", "--tunnel",
            tunnel, "--target", f"127.0.0.1:{lab.origins.nginx}", "--tunnels", 1, "--seconds", 60)
        program.event("bound", 60)
        begun = time.monotonic()
        answers(node.entry, f"{endpoint(tunnel)}.localhost", "/page", program)
        taken.append((time.monotonic() - begun) * 1e3)
        program.end()
    return median(taken)


def longest(lab, node, subject, replacing):
    """(the longest wait of a request in ms, seconds of each replacement) at a fixed rate, which no answer slows down."""
    rate = 500 if lab.quick else RATE
    count = 2 if lab.quick else REPLACEMENTS
    seconds = 2 * count
    taken, faults, over = [], [], threading.Event()

    def beside():
        """The replacements; without them, the same looks at the node's page, so that nothing else differs."""
        try:
            while not over.is_set() and len(taken) < count:
                if replacing:
                    taken.append(node.replace())
                else:
                    node.state()
                    over.wait(POLL_SECONDS)
        except (Failure, OSError) as fault:
            faults.append(fault)
    thread = threading.Thread(target=beside)
    thread.start()
    try:
        counted = visit(lab.bench, subject, "--visitors", 32, "--rate", rate, seconds=seconds)
    finally:
        if not replacing:
            over.set()
        thread.join()
    if faults:
        raise faults[0]
    return counted["max_us"] / 1e3, taken


def routes(lab):
    """A million rules from a file: memory, start, look-ups, an update, and replacements under load."""
    count = lab.count(1_000_000)
    rows = lookups(lab, count)
    for io in lab.ios:
        before = len(lab.bench.running)
        lab.progress(f"{count:,} rules, {io}")
        node = RuledNode(lab.bench, io, count)
        subject = node.subject(lab.origins.checking)
        mapped, mappings = mapped_kib(node.data)
        rows += [
            Row("start with rules", subject.name, node.start_seconds, "s", note="to /readyz"),
            Row("rules: control plane", subject.name, resident_kib([node.control]) / MIB, "MiB", value_max=600),
            Row("rules: supervisor", subject.name, resident_kib([node.supervisor]) / MIB, "MiB"),
            Row("rules: data plane, mapped", subject.name, mapped / MIB, "MiB", value_max=150,
                note=f"{mappings} mappings for 2 workers"),
            Row("rules: bound to first answer", subject.name, binds(lab, node), "ms", value_max=10)]
        alone, beside, seconds = [], [], []
        watch = Watch(node)
        try:
            for _ in range(lab.rounds):
                alone.append(longest(lab, node, subject, replacing=False)[0])
                gap, taken = longest(lab, node, subject, replacing=True)
                beside.append(gap)
                seconds += taken
                lab.progress(f"longest wait {alone[-1]:.1f} ms alone, {gap:.1f} ms beside {len(taken)} replacements")
        finally:
            watch.end()
        rows += [
            Row("rules replaced: to the last worker", subject.name, median(seconds), "s", value_max=2,
                note=f"longest {max(seconds):.2f} of {len(seconds)}"),
            Row("rules replaced: control plane at most", subject.name, watch.control / MIB, "MiB", value_max=600),
            Row("rules replaced: data plane mapped at most", subject.name, watch.mapped / MIB, "MiB", value_max=200,
                note=f"resident {watch.data / MIB:.0f}"),
            Row("rules replaced: longest wait", subject.name, median(beside), "ms", median(alone), value_max=5)]
        lab.bench.end_since(before)
    return rows
