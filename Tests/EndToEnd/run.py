#!/usr/bin/env python3
"""Runs the end-to-end scenarios: real processes on loopback, each scenario on nodes of its own.

One line for each scenario and setting, `PASS name io=… workers=… seconds`, `FAIL …` and what was seen instead, or
`SKIP …` and what is missing. The exit status is 1 when anything failed. With `--jobs` several run side by side, but those
that are declared to run alone, which come last."""
import argparse
import asyncio
import concurrent.futures
import fnmatch
import os
import queue
import signal
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from processes import PORTS, Bench, Failure, Skipped  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402


async def run(scenario, options, io, workers):
    """None, or what was seen instead, with the end of what the processes said."""
    bench = Bench(options.binaries, io, workers, options.repository)
    seen = None
    work = asyncio.ensure_future(scenario.body(bench))
    try:
        ended, _ = await asyncio.wait([work], timeout=scenario.seconds)
    except asyncio.CancelledError:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await bench.close()
        raise
    if not ended:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        seen = f"did not end within {scenario.seconds} s"
    elif isinstance(work.exception(), Skipped):
        await bench.close()
        raise work.exception()
    elif isinstance(work.exception(), Failure):
        seen = str(work.exception())
    elif work.exception():
        # A wait within it that was too long, too: the trace says which.
        seen = "".join(traceback.format_exception(work.exception()))
    said = "\n".join(program.log[-2_000:] for program in bench.programs)
    try:
        await bench.close()
    except Failure as failure:
        seen = f"{seen}\nand afterwards: {failure}" if seen else str(failure)
    return f"{seen}\nits processes wrote:\n{said}" if seen and said else seen


def outcome(scenario, options, io, workers):
    label = f"{scenario.name} io={io} workers={workers}"
    begun = time.monotonic()
    try:
        seen = asyncio.run(run(scenario, options, io, workers))
    except Skipped as skipped:
        print(f"SKIP {label}: {skipped}", flush=True)
        return True
    took = time.monotonic() - begun
    if seen is None:
        print(f"PASS {label} {took:.1f} s", flush=True)
        return True
    text = seen.replace("\n", "\n    ")
    print(f"FAIL {label} {took:.1f} s: {text}", flush=True)
    return False


class Jobs:
    """Scenarios side by side: each in a process of its own, with its own part of the ports."""

    def __init__(self, options):
        self.options = options
        self.parts = queue.SimpleQueue()
        for part in range(options.jobs):
            self.parts.put(part)
        self.running, self.ended = {}, False

    def one(self, scenario, io, workers):
        """Runs one scenario to its end and passes on what it printed; whether it passed."""
        part = self.parts.get()
        try:
            if self.ended:
                return False
            process = subprocess.Popen(
                [sys.executable, os.path.abspath(__file__), "--binaries", self.options.binaries, "--only", scenario.name,
                 "--io", io, "--workers", str(workers)],
                env={**os.environ, "CULVERT_TEST_PORTS": self.ports(part)}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
            self.running[process.pid] = process
            output, _ = process.communicate()
            del self.running[process.pid]
            print(output, end="", flush=True)
            return process.returncode == 0
        finally:
            self.parts.put(part)

    def ports(self, part):
        """A part of those that are this process's own."""
        ours, parts = (int(number) for number in PORTS.split("/"))
        return f"{ours + parts * part}/{parts * self.options.jobs}"

    def all(self, runs):
        """Whether all passed."""
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            beside = [pool.submit(self.one, *run) for run in runs if not run[0].alone]
            try:
                good = all([one.result() for one in beside])
                return all([pool.submit(self.one, *run).result() for run in runs if run[0].alone]) and good
            except SystemExit:
                self.end()
                raise

    def end(self):
        """Told to end: so is what runs, which clears away what it started; the rest does not begin."""
        self.ended = True
        for process in list(self.running.values()):
            process.terminate()


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", required=True, help="where culvert, culvert-control and culvert-data lie")
    parser.add_argument("--only", action="append", default=[], help="patterns of scenario names")
    parser.add_argument("--io", action="append", choices=["ring", "poll", "auto"], help="only these shells")
    parser.add_argument("--workers", action="append", type=int, help="only these numbers of workers")
    parser.add_argument("--jobs", type=int, default=1, help="how many side by side")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    options.binaries = os.path.abspath(options.binaries)
    options.repository = os.path.abspath(os.path.join(here, "..", ".."))
    chosen = [
        scenario for scenario in SCENARIOS
        if not options.only or any(fnmatch.fnmatch(scenario.name, pattern) for pattern in options.only)]
    if options.list or not chosen:
        print("\n".join(f"{scenario.name}: {scenario.body.__doc__ or ''}" for scenario in SCENARIOS))
        return 0 if options.list else 64
    # Told to end, it clears away what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    runs = [
        (scenario, io, workers) for scenario in chosen for io, workers in scenario.settings
        if (not options.io or io in options.io) and (not options.workers or workers in options.workers)]
    if options.jobs > 1:
        return 0 if Jobs(options).all(runs) else 1
    return 0 if all([outcome(scenario, options, io, workers) for scenario, io, workers in runs]) else 1


if __name__ == "__main__":
    sys.exit(main())
