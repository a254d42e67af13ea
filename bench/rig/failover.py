"""One fault under load: a cluster of its own, visitors, the fault, its healing, and what the ledger says."""
import itertools
import json
import os
import statistics
import time
from collections import Counter

from .cluster import TUNNELS, Cluster, until
from .ledger import Attempt, Harm, Judgement, rounded
from .processes import Failure, answers, text
from .rows import shown

#: Seconds in which connections and links are made, of which no latency is taken.
WARM_SECONDS = 2
#: For the answers of visitors that wait, and a margin.
END_SECONDS = 25


class Crowd:
    """The visitors, in a process of their own."""

    def __init__(self, cluster, options):
        bench = cluster.bench
        self.ledger = f"{bench.place}/ledger"
        path = bench.file("crowd.json", json.dumps({
            "nodes": [node.entry for node in cluster.nodes], "hosts": cluster.hosts[:TUNNELS],
            "rate": options.rate, "visitors": options.visitors, "ledger": self.ledger}))
        self.program = cluster.python("crowd", path, listens=True)
        self.program.event("visiting", 10)

    def leave(self, nodes):
        """The instant at which all visitors knew that these nodes are dead."""
        told = time.monotonic()
        for node in nodes:
            self.program.tell(f"leave {node}")
            told = max(told, self.program.event("leave", 5)["at"])
        return told

    def back(self, nodes):
        for node in nodes:
            self.program.tell(f"return {node}")

    def end(self):
        """Every attempt, when all visitors have gone."""
        self.program.tell("end")
        self.program.result("visited", END_SECONDS)
        with open(self.ledger) as lines:
            return [Attempt.read(line) for line in lines]


def deliveries(path):
    """How often an origin was given each request, by what services wrote."""
    return Counter(int(line.split("\t", 1)[0]) for line in text(path).splitlines())


class Trial:
    """What one fault did in all its rounds, each of which is a judgement and what else was measured; `bars` are those of
    the fault. Counts are sums and what was measured is the worst. Latencies are medians, window by window: what this
    machine does once is no fault's, what a fault does it does in every round."""

    def __init__(self, fault, rounds):
        self.fault, self.rounds = fault, rounds
        judgements = self.judgements = [judgement for judgement, _ in rounds]
        self.counts = {kind: sum(each.counts[kind] for each in judgements) for kind in judgements[0].counts}
        self.why = sum((each.why for each in judgements), start=Counter())
        self.requests = sum(each.requests for each in judgements)
        self.in_flight = sum(each.in_flight for each in judgements)
        self.rate = median([each.rate for each in judgements])
        self.before_ms = median([each.before_ms for each in judgements])
        self.first_second_ms = median([each.first_second_ms for each in judgements])
        self.settled_ratio = settled_ratio(judgements)
        self.measured = {name: worst([measured[name] for _, measured in rounds]) for name in rounds[0][1]}
        self.values = {
            **self.counts, "p99_first_ms": self.first_second_ms, "p99_settled": self.settled_ratio, **self.measured}

    def missed(self, judges_latency=True):
        """What is not as its bar says, in words."""
        missed = []
        for name, bar in self.fault.bars.items():
            if name.startswith("p99") and not judges_latency:
                continue
            # No round's cuts may hide behind what was under way in another.
            pairs = ([(each.counts[name], each.in_flight) for each in self.judgements] if bar == "in flight"
                     else [(self.values.get(name), bar)])
            missed += [f"{name} {number(value) or 'unknown'}, not ≤ {number(limit)}"
                       for value, limit in pairs if value is None or value > limit]
        return missed

    def record(self, judges_latency):
        return {"fault": self.fault.name, "what": self.fault.what, "bars": self.fault.bars, "requests": self.requests,
                "rate": round(self.rate, 1), "in_flight": self.in_flight, **self.counts,
                "p99_ms_before": rounded(self.before_ms), "p99_ms_more_in_first_second": rounded(self.first_second_ms),
                "p99_ratio_from_third_second": rounded(self.settled_ratio), **self.measured,
                "rounds": [{**judgement.record(), **measured} for judgement, measured in self.rounds],
                "missed": self.missed(judges_latency)}


def median(values):
    """Of those that there are, when they are most."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if len(known) * 2 > len(values) else None


def worst(values):
    """None when one is not known."""
    return None if None in values else max(values)


def settled_ratio(judgements):
    """The worst window from the third second on, as many times the p99 before it, each the median of all rounds."""
    ratios = [each.ratios_after for each in judgements]
    windows = [median(window) for window in itertools.zip_longest(*ratios)]
    return max((ratio for ratio in windows if ratio is not None), default=None)


def bound_meanwhile(cluster):
    """Binds one more tunnel; seconds until it answers at its own node, and at the last of the others."""
    cluster.late.start()
    taken = []
    try:
        cluster.late.program.event("bound", 5)
        begun = time.monotonic()
        for node in cluster.nodes:
            answers(node.entry, cluster.hosts[TUNNELS], "/", node.program, 5)
            taken.append(time.monotonic() - begun)
    except Failure:
        # Where it does not answer, there is no figure.
        pass
    return {"bound_here_seconds": taken[0] if taken else None,
            "bound_elsewhere_seconds": taken[-1] if len(taken) == len(cluster.nodes) else None}


def whole_again(cluster, before, seconds=15):
    """Seconds from now on until Redis holds what it held; None when it does not."""
    try:
        return until(lambda: before <= cluster.redis.holdings(), seconds, "Redis is whole again")
    except Failure:
        return None


def try_fault(bench, fault, options):
    """A round: its judgement, and what else was measured. `options` are seconds (before, hold, outage, after, window),
    rate, visitors, io and `stock`, the paths of the stock system."""
    cluster = Cluster(bench, options.io, options.stock, fault.needs_line)
    try:
        cluster.open()
        return under_load(cluster, fault, options)
    finally:
        cluster.thaw()


def under_load(cluster, fault, options):
    crowd, measured = Crowd(cluster, options), {}
    cluster.wait(WARM_SECONDS)
    began, held = time.monotonic(), cluster.redis.holdings()
    cluster.wait(options.before)
    begun = time.monotonic()
    fault.make(cluster)
    struck = time.monotonic()
    harm = Harm(begun, struck, crowd.leave(fault.nodes), frozenset(fault.nodes))
    if fault.empties == "made":
        measured["whole_seconds"] = whole_again(cluster, held)
    if fault.binds:
        measured |= bound_meanwhile(cluster)
    cluster.wait(getattr(options, fault.holds) - (time.monotonic() - struck), fault.during)
    fault.heal(cluster)
    if fault.empties == "healed":
        measured["whole_seconds"] = whole_again(cluster, held)
    for node in fault.nodes:
        cluster.nodes[node].ready()
    crowd.back(fault.nodes)
    cluster.wait(options.after)
    ended = time.monotonic()
    attempts = crowd.end()
    keep(cluster, fault, options)
    delivered = deliveries(cluster.deliveries)
    return Judgement(attempts, delivered, harm, began, ended, options.window), measured


def keep(cluster, fault, options):
    """The ledger itself, where somebody wants to read it."""
    if options.ledger:
        os.makedirs(options.ledger, exist_ok=True)
        name = fault.name.replace(" ", "-")
        for suffix, path in (("ledger", f"{cluster.bench.place}/ledger"), ("deliveries", cluster.deliveries)):
            with open(path) as source, open(f"{options.ledger}/{name}.{suffix}", "w") as copy:
                copy.write(source.read())


HEADS = ("fault", "requests", "/s", "ok", "retried", "cut / in flight", "failed", "misrouted", "slow",
         "p99 before", "first second", "from 3rd second", "else", "bars")


def table(trials, judges_latency):
    """One line of a Markdown table for each fault."""
    cells = [HEADS]
    for trial in trials:
        counts, ratio = trial.counts, trial.settled_ratio
        cells.append((
            trial.fault.name, number(trial.requests), shown(trial.rate), number(counts["ok"]),
            number(counts["retried"]), f"{counts['cut']} / {trial.in_flight}", str(counts["failed"]),
            str(counts["misrouted"]), str(counts["slow"]), milliseconds(trial.before_ms),
            milliseconds(trial.first_second_ms, "+"), f"{ratio:.2f}×" if ratio else "–",
            ", ".join(f"{name.replace('_seconds', '').replace('_', ' ')} {shown(value) or '–'} s"
                      for name, value in trial.measured.items()),
            "MISSED: " + "; ".join(trial.missed(judges_latency)) if trial.missed(judges_latency) else "held"))
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADS))]
    lines = ["| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return lines


def number(value):
    """Counts as they are."""
    return f"{value:,}" if isinstance(value, int) else shown(value)


def milliseconds(value, sign=""):
    return "–" if value is None else f"{sign}{shown(value)} ms"
