"""Figures of distance and of sharing: a long line, a narrow line, and requests that change worker."""
from .chains import CARRIERS, Node, Subject
from .costs import Cost, rounds
from .processes import Failure, answers, free_port
from .rows import Row, median
from .visitors import start_visit, visit


def delay(lab, target, **options):
    """A relay's port."""
    port = free_port()
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    lab.bench.load(
        "delay", "--listen", port, "--target", f"127.0.0.1:{target}", *words, "--seconds", 7_200).event("listening", 5)
    return port


def long_line(lab):
    """One download over a carrier with a round trip of 100 ms."""
    rows = []
    for io in lab.ios:
        for carrier in CARRIERS:
            before = len(lab.bench.running)
            node = Node(lab.bench, io)
            port = delay(lab, node.ports[carrier], delay_ms=50)
            subject = node.bind("ours", carrier, lab.origins.checking, through=port)
            lab.progress(f"100 ms, {subject.name}")
            size, count = (5e7 if lab.quick else 5e8), 2 + lab.rounds
            counted = visit(
                lab.bench, subject, "--visitors", 1, "--requests", count, "--path", f"/bytes/{size:.0f}", seconds=180)
            lab.bench.end_since(before)
            rows.append(Row(
                "one stream at 100 ms", subject.name, size * 8 / counted["p50_us"], "Mbit/s",
                note=f"median of {count} × {size / 1e6:.0f} MB; slowest {size * 8 / counted['max_us']:.0f}",
                value_min=1_000))
    return rows


def narrow_line(lab):
    """1 KB requests beside one bulk download on the same connector, behind a relay of 20 Mbit/s."""
    rows = []
    for io in lab.ios:
        for carrier in CARRIERS:
            before = len(lab.bench.running)
            node = Node(lab.bench, io)
            port = delay(lab, node.ports[carrier], rate_mbit=20)
            subject = node.bind("ours", carrier, lab.origins.checking, through=port)
            lab.progress(f"20 Mbit/s, {subject.name}")

            def small():
                return visit(
                    lab.bench, subject, "--visitors", 32, "--rate", 50, seconds=max(2, lab.seconds))["p99_us"] / 1e3
            alone = median([small() for _ in range(lab.rounds)])
            start_visit(
                lab.bench, subject, "--visitors", 1, "--path", "/bytes/1000000000", "--seconds", 7_200)
            beside = median([small() for _ in range(lab.rounds)])
            lab.bench.end_since(before)
            rows.append(Row(
                "small beside bulk at 20 Mbit/s: p99 added", subject.name, beside - alone, "ms",
                note=f"{alone:.2f} alone, {beside:.1f} beside", value_max=60))
    return rows


def moves(lab):
    """Requests in turn to two hosts on different workers, beside two hosts on the same one."""
    rows = []
    for io in lab.ios:
        before = len(lab.bench.running)
        node = Node(lab.bench, io, workers=2)
        # Each comes to either worker by chance; that all come to the same one happens once in eight million times.
        subject = node.bind("gost", "ws", lab.origins.nginx, tunnels=24)
        hosts = node.hosts(subject, 24)
        pairs = {}
        for other in hosts[1:]:
            if len(pairs) == 2:
                break
            answers(node.entry, other, "/page", subject.facts["program"])
            pair = Subject("a pair of hosts", node.entry, f"{hosts[0]},{other}", node.data, node.node)
            count = node.metric("culvert_visitors_moved_total")
            visit(lab.bench, pair, "--visitors", 1, "--requests", 100, "--path", "/page", seconds=10)
            moved = node.metric("culvert_visitors_moved_total") - count
            pairs["moves" if moved > 50 else "stays"] = pair
        if len(pairs) < 2:
            raise Failure("all tunnels came to one worker")

        def measure(kind):
            cost = Cost(subject)
            counted = visit(lab.bench, pairs[kind.name], "--visitors", 32, "--path", "/page", seconds=lab.seconds)
            return cost.end().data / counted["requests"] / 1e3
        kinds = [Subject(name, 0, "", [], []) for name in ("stays", "moves")]
        stays, moved = rounds(lab, f"moves, {io}", kinds, measure).values()
        lab.bench.end_since(before)
        rows.append(Row(
            "request that changes worker", f"ws {io}, 2 workers", median(moved), "µs", median(stays), ratio_max=1.4))
    return rows
