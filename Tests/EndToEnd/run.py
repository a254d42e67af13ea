#!/usr/bin/env python3
"""Runs the end-to-end scenarios: real processes on loopback, each scenario on nodes of its own.

One line for each scenario and setting, `PASS name io=… workers=… seconds`, `FAIL …` and what was seen instead, or `SKIP …` and what is missing.
The exit status is 1 when anything failed."""
import argparse
import asyncio
import fnmatch
import os
import signal
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from processes import Bench, Failure, Skipped  # noqa: E402
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


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", required=True, help="where culvert, culvert-control and culvert-data lie")
    parser.add_argument("--only", action="append", default=[], help="patterns of scenario names")
    parser.add_argument("--io", action="append", choices=["ring", "poll", "auto"], help="only these shells")
    parser.add_argument("--workers", action="append", type=int, help="only these numbers of workers")
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
    good = True
    for scenario in chosen:
        for io, workers in scenario.settings:
            if (options.io and io not in options.io) or (options.workers and workers not in options.workers):
                continue
            good = outcome(scenario, options, io, workers) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
