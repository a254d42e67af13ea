"""Figures that are costs of a request or of a byte, taken in rounds: each subject once in every round."""
import os
import re
import signal
import subprocess

from .processes import Unavailable, cpu_ns
from .rows import Row, median
from .visitors import h2load, quantile, visit, wrk


def rounds(lab, figure, subjects, measure):
    """{subject: [what `measure` gave for it in each round]}, and progress on stderr."""
    taken = {subject: [] for subject in subjects}
    for number in range(lab.rounds):
        for subject in subjects:
            lab.progress(f"{figure}: round {number + 1} of {lab.rounds}: {subject.name}")
            taken[subject].append(measure(subject))
    return taken


class Cost:
    """CPU time that the data plane and the node spent while something ran."""

    def __init__(self, subject):
        self.subject = subject
        self.data, self.node = cpu_ns(subject.data), cpu_ns(subject.node)

    def end(self):
        self.data, self.node = cpu_ns(self.subject.data) - self.data, cpu_ns(self.subject.node) - self.node
        return self


def requests(lab, closing):
    """(data µs per request, node µs per request, requests/s) of each subject and round."""
    def measure(subject):
        cost = Cost(subject)
        counted = wrk(lab.bench, subject, lab.seconds, closing=closing)
        cost.end()
        count = counted["requests"]
        return cost.data / count / 1e3, cost.node / count / 1e3, count / counted["seconds"]
    return rounds(lab, "close" if closing else "keep-alive", [lab.haproxy(), *lab.subjects()], measure)


def is_of_stock(subject):
    return subject.facts.get("io") == "stock"


def cost_rows(figure, unit, taken, bars, floor, aim, part=0):
    (first, values), *others = taken.items()
    base = median([value[part] for value in values])
    rows = [Row(figure, first.name, base, unit)]
    for subject, values in others:
        value = median([value[part] for value in values])
        note = ""
        if part == 0 and not is_of_stock(subject):
            note = f"node {median([value[1] for value in values]):.3g}"
        limits = {} if is_of_stock(subject) or bars(subject) is None else {"ratio_max": bars(subject)}
        rows.append(Row(figure, subject.name, value, unit, base, floor(subject), aim(subject), note, **limits))
    return rows


def bars_of_poll(figure, unit, taken):
    """What epoll costs beside the ring, subject by subject."""
    values = {subject: median([value[0] for value in found]) for subject, found in taken.items()}
    rows = []
    for subject, value in values.items():
        if subject.facts.get("io") != "poll":
            continue
        for other, reference in values.items():
            same = all(other.facts.get(key) == subject.facts[key] for key in ("carrier", "client"))
            if same and other.facts.get("io") == "ring":
                rows.append(Row(f"{figure}, poll beside ring", subject.name, value, unit, reference, ratio_max=1.1))
    return rows


def keep_alive(lab):
    """CPU per keep-alive request of 1 KB, 32 visitors; and requests/s of the whole chain."""
    taken = requests(lab, closing=False)
    for subject, values in taken.items():
        lab.peaks[subject.name] = median([value[2] for value in values])
    rows = cost_rows(
        "keep-alive request", "µs", taken, lambda s: 0.6 if s.facts["client"] == "ours" else 0.7,
        lambda s: 7.5 if s.facts["client"] == "ours" else (10, 12), lambda s: 0.45)
    rows += bars_of_poll("keep-alive request", "µs", taken)
    peak = lab.peaks[lab.haproxy().name]
    rows.append(Row("whole chain", lab.haproxy().name, peak, "requests/s"))
    for subject in list(taken)[1:]:
        bar = {"ratio_min": 0.8} if subject.facts["client"] == "ours" else {}
        rows.append(Row("whole chain", subject.name, lab.peaks[subject.name], "requests/s", peak, **bar))
    return rows


def close(lab):
    """CPU per request with `Connection: close`: accept, open, answer, close."""
    taken = requests(lab, closing=True)
    return cost_rows(
        "closing request", "µs", taken, lambda s: 0.8, lambda s: 28, lambda s: 0.65) + bars_of_poll(
            "closing request", "µs", taken)


def bytes_cost(lab, figure, subjects, *arguments):
    def measure(subject):
        cost = Cost(subject)
        counted = visit(lab.bench, subject, "--visitors", 4, *arguments, seconds=lab.seconds)
        cost.end()
        gigabytes = counted["bytes"] / 1e9
        return cost.data / 1e9 / gigabytes, cost.node / 1e9 / gigabytes, gigabytes / counted["seconds"]
    taken = rounds(lab, figure, subjects, measure)

    def bar(subject):
        if subject.name == "HAProxy, splice":
            return None
        if subject.facts["carrier"] == "tcp":
            return 0.5
        return 0.7 if subject.facts["client"] == "ours" else 0.75

    def floor(subject):
        if subject.name == "HAProxy, splice":
            return None
        return 0.31 if subject.facts["carrier"] == "tcp" else (0.44, 0.48)
    return cost_rows(figure, "s/GB", taken, bar, floor, lambda s: None) + bars_of_poll(figure, "s/GB", taken)


def downloads(lab):
    """CPU per GB of downloads of 10 MB, 4 visitors."""
    subjects = [lab.haproxy(), lab.haproxy(splice=True), *lab.subjects()]
    return bytes_cost(lab, "download", subjects, "--path", "/bytes/10000000")


def uploads(lab):
    """CPU per GB of uploads of 10 MB, 4 visitors, to an origin that compares them."""
    return bytes_cost(
        lab, "upload", [lab.haproxy(checking=True), *lab.subjects(checking=True)], "--upload", 10_000_000)


def system_calls(lab):
    """System calls per keep-alive request, 32 visitors, and how many of them were io_uring_enter."""
    events = "raw_syscalls:sys_enter,syscalls:sys_enter_io_uring_enter"
    probe = subprocess.run(["perf", "stat", "-e", events, "true"], capture_output=True, text=True)
    if probe.returncode or "not supported" in probe.stderr or "not counted" in probe.stderr:
        raise Unavailable("perf cannot count system calls here")

    def measure(subject):
        path = f"{lab.bench.place}/perf.txt"
        perf = subprocess.Popen(
            ["perf", "stat", "-x,", "-e", events, "-o", path, "-p", ",".join(map(str, subject.data))],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            counted = wrk(lab.bench, subject, lab.seconds)
        finally:
            perf.send_signal(signal.SIGINT)
            perf.wait(20)
        with open(path) as file:
            counts = [int(number) for number in re.findall(r"^(\d+),,", file.read(), re.MULTILINE)]
        os.unlink(path)
        return counts[0] / counted["requests"], counts[1] / max(1, counts[0])
    taken = rounds(lab, "system calls", [lab.haproxy(), *lab.subjects()], measure)
    (first, values), *others = taken.items()
    base = median([value[0] for value in values])
    rows = [Row("system calls per request", first.name, base, "")]
    for subject, values in others:
        bar = {"value_max": 0.6} if subject.facts["io"] == "ring" and subject.facts["client"] == "ours" else {}
        rows.append(Row(
            "system calls per request", subject.name, median([value[0] for value in values]), "", base, 0.35,
            note=f"{median([value[1] for value in values]):.1%} io_uring_enter", **bar))
    return rows


def latency(lab):
    """p99 at half of the lower peak, the same rate for everybody."""
    subjects = [lab.haproxy(), *(subject for subject in lab.subjects() if subject.facts["client"] == "ours")]
    for subject in subjects:
        if subject.name not in lab.peaks:
            counted = wrk(lab.bench, subject, lab.seconds)
            lab.peaks[subject.name] = counted["requests"] / counted["seconds"]
    rate = min(lab.peaks[subject.name] for subject in subjects) / 2

    def measure(subject):
        ordered = h2load(lab.bench, subject, rate, lab.seconds)
        return quantile(ordered, 0.99), quantile(ordered, 0.5)
    taken = rounds(lab, f"p99 at {rate:.0f}/s", subjects, measure)
    (first, values), *others = taken.items()
    base = median([value[0] for value in values])
    figure = f"p99 at {rate:.0f} requests/s"
    rows = [Row(figure, first.name, base, "µs", note=f"p50 {median([value[1] for value in values]):.0f}")]
    for subject, values in others:
        rows.append(Row(
            figure, subject.name, median([value[0] for value in values]), "µs", base,
            note=f"p50 {median([value[1] for value in values]):.0f}", ratio_max=1.5))
    return rows
