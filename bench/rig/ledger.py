"""What became of every request: the judgement of a ledger. Pure; instants are seconds of the monotonic clock."""
from collections import Counter
from typing import NamedTuple

from .exchange import REPEATABLE, RIGHT
from .visitors import quantile

#: In the order in which they are shown. `slow` is a right answer that took too long, `retried` one that took more than
#: one attempt, of the visitor or of the cluster; `cut` was on the process that died when it did; all else is `failed`.
CLASSES = ("ok", "retried", "cut", "failed", "misrouted", "slow")
ANSWERED = frozenset({"ok", "retried", "slow"})
SLOW_SECONDS = 1.0
#: The third second after a fault is the first in which everything is to be as before.
SETTLED_SECONDS = 2.0
#: The visitor has closed the connection because its node is known to be dead.
LEFT = "left"
#: No connection came about: nothing was sent.
UNREACHED = "unreached"
#: The connection ended before the answer did.
CLOSED = "closed"
#: Neither an end nor an answer, for as long as visitors wait.
LATE = "no answer in time"


class Attempt(NamedTuple):
    """One line of the ledger. `first` is the instant of the answer's first byte, 0 without one."""

    request: int
    due: float
    begun: float
    first: float
    ended: float
    pause: float
    node: int
    tunnel: int
    method: str
    keeps: bool
    outcome: str

    def line(self):
        return "\t".join([
            str(self.request), *(f"{instant:.6f}" for instant in self[1:5]), f"{self.pause:g}", str(self.node),
            str(self.tunnel), self.method, "keeps" if self.keeps else "closes", self.outcome]) + "\n"

    @staticmethod
    def read(line):
        words = line.rstrip("\n").split("\t")
        return Attempt(
            int(words[0]), *map(float, words[1:6]), int(words[6]), int(words[7]), words[8], words[9] == "keeps",
            words[10])


class Harm(NamedTuple):
    """What was done: it began, was complete, visitors were told; `nodes` are those that visitors find dead."""

    begun: float
    struck: float
    told: float
    nodes: frozenset = frozenset()

    def was_inside(self, attempt):
        """Whether an attempt may have been on a process at the instant of its death."""
        until = self.told if attempt.node in self.nodes else self.struck
        return bool(self.nodes) and attempt.begun <= until and attempt.ended >= self.begun


def may_repeat(attempt):
    """Whether a visitor, like a browser or a load balancer, asks another node: nothing of an answer has come, and
    nothing was sent or what was sent may be done twice."""
    if attempt.outcome == UNREACHED:
        return True
    return attempt.outcome in (LEFT, CLOSED) and not attempt.first and attempt.method in REPEATABLE


def may_be_cut(attempt, harm):
    """Whether nobody could have saved an attempt: its connection or the answer that it had begun to get was on the
    process that died, or it was under way then and may not be done twice."""
    if not harm.was_inside(attempt):
        return False
    if attempt.outcome in (LEFT, CLOSED, LATE):
        return attempt.node in harm.nodes or attempt.first > 0 or attempt.method not in REPEATABLE
    # A living node says that it does not know what became of it.
    return attempt.outcome.startswith("status 5") and attempt.method not in REPEATABLE


def seconds_taken(attempts):
    """What a request took, of which the origin's pause is no part; from the instant it was due, as visitors wait."""
    return attempts[-1].ended - attempts[0].due - attempts[-1].pause


def judge(attempts, harm, deliveries):
    """(class, why) of one request by its attempts in their order; `deliveries` is how often an origin was given it."""
    last = attempts[-1]
    for attempt in attempts:
        if attempt.outcome.startswith("misrouted"):
            return "misrouted", attempt.outcome
    # What the visitor repeated is excused only where the node had died: a living node answers.
    for earlier in attempts[:-1]:
        if earlier.node not in harm.nodes or not harm.was_inside(earlier):
            return "failed", f"{earlier.outcome}, at a living node"
    if deliveries > 1 and last.method not in REPEATABLE:
        return "failed", f"{last.method} was done {deliveries} times"
    if last.outcome != RIGHT:
        what = f"{last.outcome}, {'within' if last.first else 'before'} the answer to {last.method}"
        return ("cut" if may_be_cut(last, harm) else "failed"), what
    if deliveries == 0:
        return "failed", "answered, and no origin was asked"
    if seconds_taken(attempts) > SLOW_SECONDS:
        return "slow", ""
    return ("retried" if len(attempts) > 1 or deliveries > 1 else "ok"), ""


def by_request(attempts):
    """The attempts of each request together, in the order in which requests were due."""
    requests = {}
    for attempt in attempts:
        requests.setdefault(attempt.request, []).append(attempt)
    return sorted(requests.values(), key=lambda each: each[0].due)


class Judgement:
    """A whole ledger around one fault: counts, and what latencies were before and after. Latencies are in ms, of
    requests that were answered, in windows by the instant at which they were due. Every request counts; latencies and
    the rate are taken between `began`, when everything was warm, and `ended`."""

    def __init__(self, attempts, deliveries, harm, began, ended, window_seconds=5.0):
        self.harm, self.window_seconds = harm, window_seconds
        self.counts = dict.fromkeys(CLASSES, 0)
        self.why = Counter()
        self.in_flight = 0
        self.answered = []
        requests = by_request(attempts)
        for each in requests:
            kind, why = judge(each, harm, deliveries.get(each[0].request, 0))
            self.counts[kind] += 1
            if why:
                self.why[f"{kind}: {why}"] += 1
            if any(harm.was_inside(attempt) for attempt in each):
                self.in_flight += 1
            if kind in ANSWERED:
                self.answered.append((each[0].due, seconds_taken(each) * 1_000))
        self.requests = len(requests)
        self.rate = sum(1 for due, _ in self.answered if began <= due < ended) / (ended - began)
        #: Of whole windows before the fault, and of those from the third second on.
        self.before = self.windows(began, harm.begun)
        self.after = self.windows(harm.struck + SETTLED_SECONDS, ended)

    def p99(self, since, until):
        """None where nothing was answered."""
        ordered = sorted(taken for due, taken in self.answered if since <= due < until)
        return quantile(ordered, 0.99) if ordered else None

    def windows(self, since, until):
        """(seconds after the fault, p99) of every whole window."""
        count = int((until - since + 1e-6) / self.window_seconds)
        starts = [since + index * self.window_seconds for index in range(count)]
        taken = [(start - self.harm.struck, self.p99(start, start + self.window_seconds)) for start in starts]
        return [(after, value) for after, value in taken if value is not None]

    @property
    def before_ms(self):
        """The worst window before the fault: what this machine does to a quiet cluster is not the fault's."""
        return max((value for _, value in self.before), default=None)

    @property
    def first_second_ms(self):
        """How much longer than before the p99 of the first second is; None without one of the two."""
        first = self.p99(self.harm.begun, self.harm.begun + 1)
        return None if first is None or self.before_ms is None else max(0.0, first - self.before_ms)

    @property
    def ratios_after(self):
        """How many times the p99 before it each window from the third second on has."""
        return [value / self.before_ms for _, value in self.after] if self.before_ms else []

    def record(self):
        return {
            "requests": self.requests, "rate": round(self.rate, 1), "in_flight": self.in_flight, **self.counts,
            "why": dict(self.why.most_common(20)), "p99_ms_before": rounded(self.before),
            "p99_ms_more_in_first_second": rounded(self.first_second_ms),
            "p99_ms_from_third_second": rounded(self.after)}


def rounded(value):
    """A number, or several, as they are written into records."""
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return value if value is None else round(value, 3)
