"""What it costs a request that its tunnel is at another node: two nodes over one Redis, one tunnel, visitors at each."""
import uuid

from .chains import Subject
from .cluster import DOMAIN, Node, Redis
from .costs import Cost, rounds
from .processes import answers, children, endpoint
from .rows import Row, median
from .visitors import h2load, quantile, wrk


class Pair:
    """Two nodes of one cluster; a client of one tunnel at the first."""

    def __init__(self, bench, io, first):
        self.bench, self.io, self.secret = bench, io, uuid.uuid4().hex
        self.redis = Redis(bench)
        self.store_port = self.redis.port
        self.nodes = [Node(self, first + place) for place in range(2)]
        for node in self.nodes:
            node.ready()

    def bind(self, target):
        """Subjects: visitors at the client's own node, and at the other, where both nodes' cost counts."""
        tunnel = str(uuid.uuid4())
        host = f"{endpoint(tunnel)}.{DOMAIN}"
        program = self.bench.culvert(
            "-L", f"rtcp://:0/127.0.0.1:{target}", "-F", f"tunnel+ws://127.0.0.1:{self.nodes[0].tunnels}?tunnel.id={tunnel}")
        data, everyone, subjects = [], [], []
        for node, name in zip(self.nodes, ("here", "forwarded")):
            answers(node.entry, host, "/page", program)
            data = [*data, children(node.program.pid)["culvert-data"]]
            everyone = [*everyone, *node.pids]
            subjects.append(Subject(f"ws {self.io}, {name}", node.entry, host, data, everyone))
        return subjects


def forwarded(lab):
    """CPU of both nodes per keep-alive request, beside that of one; and p99 at half of the lower peak."""
    rows = []
    for number, io in enumerate(lab.ios):
        before = len(lab.bench.running)
        subjects = Pair(lab.bench, io, 2 * number).bind(lab.origins.nginx)

        def requests(subject):
            cost = Cost(subject)
            counted = wrk(lab.bench, subject, lab.seconds)
            cost.end()
            count = counted["requests"]
            return cost.data / count / 1e3, cost.node / count / 1e3, count / counted["seconds"]
        here, there = rounds(lab, f"forwarded, {io}", subjects, requests).values()
        rate = min(median([value[2] for value in values]) for values in (here, there)) / 2

        def latency(subject):
            return quantile(h2load(lab.bench, subject, rate, lab.seconds), 0.99) / 1e3
        near, far = rounds(lab, f"p99 forwarded at {rate:.0f}/s, {io}", subjects, latency).values()
        lab.bench.end_since(before)
        cost, nodes = (median([value[part] for value in there]) for part in (0, 1))
        rows.append(Row(
            "request forwarded to another node", f"ws {io}", cost, "µs", median([value[0] for value in here]),
            note=f"nodes {nodes:.3g}", ratio_max=1.9))
        rows.append(Row(
            f"p99 added by forwarding at {rate:.0f} requests/s", f"ws {io}", median(far) - median(near), "ms",
            note=f"{median(near):.2f} here, {median(far):.2f} there", value_max=1))
    return rows
