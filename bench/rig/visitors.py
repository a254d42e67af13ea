"""Visitors: wrk, h2load and our own; each run is void when one answer was wrong or missing."""
import json
import os
import re
import subprocess

from .processes import Failure, text


def wrk(bench, subject, seconds, visitors=32, closing=False):
    """{requests, seconds, p50_us, p99_us}; every body is compared."""
    headers = ["-H", f"Host: {subject.host}"] + (["-H", "Connection: close"] if closing else [])
    environment = {**os.environ, "BODY": f"{bench.place}/www/page"}
    run = subprocess.run(
        ["wrk", "-t1", f"-c{visitors}", f"-d{seconds}s", "--latency", "-s", f"{bench.root}/bench/rig/body.lua",
         *headers, f"http://127.0.0.1:{subject.port}/page"],
        capture_output=True, text=True, env=environment, timeout=seconds + 30, stdin=subprocess.DEVNULL)
    found = re.search(r"^\{.*\}$", run.stdout, re.MULTILINE)
    if run.returncode or not found:
        raise Failure(f"wrk: status {run.returncode}: {run.stdout[-500:]}{run.stderr[-500:]}")
    counted = json.loads(found[0])
    if counted["errors"] or not counted["right"]:
        raise Failure(f"void: {subject.name}: wrk counted {counted}")
    return counted


def h2load(bench, subject, rate, seconds, visitors=32):
    """Latencies in µs, sorted, of requests at a fixed rate over HTTP/1.1."""
    log = f"{bench.place}/h2load.log"
    if os.path.exists(log):
        os.unlink(log)
    count = int(rate * seconds) // visitors * visitors
    run = subprocess.run(
        ["h2load", "--h1", "-t1", f"-c{visitors}", f"-n{count}", f"--rps={rate / visitors:.2f}", f"--log-file={log}",
         f"--connect-to=127.0.0.1:{subject.port}", f"http://{subject.host}:{subject.port}/page"],
        capture_output=True, text=True, timeout=seconds * 3 + 30, stdin=subprocess.DEVNULL)
    done = re.search(r"(\d+) total, .* (\d+) succeeded, (\d+) failed", run.stdout)
    status = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", run.stdout)
    size = re.search(r"\((\d+)\) data", run.stdout)
    if run.returncode or not done or not status:
        raise Failure(f"h2load: status {run.returncode}: {run.stdout[-500:]}{run.stderr[-500:]}")
    if int(status[1]) != count or int(size[1]) != count * os.path.getsize(f"{bench.place}/www/page"):
        raise Failure(f"void: {subject.name}: h2load counted {done[0]}; {status[0]}; {size[0]}")
    return sorted(int(line.split("\t")[2]) for line in text(log).splitlines())


def visit(bench, subject, *arguments, seconds, patience=30):
    """Our own visitors' counts; every body is compared."""
    program = start_visit(bench, subject, *arguments, "--seconds", seconds)
    try:
        counted = program.result("visited", seconds + patience)
    finally:
        program.end()
        bench.running.remove(program)
    if counted["errors"] or counted["unanswered"] or not counted["requests"]:
        raise Failure(f"void: {subject.name}: counted {counted}")
    return counted


def start_visit(bench, subject, *arguments):
    return bench.load(
        "visit", "--entry", f"127.0.0.1:{subject.port}", "--host", subject.host, *map(str, arguments))


def quantile(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
