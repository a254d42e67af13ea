"""Figures of memory: at rest, after a burst, for what is idle, and for visitors that never read."""
import time

from .chains import Node
from .costs import Cost
from .processes import Failure, resident_kib, socket_memory_bytes
from .rows import Row, median
from .visitors import start_visit, visit, wrk

MIB = 1_024.0


def rest(lab):
    """Resident memory at rest and 60 s after a burst; the whole node beside it."""
    rows = [Row("resident at rest", "HAProxy", resident_kib(lab.haproxy().data) / MIB, "MiB", floor=7.7)]
    nodes = []
    before = len(lab.bench.running)
    for io in lab.ios:
        node = Node(lab.bench, io)
        nodes.append(node)
    time.sleep(min(lab.seconds, 3))
    for node in nodes:
        rows.append(Row(
            "resident at rest", node.io, resident_kib(node.data) / MIB, "MiB", rows[0].value, 7.7, value_max=10))
        rows.append(Row("resident at rest", f"{node.io}, whole node", resident_kib(node.node) / MIB, "MiB",
                        value_max=80))
    for node in nodes:
        subject = node.bind("gost", "ws", lab.origins.nginx)
        wrk(lab.bench, subject, lab.seconds, visitors=256)
        visit(lab.bench, subject, "--visitors", 64, "--path", "/bytes/10000000", seconds=lab.seconds)
        subject.facts["program"].end()
        lab.progress(f"after a burst, {node.io}: {resident_kib(node.data) / MIB:.1f} MiB")
    time.sleep(lab.pause(60))
    for node in nodes:
        rows.append(Row(
            f"resident {lab.pause(60):g} s after a burst", node.io, resident_kib(node.data) / MIB, "MiB",
            value_max=16))
    lab.bench.end_since(before)
    return rows


def idle_tunnels(lab):
    """Memory per idle ws tunnel, and the CPU that 15,000 of them cost."""
    count = lab.count(15_000)
    rows = []
    for io in lab.ios:
        before = len(lab.bench.running)
        node = Node(lab.bench, io)
        time.sleep(1)
        empty = resident_kib(node.data)
        lab.progress(f"{count} idle tunnels, {io}")
        subject = node.bind("plain", "ws", None, tunnels=count)
        # Keep-alives are sent every 10 s by either side.
        time.sleep(lab.pause(5))
        cost = Cost(subject)
        begun = time.monotonic()
        time.sleep(lab.pause(30))
        cost.end()
        seconds = time.monotonic() - begun
        rows.append(Row(
            "memory per idle tunnel", io, (resident_kib(node.data) - empty) / count, "KiB",
            note=f"{count} ws tunnels", value_max=2))
        rows.append(Row(
            f"CPU of {count} idle tunnels", io, cost.data / 1e7 / seconds, "% of a core",
            note=f"node {cost.node / 1e7 / seconds:.2g}", value_max=3))
        lab.bench.end_since(before)
    return rows


def idle_visitors(lab):
    """Memory per visitor that had one answer and stays."""
    count = lab.count(15_000)
    rows = []
    for io in lab.ios:
        before = len(lab.bench.running)
        node = Node(lab.bench, io)
        # One connector has at most streamsPerConnectorMax streams, and an idle visitor keeps one.
        subject = node.bind("plain", "ws", None, tunnels=4)
        time.sleep(1)
        empty = resident_kib(node.data)
        lab.progress(f"{count} idle visitors, {io}")
        subject.host = ",".join(node.hosts(subject, 4))
        held = start_visit(lab.bench, subject, "--visitors", count, "--hold", "--seconds", 60)
        held.event("holding", 60)
        time.sleep(lab.pause(5))
        rows.append(Row(
            "memory per idle visitor", io, (resident_kib(node.data) - empty) / count, "KiB",
            note=f"{count} visitors", value_max=1))
        lab.bench.end_since(before)
    return rows


def never_read(lab):
    """1,000 visitors of one tunnel that never read: p99 of others at half of the peak, and memory."""
    count, rows = lab.count(1_000), []
    for io in lab.ios:
        for client in ("ours", "gost"):
            if client in lab.clients:
                rows += never_read_at(lab, io, client, count)
    return rows


def settle(node, seconds=30):
    """Waits until the answers that nobody reads have stopped coming: a client sends the first of them at its own pace,
    and what stands in front of others then stands in the client."""
    end, last = time.monotonic() + seconds, -1.0
    while time.monotonic() < end:
        count = node.metric("culvert_bytes_from_links_total")
        if count - last < 100_000:
            return
        last = count
        time.sleep(1)


def never_read_at(lab, io, client, count):
    before = len(lab.bench.running)
    node = Node(lab.bench, io)
    subject = node.bind(client, "ws", lab.origins.checking)
    ports = [node.entry, *node.ports.values()]
    counted = visit(lab.bench, subject, "--visitors", 32, seconds=lab.seconds)
    rate = counted["requests"] / counted["seconds"] / 2

    def others():
        return median([
            visit(lab.bench, subject, "--visitors", 32, "--rate", int(rate), seconds=lab.seconds)["p99_us"]
            for _ in range(lab.rounds)])
    lab.progress(f"never read, {subject.name}: alone at {rate:.0f}/s")
    alone = others()
    start_visit(
        lab.bench, subject, "--visitors", count, "--never-read", "--path", "/bytes/100000000", "--seconds",
        7_200).event("holding", 60)
    settle(node)
    lab.progress(f"never read, {subject.name}: beside {count}")
    beside = others()
    user, kernel = resident_kib(node.data) / MIB, socket_memory_bytes(ports) / 2**20
    left = node.metric("culvert_visitors")
    lab.bench.end_since(before)
    figure = f"{count} visitors that never read"
    return [
        Row(f"{figure}: p99 of others", subject.name, beside, "µs", alone, note=f"at {rate:.0f}/s", ratio_max=1.2),
        Row(f"{figure}: memory", subject.name, user + kernel, "MiB", value_max=64 + count * 300 / 1_024,
            note=f"{user:.0f} user, {kernel:.0f} kernel; {left:.0f} not shed")]


def idle_both(lab):
    """9,000 idle tunnels and 9,000 idle visitors on one data plane, of 20,000 descriptors."""
    count, rows = lab.count(9_000), []
    for io in lab.ios:
        before = len(lab.bench.running)
        node = Node(lab.bench, io)
        time.sleep(1)
        empty = resident_kib(node.data)
        lab.progress(f"{count} idle tunnels and {count} idle visitors, {io}")
        subject = node.bind("plain", "ws", None, tunnels=count)
        subject.host = ",".join(node.hosts(subject, 8))
        start_visit(lab.bench, subject, "--visitors", count, "--hold", "--seconds", 90).event("holding", 60)
        time.sleep(lab.pause(5))
        held = (node.metric("culvert_visitors"), node.metric("culvert_connectors_open"))
        if held != (count, count):
            raise Failure(f"void: {held[0]:.0f} visitors and {held[1]:.0f} connectors are held, not {count} of each")
        rows.append(Row(
            "memory of an idle tunnel and an idle visitor", io, (resident_kib(node.data) - empty) / count, "KiB",
            note=f"{count} of each", value_max=3))
        lab.bench.end_since(before)
    return rows


def storm(lab):
    """Every tunnel's connection is cut at once, and all come back; p99 of a known tunnel's visitors meanwhile."""
    count, rows = lab.count(15_000), []
    for io in lab.ios:
        before = len(lab.bench.running)
        node = Node(lab.bench, io)
        known = node.bind("plain", "ws", lab.origins.checking)
        counted = visit(lab.bench, known, "--visitors", 32, seconds=lab.seconds)
        rate = int(counted["requests"] / counted["seconds"] / 2)

        def p99(seconds):
            return visit(lab.bench, known, "--visitors", 32, "--rate", rate, seconds=seconds)["p99_us"]
        crowd = node.bind("plain", "ws", None, tunnels=count)
        alone = median([p99(lab.seconds) for _ in range(lab.rounds)])
        lab.progress(f"storm of {count}, {io}: alone at {rate}/s")
        watched = start_visit(
            lab.bench, known, "--visitors", 32, "--rate", rate, "--seconds", 12 if not lab.quick else 2)
        begun = time.monotonic()
        crowd.facts["program"].process.kill()
        node.bind("plain", "ws", None, tunnels=count)
        back = time.monotonic() - begun
        beside = watched.result("visited", 60)
        if beside["errors"] or beside["unanswered"]:
            raise Failure(f"void: {beside}")
        rows += [
            Row(f"{count} clients cut at once are back after", io, back, "s", value_max=10,
                note="the load generator's own start included"),
            Row("p99 of a known tunnel's visitors meanwhile", io, beside["p99_us"], "µs", alone, ratio_max=2)]
        lab.bench.end_since(before)
    return rows
