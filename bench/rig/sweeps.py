"""Sweeps: what a request, a byte or a stream costs while one thing is varied and everything else stays."""
from .chains import Node
from .costs import Cost, rounds
from .distance import delay
from .processes import Failure
from .rows import median
from .visitors import visit

VISITORS = 32


def panel(label, unit, is_log=False):
    return {"label": label, "unit": unit, "is_log": is_log}


PER_REQUEST = panel("CPU of the data plane per request", "µs")


class Sweep:
    """`subjects(lab, value)` starts what is measured at one value, `measure(lab, subject, value)` gives one number for
    each panel."""

    def __init__(self, title, note, x, values, quick, panels, subjects, measure, label="{:,}".format):
        self.title, self.note, self.panels = title, note, panels
        self.x_label, self.is_log = x
        self.values, self.quick, self.label = values, quick, label
        self.subjects, self.measure = subjects, measure


class Point:
    """One subject at one value."""

    def __init__(self, sweep, value, subject):
        self.sweep, self.value, self.subject = sweep, value, subject
        self.series = subject.facts.get("io", subject.name)
        self.name = f"{sweep.label(value)}, {subject.name}"
        #: Why there is no figure.
        self.void = None

    def measure(self, lab):
        """What one round gave. A point of which one request failed is void, whatever other rounds give."""
        if self.void is None:
            try:
                return self.sweep.measure(lab, self.subject, self.value)
            except (Failure, OSError) as failure:
                self.void = f"{self.name}: {failure}"
                lab.progress(f"VOID {self.void}")
        return None


def take(lab, sweep):
    """What `plot.draw` draws, and what is void. A round is every subject at every value, so that what the machine does
    for a while is shared by all."""
    values = sweep.quick if lab.quick else sweep.values
    points = [Point(sweep, value, subject) for value in values for subject in sweep.subjects(lab, value)]
    taken = rounds(lab, sweep.x_label, points, lambda point: point.measure(lab))
    series = {}
    for point, found in taken.items():
        numbers = None if point.void else [list(part) for part in zip(*found)]
        series.setdefault(point.series, []).append({"x": point.value, "values": numbers})
    return {
        "title": sweep.title, "note": sweep.note, "panels": sweep.panels,
        "x": {"label": sweep.x_label, "is_log": sweep.is_log, "ticks": [[each, sweep.label(each)] for each in values]},
        "series": [{"name": name, "points": found} for name, found in series.items()],
        "void": [point.void for point in points if point.void]}


def lines(plot):
    """The medians, one line for each value and panel."""
    found = []
    for number, one in enumerate(plot["panels"]):
        found.append(f"{plot['x']['label']} → {one['label']}, {one['unit']}")
        for place, (_, name) in enumerate(plot["x"]["ticks"]):
            cells = []
            for series in plot["series"]:
                values = series["points"][place]["values"]
                cells.append(f"{series['name']} {median(values[number]):.4g}" if values else f"{series['name']} void")
            found.append(f"  {name:>10}  " + "   ".join(f"{cell:<16}" for cell in cells).rstrip())
    return found


def cost_of(lab, subject, *arguments, seconds=None):
    """(CPU of the data plane in ns, what the visitors counted)"""
    cost = Cost(subject)
    counted = visit(lab.bench, subject, *arguments, seconds=seconds or lab.seconds)
    return cost.end().data, counted


def per_request(lab, subject, *arguments):
    spent, counted = cost_of(lab, subject, *arguments)
    return [spent / counted["requests"] / 1e3]


def bound(lab, io, tunnels, workers=1):
    """A node of its own with many tunnels, all of one client."""
    node = Node(lab.bench, io, workers)
    subject = node.bind("plain", lab.carriers[0], None, tunnels=tunnels)
    subject.facts["hosts"] = lab.bench.file(
        f"hosts-{node.entry}", "".join(f"{host}\n" for host in node.hosts(subject, tunnels)))
    return subject


def with_tunnels(lab, count):
    return [bound(lab, io, count) for io in lab.ios]


def at_tunnels(lab, subject, _):
    """Every request to the next tunnel; and each visitor at one, with all others idle."""
    arguments = "--visitors", VISITORS, "--hosts", subject.facts["hosts"]
    return [*per_request(lab, subject, *arguments), *per_request(lab, subject, *arguments, "--one-host")]


def with_workers(lab, count):
    return [bound(lab, io, VISITORS, workers=count) for io in lab.ios]


def at_workers(lab, subject, _):
    return per_request(lab, subject, "--visitors", VISITORS, "--one-host", "--hosts", subject.facts["hosts"])


def beside_haproxy(lab, _):
    return [*lab.subjects(), lab.haproxy()]


def at_visitors(lab, subject, count):
    return per_request(lab, subject, "--visitors", count, "--path", "/page")


def at_payload(lab, subject, size):
    spent, counted = cost_of(lab, subject, "--visitors", VISITORS, "--path", lab.origins.page(size))
    # Nanoseconds per byte are seconds per GB.
    return [spent / counted["requests"] / 1e3, spent / counted["bytes"]]


def with_delay(lab, milliseconds):
    """A node and a client for each shell, with a line between them."""
    subjects = []
    for io in lab.ios:
        node = Node(lab.bench, io)
        port = delay(lab, node.ports[lab.carriers[0]], delay_ms=milliseconds / 2)
        subjects.append(node.bind(lab.clients[0], lab.carriers[0], lab.origins.checking, through=port))
    return subjects


def at_delay(lab, subject, _):
    size = 5_000_000 if lab.quick else 250_000_000
    spent, counted = cost_of(lab, subject, "--visitors", 1, "--requests", 3, "--path", f"/bytes/{size}", seconds=30)
    # Bits per microsecond are Mbit/s.
    return [size * 8 / counted["p50_us"], spent / counted["bytes"]]


def bytes_label(size):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


SWEEPS = {
    "tunnels": Sweep(
        "Cost of a request by number of tunnels", f"1 KiB, {VISITORS} visitors, connections that stay; one worker",
        ("tunnels", True), (10, 100, 1_000, 10_000), (10, 100),
        [panel("CPU per request, all tunnels asked in turn", "µs"),
         panel("CPU per request, each visitor at one tunnel", "µs")],
        with_tunnels, at_tunnels),
    "visitors": Sweep(
        "Cost of a request by number of visitors", "1 KiB, one tunnel, connections that stay; one worker",
        ("visitors", True), (1, 8, 32, 128, 512), (1, 32), [PER_REQUEST], beside_haproxy, at_visitors),
    "workers": Sweep(
        "Cost of a request by number of workers",
        f"1 KiB, {VISITORS} visitors, each at a tunnel of its own, connections that stay",
        ("workers", True), (1, 2, 4, 8), (1, 2), [PER_REQUEST], with_workers, at_workers),
    "payload": Sweep(
        "Cost of a request and of a byte by size of the answer",
        f"one tunnel, {VISITORS} visitors, connections that stay; one worker",
        ("size of the answer", True), (64, 512, 4 << 10, 32 << 10, 256 << 10, 1 << 20), (64, 1 << 20),
        [panel("CPU of the data plane per request", "µs", True), panel("CPU of the data plane per GB", "s", True)],
        beside_haproxy, at_payload, bytes_label),
    "delay": Sweep(
        "One stream by the length of the line", "downloads of 250 MB, one after the other; one worker",
        ("round trip between node and client, ms", False), (0, 5, 25, 100), (0, 5),
        [panel("throughput", "Mbit/s"), panel("CPU of the data plane per GB", "s")], with_delay, at_delay)}
