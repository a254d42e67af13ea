#!/usr/bin/env python3
"""The hot path as it runs: a release `culvert-data`, linked to the dynamic standard library so that its calls can be
counted, under load; between two looks at the counters nothing may have been allocated, freed, retained, released or
checked for exclusive access. Both shells of the event loop, both carriers, one and two workers.

    Tests/Gates/run.py --binaries .build/release [--only PATTERN] [--quick]

One line for each load: `PASS …` or `FAIL …`."""
import argparse
import asyncio
import json
import mmap
import os
import re
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "Tests", "EndToEnd"))

from processes import Bench, Failure, expect, until  # noqa: E402

#: The order is that of counters.c.
NAMES = ("malloc", "free", "retain", "release", "allocObject", "beginAccess")
LOAD = os.path.join(ROOT, "bench", "load")
TUNNELS = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")


class Counts:
    """The counters of the data plane under test."""

    def __init__(self, path):
        with open(path, "wb") as file:
            file.truncate(4_096)
        self.file = open(path, "rb")
        self.memory = mmap.mmap(self.file.fileno(), 4_096, access=mmap.ACCESS_READ)

    def now(self):
        return [int.from_bytes(self.memory[8 * i:8 * i + 8], "little") for i in range(len(NAMES))]


def build(binaries):
    """A folder with the programs under test: the data plane is the counted one."""
    scratch = os.path.join(ROOT, ".build", "gates")
    folder = os.path.join(scratch, "programs")
    arguments = ["swift", "build", "-c", "release", "--scratch-path", scratch, "--product", "culvert-data"]
    subprocess.run(arguments, cwd=ROOT, check=True, stdout=sys.stderr)
    counted = subprocess.run([*arguments, "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    library = os.path.join(folder, "counters.so")
    subprocess.run(
        [os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library,
         os.path.join(HERE, "counters.c"), "-ldl"], check=True)
    for name in ("culvert", "culvert-control"):
        os.link(os.path.realpath(os.path.join(binaries, name)), os.path.join(folder, name))
    counts = os.path.join(folder, "counts")
    script = os.path.join(folder, "culvert-data")
    with open(script, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexec env LD_PRELOAD='{}' CULVERT_COUNTS='{}' '{}' \"$@\"\n".format(
            library, counts, os.path.join(counted.stdout.strip(), "culvert-data")))
    os.chmod(script, 0o755)
    return folder, counts


async def visit(node, host, *arguments):
    """Visitors of a host; every request must be answered, with the right bytes."""
    process = await asyncio.create_subprocess_exec(
        LOAD, "visit", "--entry", f"127.0.0.1:{node.entry}", "--host", host, "--seconds", "120", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    output, _ = await asyncio.wait_for(process.communicate(), 150)
    text = output.decode("utf-8", "replace")
    expect(process.returncode == 0, f"bench/load visit ended with {process.returncode}: {text[-600:]}")
    return text


async def settled(counts):
    """Until nothing is counted for a while: what the control plane said last is dealt with."""
    last = None
    while (now := counts.now()) != last:
        last = now
        await asyncio.sleep(0.3)


def loads(quick):
    """(name, workers it is meant for, arguments of the warm-up, arguments of the load)."""
    scale = 10 if quick else 1
    keep = ("--visitors", "32", "--path", "/bytes/1024")
    bulk = ("--visitors", "4", "--path", "/bytes/10485760")
    return [
        ("keep-alive requests", (1, 2), (*keep, "--requests", "4000"), (*keep, "--requests", str(100_000 // scale))),
        ("connections", (1, 2), (*keep, "--close", "--requests", "2000"),
         (*keep, "--close", "--requests", str(20_000 // scale))),
        ("1 GB to visitors", (1,), (*bulk, "--requests", "8"), (*bulk, "--requests", str(100 // scale))),
        ("1 GB from visitors", (1,), ("--visitors", "4", "--upload", "10485760", "--requests", "8"),
         ("--visitors", "4", "--upload", "10485760", "--requests", str(100 // scale))),
    ]


async def combination(folder, counts_path, io, carrier, workers, options):
    label = f"{io} {carrier} workers={workers}"
    wanted = [
        load for load in loads(options.quick)
        if workers in load[1] and (not options.only or re.search(options.only, f"{label} {load[0]}"))]
    if not wanted:
        return 0
    bench = Bench(folder, io, workers, ROOT)
    counts = Counts(counts_path)
    failed = 0
    try:
        node = await bench.node()
        for tunnel in TUNNELS[:workers]:
            await bench.launch(
                LOAD, "bind", "--server", f"127.0.0.1:{node.port(carrier)}", "--carrier", carrier, "--tunnel", tunnel,
                "--shape", "plain", "--seconds", "600")
        bound = lambda: node.agrees(connectors=workers)  # noqa: E731
        await until(bound, 10, "the tunnels")
        dump = json.loads((await node.page("/dump"))[1])["dataPlanes"][0]["data"]
        host = "{}.{}:{}".format(re.search(r"\b[0-9a-f]{16}\b", dump)[0], node.domain, node.entry)
        awake = counts.now()
        idle = [name for name, count in zip(NAMES[:5], awake) if count == 0]
        expect(not idle, f"the counters do not count: {idle} at the start are zero")
        control = node.pid("culvert-control")
        for name, _, warm_up, arguments in wanted:
            await visit(node, host, *warm_up)
            # Visitors need no control plane; while it is frozen it has nothing to say that would be counted.
            os.kill(control, signal.SIGSTOP)
            await settled(counts)
            before = counts.now()
            await visit(node, host, *arguments)
            after = counts.now()
            os.kill(control, signal.SIGCONT)
            grown = {what: last - first for what, first, last in zip(NAMES, before, after) if last != first}
            failed += bool(grown)
            print(f"{'FAIL' if grown else 'PASS'} [{label}] {name}: {grown or 'nothing counted'}", flush=True)
    finally:
        await bench.close()
    return failed


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true", help="a tenth of the load")
    options = parser.parse_args()
    folder, counts = build(options.binaries)
    failed = 0
    for io in ("ring", "poll"):
        for carrier in ("ws", "tcp"):
            for workers in (1, 2):
                try:
                    failed += await combination(folder, counts, io, carrier, workers, options)
                except Failure as failure:
                    failed += 1
                    print(f"FAIL [{io} {carrier} workers={workers}] {failure}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    asyncio.run(main())
