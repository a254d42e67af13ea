"""What the figures of one run share: how it is prepared, what it ran on, and the chains that are measured."""
import datetime
import os
import platform
import re
import subprocess
import sys

from . import chains

#: Arguments that say where something lies on one machine.
PLACES = r"--(binaries|json|results)[= ]\S+ ?"


def prepare(root, binaries):
    """Installs what is missing; where the programs are that are measured, built unless somebody says where they lie."""
    if subprocess.run([f"{root}/bench/prepare"], stdin=subprocess.DEVNULL).returncode:
        sys.exit(1)
    if binaries:
        return os.path.abspath(binaries)
    build = ["swift", "build", "-c", "release", "--static-swift-stdlib"]
    for product in ("culvert-data", "culvert-control", "culvert", "RouteProbe"):
        subprocess.run([*build, "--product", product], cwd=root, stdin=subprocess.DEVNULL, check=True)
    return subprocess.run(
        [*build, "--show-bin-path"], cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def environment(command, root, options):
    """What a figure depends on beside what is measured: the machine, the version, how it was asked for."""
    def said(*words):
        run = subprocess.run(words, capture_output=True, text=True)
        return (run.stdout or run.stderr).splitlines()[0]
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": said("git", "-C", root, "describe", "--always", "--dirty"), "cores": os.cpu_count(),
        "kernel": platform.release(), "haproxy": said("haproxy", "-v"), "rounds": options.rounds,
        "seconds": options.seconds,
        "command": f"{command} {re.sub(PLACES, '', ' '.join(sys.argv[1:]))}".strip(),
        "load_before": list(os.getloadavg())}


class Lab:
    """What the figures share: origins, references, one node per shell with its clients; started when first needed."""

    def __init__(self, bench, options):
        self.bench, self.quick = bench, options.quick
        self.rounds, self.seconds = options.rounds, options.seconds
        self.ios, self.carriers, self.clients = options.io, options.carrier, options.client
        self.peaks = {}
        self.origins = chains.Origins(bench)
        self.nodes, self.bound, self.references = {}, {}, {}

    def progress(self, line):
        print(f"    {line}", file=sys.stderr, flush=True)

    def pause(self, seconds):
        """A wait of the method; short when only the rig is tried."""
        return min(seconds, 1) if self.quick else seconds

    def count(self, number):
        return number // 50 if self.quick else number

    def haproxy(self, splice=False, checking=False):
        key = (splice, checking)
        if key not in self.references:
            origin = self.origins.checking if checking else self.origins.nginx
            self.references[key] = chains.reference(self.bench, origin, splice)
        return self.references[key]

    def node(self, io):
        if io not in self.nodes:
            stock = os.environ.get("GOST")
            self.nodes[io] = chains.StockNode(self.bench, stock) if io == "stock" else chains.Node(self.bench, io)
        return self.nodes[io]

    def subjects(self, checking=False):
        """One for each shell, carrier and client; with a stock server behind them."""
        target = self.origins.checking if checking else self.origins.nginx
        keys = [(io, carrier, client) for io in self.ios for carrier in self.carriers for client in self.clients]
        if os.environ.get("GOST"):
            keys += [("stock", carrier, "gost") for carrier in self.carriers]
        for io, carrier, client in keys:
            key = (io, carrier, client, target)
            if key not in self.bound:
                self.bound[key] = self.node(io).bind(client, carrier, target)
        return [self.bound[(*key, target)] for key in keys]
