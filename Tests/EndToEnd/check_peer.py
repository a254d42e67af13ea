#!/usr/bin/env python3
"""Runs the conformance checks of an independent implementation (`check.py` of its folder) against a node: both carriers
as the main one, both shells of the event loop, static and dynamic rules, everything that it can be given: a port with a
login, one of smux version 1, `entrypoint.id`; and in one of the settings the checks that take a minute. Checks of carriers
that are not there it skips by itself. One line for each judged check: `PASS …` or `FAIL …`."""
import argparse
import asyncio
import os
import re
import sys
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from processes import Bench, Failure, Node, free_ports  # noqa: E402

#: The only recorded check whose length is chosen: seconds that it watches silent peers.
PATIENCE = 12
#: Where the checks that take a minute are made, beside the others: the setting that comes first.
SLOW = ("ws", "static")
LOGIN = ("user", "password")


class CheckedNode(Node):
    """A node with further ports, of smux version 1 and with a login, and the rules that the checks need."""

    def __init__(self, bench, rules, kind):
        self.old, self.closed = free_ports(2)
        self.entry_id = str(uuid.uuid4())
        super().__init__(
            bench, ingress=rules, metadata=f"entrypoint.id: {self.entry_id}, ", further=f"""\
- name: version-1
  addr: ":{self.old}"
  handler: {{type: tunnel, metadata: {{ingress: names, mux.version: 1}}}}
  listener: {{type: {kind}}}
- name: with-login
  addr: ":{self.closed}"
  handler: {{type: tunnel, auth: {{username: {LOGIN[0]}, password: {LOGIN[1]}}}, metadata: {{ingress: names}}}}
  listener: {{type: {kind}}}
""")


async def rules_of(peer, domain):
    """The ingress rules as the lines below an ingress."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, os.path.join(peer, "check.py"), "--print-rules", "inline", "--domain", domain,
        stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    text = output.decode().strip()
    pairs = [pair.partition(":") for pair in re.sub(r"^tunnel=", "", text).split(",")]
    return "  rules:\n" + "".join(
        f"  - {{hostname: \"{host}\", endpoint: \"{tunnel}\"}}\n" for host, _, tunnel in pairs)


async def run(options, io, carrier, static):
    bench = Bench(options.binaries, io, 2, "")
    label = f"{carrier} {io} {'static' if static else 'dynamic'}"
    wrong = 0
    try:
        rules = await rules_of(options.peer, "localhost") if static else ""
        node = await CheckedNode(bench, rules, carrier).start()
        other = "tcp" if carrier == "ws" else "ws"
        arguments = [
            os.path.join(options.peer, "check.py"), f"127.0.0.1:{node.port(carrier)}", "--transport", carrier,
            "--entry", f"127.0.0.1:{node.entry}", "--also", f"{other}=127.0.0.1:{node.port(other)}",
            "--v1", f"{carrier}=127.0.0.1:{node.old}", "--auth", f"{carrier}=127.0.0.1:{node.closed},{','.join(LOGIN)}",
            "--entry-id", node.entry_id, "--domain", "localhost", "--mib", "16", "--patience", str(PATIENCE)]
        if (carrier, "static" if static else "dynamic") == SLOW:
            arguments.append("--slow")
        else:
            arguments += ["--skip", "slow-clients"]
        if options.only:
            arguments += ["--only", options.only]
        if not static:
            arguments.append("--no-static")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-u", *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, limit=1 << 20)
        judged = 0
        try:
            while line := await asyncio.wait_for(process.stdout.readline(), 120):
                text = line.decode("utf-8", "replace").rstrip()
                if found := re.match(r"\s*\d+ (PASS|FAIL)\b", text):
                    judged += 1
                    wrong += found[1] == "FAIL"
                    print(f"{found[1]} [{label}] {text}", flush=True)
                else:
                    print(f"     [{label}] {text}", flush=True)
        except asyncio.TimeoutError:
            process.kill()
            raise Failure("check.py printed nothing for 120 s") from None
        await process.wait()
        if judged < (1 if options.only else 40):
            raise Failure(f"only {judged} checks were judged")
    except Failure as failure:
        wrong += 1
        print(f"FAIL [{label}] {failure}", flush=True)
    if wrong and bench.programs:
        print("     its processes wrote:\n" + bench.programs[0].log[-4_000:], flush=True)
    try:
        await bench.close()
    except Failure as failure:
        wrong += 1
        print(f"FAIL [{label}] afterwards: {failure}", flush=True)
    return wrong


async def run_all(options):
    """How many checks failed. Several settings run side by side, the slow ones first: the checks wait more than they
    work."""
    places = asyncio.Semaphore(options.jobs)

    async def one(io, carrier, rules):
        async with places:
            return await run(options, io, carrier, rules == "static")
    settings = [
        (io, carrier, rules) for carrier in options.carrier or ["ws", "tcp"]
        for rules in options.rules or ["static", "dynamic"] for io in options.io or ["ring", "poll"]]
    settings.sort(key=lambda setting: setting[1:] != SLOW)
    return sum(await asyncio.gather(*(one(*setting) for setting in settings)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--io", action="append", choices=["ring", "poll"])
    parser.add_argument("--carrier", action="append", choices=["ws", "tcp"])
    parser.add_argument("--rules", action="append", choices=["static", "dynamic"])
    parser.add_argument("--only", help="as of check.py")
    parser.add_argument("--jobs", type=int, default=4, help="how many settings side by side")
    options = parser.parse_args()
    options.binaries, options.peer = os.path.abspath(options.binaries), os.path.abspath(options.peer)
    return 1 if asyncio.run(run_all(options)) else 0


if __name__ == "__main__":
    sys.exit(main())
