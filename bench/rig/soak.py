"""Mixed load with churn over a long time, and what is left of it afterwards."""
import os
import random
import re
import time

from .chains import Node
from .processes import Failure, resident_kib, text
from .visitors import start_visit

#: What the node holds, as its metrics name it: all of it belongs to somebody who has gone when the load has.
HELD = ("culvert_visitors", "culvert_links", "culvert_connectors", "culvert_streams", "culvert_buffers_held")
#: What a node of two workers touches little by little and keeps, bounded by its construction: the buffers that stand
#: ready to receive into, 256 of 16 KiB for each worker, and the cells of the mailbox between each two workers.
READY_KIB = 2 * 256 * 16 + 2 * 512
#: Memory may move by so much beside that: pages that one peak more has touched.
RESIDENT_SLACK_KIB = 1_024
SLOPE_MAX_MIB_PER_MINUTE = 0.1


def descriptors(pid):
    """What each open descriptor of a process is, without the numbers: {kind: how many}."""
    counted = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            kind = re.sub(r"\d+", "N", os.readlink(f"/proc/{pid}/fd/{name}"))
        except FileNotFoundError:
            continue
        counted[kind] = counted.get(kind, 0) + 1
    return counted


def socket_pages():
    """Pages of memory that the kernel holds for TCP, of all processes in this network namespace."""
    return int(re.search(r"^TCP:.* mem (\d+)", text("/proc/net/sockstat"), re.MULTILINE)[1])


def mappings(pid):
    return len(text(f"/proc/{pid}/maps").splitlines())


def slope(points):
    """Of a line through (x, y), by least squares."""
    count = len(points)
    x_mean, y_mean = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    return sum((x - x_mean) * (y - y_mean) for x, y in points) / spread


class Load:
    """Visitors of every kind and tunnels that come and go, each in short runs that follow each other at random."""

    #: Arguments of `bench/load visit`, how many at a time, and whether every one of its requests must be answered well.
    KINDS = [
        ("keep-alive", ["--visitors", 8, "--rate", 400, "--path", "/page"], "nginx", True),
        ("closing", ["--visitors", 8, "--rate", 150, "--path", "/page", "--close"], "nginx", True),
        ("downloads", ["--visitors", 2, "--rate", 4, "--path", "/bytes/10000000"], "nginx", True),
        ("uploads", ["--visitors", 2, "--rate", 4, "--upload", 4_000_000], "checking", True),
        ("idle", ["--visitors", 200, "--hold"], "nginx", False),
        ("never-read", ["--visitors", 20, "--never-read", "--path", "/bytes/100000000"], "nginx", False)]

    def __init__(self, lab, node, seed):
        self.lab, self.node, self.random = lab, node, random.Random(seed)
        #: How many times as many visitors and tunnels there are at a time.
        self.scale = 1
        self.subjects = {
            "nginx": [node.bind("ours", "ws", lab.origins.nginx), node.bind("gost", "ws", lab.origins.nginx),
                      node.bind("ours", "tcp", lab.origins.nginx)],
            "checking": [node.bind("ours", "ws", lab.origins.checking)]}
        self.programs, self.counted, self.runs = {}, {}, 0

    def turn(self):
        """Starts anew whatever has ended."""
        for kind in self.KINDS:
            self.turn_of(kind[0], lambda seconds, kind=kind: self.visit(kind, seconds), must=kind[3])
        self.turn_of("tunnels", self.tunnels)

    def turn_of(self, name, start, must=False):
        program = self.programs.get(name)
        if program is not None:
            if program.process.poll() is None:
                return
            self.close(name, program, must)
        self.programs[name] = start(self.random.randint(3, 9))
        self.runs += 1

    def close(self, name, program, must):
        if must:
            counted = program.result("visited", 5)
            if counted["errors"] or counted["unanswered"]:
                raise Failure(f"{name}: {counted}")
            self.counted[name] = self.counted.get(name, 0) + counted["requests"]
        self.lab.bench.running.remove(program)

    def visit(self, kind, seconds):
        _, arguments, target, _ = kind
        subject = self.random.choice(self.subjects[target])
        at = arguments.index("--visitors") + 1
        visitors = [*arguments[:at], arguments[at] * self.scale, *arguments[at + 1:]]
        return start_visit(self.lab.bench, subject, *visitors, "--seconds", seconds)

    def tunnels(self, seconds):
        carrier = self.random.choice(["ws", "tcp"])
        return self.lab.bench.load(
            "bind", "--server", f"127.0.0.1:{self.node.ports[carrier]}", "--carrier", carrier, "--shape", "gost",
            "--tunnel", f"{self.random.choice('abcd') * 8}-0000-4000-8000-000000000000", "--tunnels", 100 * self.scale,
            "--seconds", seconds)

    def end(self):
        """Lets what must be answered end by itself; ends the rest."""
        must = {kind[0] for kind in self.KINDS if kind[3]}
        for name, program in self.programs.items():
            if name in must:
                program.process.wait(40)
                self.close(name, program, True)
            else:
                program.end()
                self.lab.bench.running.remove(program)
        self.programs = {}


def quiet(node, pid, seconds=60):
    """What is held when nothing moves any more, and KiB of memory: the same twice. Memory that is not needed goes back
    after five seconds, little by little."""
    end = time.monotonic() + seconds
    last, resident = None, 0
    while time.monotonic() < end:
        time.sleep(7)
        now = ({name: node.metric(name) for name in HELD}, descriptors(pid), mappings(pid))
        before, resident = resident, resident_kib([pid])
        if now == last and abs(resident - before) <= 64:
            return *now, resident
        last = now
    raise Failure(f"the node does not come to rest: {last}, {resident} KiB")


def soak(lab, io, seconds, warm_seconds, seed):
    """Runs twice the load for a while to let everything grow to its size, then the load for `seconds`; gives the facts
    and the list of what is not as it should be."""
    before = len(lab.bench.running)
    node = Node(lab.bench, io, workers=2)
    pid = node.data[0]
    load = Load(lab, node, seed)

    def drive(until, points=None):
        begun = time.monotonic()
        try:
            while time.monotonic() < until:
                load.turn()
                if points is not None:
                    points.append(
                        ((time.monotonic() - begun) / 60, resident_kib(node.data) / 1_024, socket_pages() / 256))
                time.sleep(1)
            load.end()
        except Failure as failure:
            ends = " ".join(f"{labels}={value:.0f}" for labels, value in node.samples("culvert_ends_total"))
            raise Failure(f"{failure}; what the node ended: {ends}") from None

    # What is needed at a time is needed again: twice of it, and nothing that comes later is more.
    load.scale = 2
    drive(time.monotonic() + warm_seconds)
    load.scale = 1
    *first, resident_first = quiet(node, pid)
    points = []
    drive(time.monotonic() + seconds, points)
    *last, resident_last = quiet(node, pid)
    # The load swings: a line through all of it, after a fifth in which its first peaks fall.
    kept = points[len(points) // 5:]
    facts = {
        "io": io, "seconds": seconds, "seed": seed, "runs": load.runs, "requests": load.counted,
        "resident_mib_per_minute": round(slope([(x, y) for x, y, _ in kept]), 3),
        "socket_mib_per_minute": round(slope([(x, y) for x, _, y in kept]), 3),
        "resident_mib": [round(resident_first / 1_024, 2), round(resident_last / 1_024, 2)],
        "held": last[0], "descriptors": sum(last[1].values()), "mappings": last[2]}
    wrong = []
    for what, one, two in zip(("held", "descriptors", "mappings"), first, last):
        if one != two:
            wrong.append(f"{what}: {one} at first, {two} at the end")
    if resident_last > resident_first + READY_KIB + RESIDENT_SLACK_KIB:
        wrong.append(f"resident: {resident_first} KiB at first, {resident_last} at the end")
    # A short run's line is its swing; what is left at rest is judged above.
    if seconds >= 600 and facts["resident_mib_per_minute"] > SLOPE_MAX_MIB_PER_MINUTE:
        wrong.append(f"resident memory grows by {facts['resident_mib_per_minute']} MiB a minute")
    if not load.counted or min(load.counted.get(kind[0], 0) for kind in load.KINDS if kind[3]) == 0:
        wrong.append(f"a kind of load was never answered: {load.counted}")
    lab.bench.end_since(before)
    return facts, wrong
