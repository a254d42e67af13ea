#!/usr/bin/env python3
"""The hot path as it runs: the objects of the release `culvert-data`, linked to the dynamic standard library so that its
calls can be counted, under load; between two looks at the counters nothing may have been allocated, freed, retained,
released or checked for exclusive access. Every load in both shells of the event loop; each carrier with one worker in one
shell and with two in the other (`--every`: with both in both).

    Tests/Gates/run.py --binaries .build/release [--counted PROGRAM] [--only PATTERN] [--quick] [--every]

Requests over connections that stay, connections, bytes both ways, datagrams, visitors that change worker, and requests
while the control plane is replaced with its routing table. First a canary that does everything that is counted.
One line for each load: `PASS …` or `FAIL …`."""
import argparse
import asyncio
import itertools
import mmap
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "Tests", "EndToEnd"))

import datagrams  # noqa: E402
from peer import endpoint  # noqa: E402
from planted import planted_program  # noqa: E402
from processes import Bench, Failure, expect, free_ports, until  # noqa: E402

#: The order is that of counters.c.
NAMES = ("malloc", "free", "retain", "release", "allocObject", "beginAccess")
LOAD = os.path.join(ROOT, "bench", "load")
#: The first of those that are bound together, and how many. With two workers each comes to either by chance: that all of
#: 24 come to the same one happens once in eight million times.
TUNNEL = uuid.UUID("11111111-1111-4111-8111-111111111111")
TUNNELS = {1: 1, 2: 24}
#: How often the control plane is ended, and with it the routing table replaced.
REPLACEMENTS = 3


class Counts:
    """The counters of a process under test."""

    def __init__(self, path):
        with open(path, "wb") as file:
            file.truncate(4_096)
        self.file = open(path, "rb")
        self.memory = mmap.mmap(self.file.fileno(), 4_096, access=mmap.ACCESS_READ)

    def now(self):
        return [int.from_bytes(self.memory[8 * i:8 * i + 8], "little") for i in range(len(NAMES))]

    async def settled(self):
        """The counts, once nothing was counted for a while: what the control plane said last is dealt with."""
        last = None
        while (now := self.now()) != last:
            last = now
            await asyncio.sleep(0.3)
        return now


def grown(before, after):
    return {what: last - first for what, first, last in zip(NAMES, before, after) if last != first}


def report(label, counted, otherwise="nothing counted"):
    """One line; how many failed."""
    print(f"{'FAIL' if counted else 'PASS'} {label}: {counted or otherwise}", flush=True)
    return bool(counted)


SCRATCH = os.path.join(ROOT, ".build", "gates")


def linked_to_count(binaries):
    """The data plane's own objects, linked to the dynamic library: where that program is."""
    objects = os.path.join(os.path.realpath(binaries), "culvert-data.product", "Objects.LinkFileList")
    if not os.path.exists(objects):
        sys.exit(f"{objects} is missing: build the product culvert-data there first")
    os.makedirs(SCRATCH, exist_ok=True)
    program = os.path.join(SCRATCH, "counted-culvert-data")
    # As the package's manifest and its builder have it, but for the static library.
    subprocess.run(
        ["swiftc", "-o", program, f"@{objects}", "-Xlinker", "--allow-multiple-definition",
         "-Xlinker", "--defsym=main=culvert_data_main"], check=True)
    return program


def assemble(binaries, counted):
    """A folder with the programs under test: the data plane is the counted one."""
    folder = os.path.join(SCRATCH, "programs")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    library = os.path.join(folder, "counters.so")
    subprocess.run(
        [os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library,
         os.path.join(HERE, "counters.c"), "-ldl"], check=True)
    for name in ("culvert", "culvert-control"):
        # Beside the data plane, where `culvert` looks for it.
        shutil.copy2(os.path.join(binaries, name), os.path.join(folder, name))
    counts = os.path.join(folder, "counts")
    script = os.path.join(folder, "culvert-data")
    with open(script, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexec env LD_PRELOAD='{}' CULVERT_COUNTS='{}' '{}' \"$@\"\n".format(
            library, counts, os.path.realpath(counted)))
    os.chmod(script, 0o755)
    return folder, counts


def canary(folder, path):
    """A program that does a thousand times more of everything than another run of it must be counted a thousand times
    more of everything; one that computes a thousand times more must not."""
    program = planted_program(folder)

    def counted(what, times):
        counts = Counts(path)
        environment = {
            **os.environ, "LD_PRELOAD": os.path.join(folder, "counters.so"), "CULVERT_COUNTS": path}
        subprocess.run([program, what, str(times)], env=environment, check=True)
        return counts.now()

    more = grown(counted("everything", 1_000), counted("everything", 2_000))
    few = [name for name in NAMES if more.get(name, 0) < 1_000]
    failed = report("[canary] what is planted is counted", few and f"too few: {few} of {more}", str(more))
    more = grown(counted("nothing", 1_000), counted("nothing", 2_000))
    return failed + report("[canary] what allocates nothing is not", more)


class Place:
    """A node under count with its tunnels."""

    def __init__(self, bench, counts, carrier, workers, quick):
        self.bench, self.counts, self.carrier, self.workers, self.quick = bench, counts, carrier, workers, quick

    async def open(self):
        self.node = await self.bench.node()
        count = TUNNELS[self.workers]
        await self.bench.launch(
            LOAD, "bind", "--server", f"127.0.0.1:{self.node.port(self.carrier)}", "--carrier", self.carrier,
            "--tunnel", str(TUNNEL), "--tunnels", str(count), "--shape", "plain",
            "--seconds", "1200")
        bound = lambda: self.node.agrees(connectors=count)  # noqa: E731
        await until(bound, 10, "the tunnels")
        tunnels = [uuid.UUID(int=TUNNEL.int + number) for number in range(count)]
        self.hosts = [f"{endpoint(tunnel)}.{self.node.domain}:{self.node.entry}" for tunnel in tunnels]
        idle = [name for name, times in zip(NAMES[:5], self.counts.now()) if times == 0]
        expect(not idle, f"the counters do not count: {idle} at the start are zero")
        return self

    def scaled(self, requests):
        return str(requests // 10 if self.quick else requests)

    async def visit(self, *arguments, host=None):
        """Visitors of a host; every request must be answered, with the right bytes."""
        process = await asyncio.create_subprocess_exec(
            LOAD, "visit", "--entry", f"127.0.0.1:{self.node.entry}", "--host", host or self.hosts[0],
            "--seconds", "120", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        output, _ = await asyncio.wait_for(process.communicate(), 150)
        expect(
            process.returncode == 0,
            f"bench/load visit ended with {process.returncode}: {output.decode('utf-8', 'replace')[-600:]}")

    async def counted(self, load):
        """What a load is counted while the control plane is frozen: visitors need it for nothing, and it says nothing
        that would be counted."""
        control = self.node.pid("culvert-control")
        os.kill(control, signal.SIGSTOP)
        try:
            before = await self.counts.settled()
            await load()
            return grown(before, self.counts.now())
        finally:
            os.kill(control, signal.SIGCONT)


async def visitors(place, warm_up, load):
    await place.visit(*warm_up)
    return await place.counted(lambda: place.visit(*load))


async def keep_alive(place):
    same = ("--visitors", "32", "--path", "/bytes/1024", "--requests")
    return await visitors(place, (*same, "4000"), (*same, place.scaled(100_000)))


async def connections(place):
    same = ("--visitors", "32", "--path", "/bytes/1024", "--close", "--requests")
    return await visitors(place, (*same, "2000"), (*same, place.scaled(20_000)))


async def downloads(place):
    same = ("--visitors", "4", "--path", "/bytes/10485760", "--requests")
    return await visitors(place, (*same, "8"), (*same, place.scaled(100)))


async def uploads(place):
    same = ("--visitors", "4", "--upload", "10485760", "--requests")
    return await visitors(place, (*same, "8"), (*same, place.scaled(100)))


async def moved(place):
    """How many visitors changed worker so far."""
    return await place.node.total("culvert_visitors_moved_total")


async def hand_overs(place):
    """Visitors that ask two hosts in turn whose connectors are with different workers."""
    for other in place.hosts[1:]:
        pair = f"{place.hosts[0]},{other}"
        before = await moved(place)
        await place.visit("--visitors", "4", "--path", "/bytes/1024", "--requests", "400", host=pair)
        if await moved(place) - before > 200:
            break
    else:
        raise Failure("all tunnels came to one worker")
    same = ("--visitors", "32", "--path", "/bytes/1024", "--requests")
    await place.visit(*same, "4000", host=pair)
    before = await moved(place)
    requests = place.scaled(20_000)
    counted = await place.counted(lambda: place.visit(*same, requests, host=pair))
    times = await moved(place) - before
    expect(times > int(requests) / 2, f"only {times} moves in {requests} requests: that says nothing about moves")
    return counted


async def udp(place):
    """Datagrams of a visitor's service through the node to the service that echoes them."""
    _, target = await datagrams.echo(place.bench)
    tunnel, port = uuid.uuid4(), free_ports(1)[0]
    url = f"tunnel+{place.carrier}://127.0.0.1:{place.node.port(place.carrier)}?tunnel.id={tunnel}"
    programs = [await place.bench.program("culvert", "-L", f"rudp://:0/127.0.0.1:{target}", "-F", url)]
    label = (await programs[0].line(r"\b([0-9a-f]{16})\b", 10))[1]
    programs.append(await place.bench.program(
        "culvert", "-L", f"udp://127.0.0.1:{port}/{label}.{place.node.domain}?keepalive=true&ttl=60s", "-F", url))
    await programs[1].line("visitors are taken", 10)
    senders = [datagrams.Sender(port) for _ in range(16)]
    for sender in senders:
        await sender.__aenter__()

    async def ask(sender, questions):
        for number in range(questions):
            question = number.to_bytes(4, "big") * (8 + number % 200)
            expect(await sender.ask(question) == question, "a datagram was not answered")

    async def asks(questions):
        await asyncio.gather(*(ask(sender, questions // len(senders)) for sender in senders))

    await asks(1_600)
    counted = await place.counted(lambda: asks(int(place.scaled(20_000))))
    for sender in senders:
        await sender.__aexit__()
    for program in programs[::-1]:
        await program.stop()
    await until(lambda: place.node.agrees(connectors=TUNNELS[place.workers]), 10, "the end of the service of datagrams")
    return counted


async def replace_table(place):
    """Ends the control plane; the next one sends a routing table of its own."""
    control = place.node.pid("culvert-control")
    os.kill(control, signal.SIGKILL)

    def is_replaced():
        try:
            return place.node.pid("culvert-control") != control
        except Failure:
            return False
    await until(is_replaced, 10, "another control plane")
    await until(lambda: place.node.agrees(connectors=TUNNELS[place.workers]), 15, "the new control plane's table")


async def replacements(place):
    """Replacing the table has its price, which no request adds to; and on the new table requests cost nothing."""
    same = ("--visitors", "32", "--path", "/bytes/1024", "--requests")
    requests = int(place.scaled(30_000))

    async def replace_all():
        for _ in range(REPLACEMENTS):
            await replace_table(place)

    async def price(*work):
        before = place.counts.now()
        await asyncio.gather(*work)
        return [last - first for first, last in zip(before, place.counts.now())]

    await replace_table(place)
    await place.visit(*same, "4000")
    alone = await price(replace_all())
    beside = await price(replace_all(), place.visit(*same, str(requests), "--rate", "5000"))
    # How often the planes are asked whether they agree differs by a few; one count per request would be all of them.
    dear = {
        what: f"{more - less} more beside {requests} requests"
        for what, less, more in zip(NAMES, alone, beside) if more - less > requests // 10}
    return dear or await place.counted(lambda: place.visit(*same, place.scaled(20_000)))


#: (name, numbers of workers it is meant for, what it does).
LOADS = (
    ("keep-alive requests", (1, 2), keep_alive),
    ("connections", (1, 2), connections),
    ("1 GB to visitors", (1, 2), downloads),
    ("1 GB from visitors", (1, 2), uploads),
    ("datagrams", (1, 2), udp),
    ("visitors that change worker", (2,), hand_overs),
    ("the routing table is replaced", (2,), replacements),
)
COMBINATIONS = tuple(itertools.product(("ring", "poll"), ("ws", "tcp"), (1, 2)))
USUAL = (("ring", "ws", 1), ("ring", "tcp", 2), ("poll", "tcp", 1), ("poll", "ws", 2))


async def combination(folder, counts_path, io, carrier, workers, options):
    label = f"{io} {carrier} workers={workers}"
    wanted = [
        load for load in LOADS
        if workers in load[1] and (not options.only or re.search(options.only, f"{label} {load[0]}"))]
    if not wanted:
        return 0
    bench = Bench(folder, io, workers, ROOT)
    failed = 0
    try:
        place = await Place(bench, Counts(counts_path), carrier, workers, options.quick).open()
        for name, _, load in wanted:
            failed += report(f"[{label}] {name}", await load(place))
        # What is not on the hot path is still counted: the zeros above are no counter's silence.
        before = place.counts.now()
        await place.node.page("/dump")
        silent = [name for name in NAMES[:4] if name not in grown(before, place.counts.now())]
        expect(not silent, f"the counters do not count: {silent} at the end are zero")
    finally:
        await bench.close()
    return failed


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--counted", help="a data plane that is built so already")
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true", help="a tenth of the load")
    parser.add_argument("--every", action="store_true", help="every carrier with every number of workers in each shell")
    options = parser.parse_args()
    folder, counts = assemble(options.binaries, options.counted or linked_to_count(options.binaries))
    failed = canary(folder, counts)
    for io, carrier, workers in COMBINATIONS if options.every else USUAL:
        try:
            failed += await combination(folder, counts, io, carrier, workers, options)
        except Failure as failure:
            failed += 1
            print(f"FAIL [{io} {carrier} workers={workers}] {failure}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    asyncio.run(main())
