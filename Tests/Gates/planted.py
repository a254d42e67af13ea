#!/usr/bin/env python3
"""The gates of the hot path, shown to close. Plants allocations, reference counts and lazy globals into a copy of the
worker's sources, one hot function each, and compiles that as the release build does: the compiler must refuse every one
of them. And walks a small program that does what is forbidden, as `link.py` walks `culvert-data`: it must see each.

    Tests/Gates/planted.py [--build .build]

`--build` is where `swift build -c release` has built. One line for each check: `PASS …` or `FAIL …`."""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys

import link
from declarations import Declarations

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WORKER = os.path.join(ROOT, "Sources", "DataPlane", "Worker")
PLANTED = os.path.join(HERE, "Planted")

#: What is planted: (what it is, the hot function that it is planted into, the line).
PLANTS = (
    ("an allocation", "completeReceive", "UnsafeMutablePointer<UInt8>.allocate(capacity: 1).deallocate()"),
    ("a reference that is counted", "flushSockets", "let planted = client; withExtendedLifetime(planted) {}"),
    ("an object", "fireTimers", "_ = PlantedObject()"),
    ("an array that grows", "deliver", "overflow[0].removeAll(); overflow.append([])"),
    ("a closure that escapes", "visitorReceived", "plantedClosures(slot)"),
    ("a global that is made when it is first used", "readHead", "plantedUse(plantedGlobal.count)"),
    ("an allocation in a function that nobody marked", "sendOnStream", "plantedUse(plantedAllocates(streamSlot))"),
)

#: What the lines above need.
NEEDED = """
final class PlantedObject { var value = 0 }
let plantedGlobal = [UInt32](repeating: 7, count: Int.random(in: 1...9))
nonisolated(unsafe) var plantedKept: () -> UInt32 = { 0 }
@inline(never) @_noLocks func plantedUse(_ value: Int) {}
func plantedAllocates(_ value: UInt32) -> Int { Array(repeating: value, count: 3).count }
func plantedClosures(_ value: UInt32) { plantedKept = { value } }
"""


def compile_arguments(build):
    """How the release build compiles the worker's module, without what it writes."""
    with open(os.path.join(build, "release.yaml"), encoding="utf-8") as file:
        text = file.read()
    found = re.search(r'^  "C\.Worker-[^"]*-release\.module":\n(?:    .*\n)*?    args: (\[.*\])$', text, re.M)
    if not found:
        raise SystemExit(f"{build}/release.yaml does not say how Worker is compiled: swift build -c release")
    given, kept = json.loads(found[1]), []
    drop = {"-emit-dependencies", "-emit-module", "-c", "-serialize-diagnostics", "-parseable-output", "-g",
            "-emit-objc-header"}
    with_value = {"-emit-module-path", "-output-file-map", "-emit-objc-header-path", "-index-store-path", "-num-threads"}
    arguments = iter(given)
    for argument in arguments:
        if argument in ("-Xcc", "-Xllvm", "-Xfrontend"):
            kept += [argument, next(arguments)]
        elif argument in with_value:
            next(arguments)
        elif argument not in drop and not argument.startswith("@"):
            kept.append(argument)
    return kept


def plant(copy):
    """Plants everything: {what: "file:line"} of what was planted."""
    places = {}
    for what, function, line in PLANTS:
        for folder, _, names in os.walk(copy):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    lines = file.read().split("\n")
                start = next((n for n, text in enumerate(lines) if re.search(rf"\bfunc {function}\(", text)), None)
                if start is None or what in places:
                    continue
                if "@_noLocks" not in lines[start - 1]:
                    raise SystemExit(f"{function} is not marked: plant \"{what}\" into another function")
                body = next(n for n in range(start, len(lines)) if lines[n].rstrip().endswith("{"))
                # In the same line, so that the lines of what else is planted stay.
                lines[body] += " " + line
                places[what] = f"{name}:{body + 1}"
                with open(path, "w", encoding="utf-8") as file:
                    file.write("\n".join(lines))
        if what not in places:
            raise SystemExit(f"there is no function {function} any more: plant \"{what}\" into another one")
    with open(os.path.join(copy, "Worker.swift"), "a", encoding="utf-8") as file:
        file.write(NEEDED)
    return places


def judge_compiler(build):
    """How many plants the compiler let pass."""
    copy = os.path.join(build, "gates", "planted", "Worker")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(WORKER, copy)
    places = plant(copy)
    sources = sorted(
        os.path.join(folder, name) for folder, _, names in os.walk(copy) for name in names if name.endswith(".swift"))
    output = subprocess.run(
        [*compile_arguments(build), "-emit-sil", "-o", os.devnull, *sources], cwd=ROOT, capture_output=True,
        text=True).stderr
    seen = set(re.findall(r"([\w+]+\.swift:\d+):\d+: (?:error|note): ", output))
    failed = 0
    for what, place in places.items():
        ok = place in seen
        failed += not ok
        print(f"{'PASS' if ok else 'FAIL'} the compiler refuses {what} ({place})")
    strange = [
        line for line in output.splitlines()
        if re.match(r"\S+\.swift:\d+:\d+: error: ", line) and not is_planted(line, places)]
    if strange:
        failed += 1
        print("FAIL what nobody planted is refused: " + "; ".join(strange[:3]))
    if failed:
        print(output[-4_000:], file=sys.stderr)
    return failed


def is_planted(line, places):
    """Whether an error stands in a planted line, or in what one needs, which stands at the end of Worker.swift."""
    place = re.match(r"\S*?([\w+]+\.swift:\d+):", line)[1]
    return place in places.values() or place.startswith("Worker.swift:")


def planted_program(folder):
    """The program that does what is forbidden, built against the dynamic library."""
    program = os.path.join(folder, "Planted")
    os.makedirs(folder, exist_ok=True)
    subprocess.run(
        ["swiftc", "-O", "-parse-as-library", "-module-name", "Planted", "-o", program,
         os.path.join(PLANTED, "Sources", "Planted", "Planted.swift")], check=True)
    return program


#: What the walk must say of a function of the planted program.
FORBIDDEN = (
    ("allocates", r"swift_slowAlloc|malloc"), ("releases", r"swift_slowDealloc|free"), ("makes", r"swift_allocObject"),
    ("retains", r"swift_retain"), ("accesses", r"swift_beginAccess"), ("calls", r"an indirect call"),
    ("initialises", r"swift_once"))


def judge_walk(build):
    """How much of what is forbidden the walk over a linked program lets pass."""
    listing = link.Listing(planted_program(os.path.join(build, "gates", "planted")))
    declarations = Declarations(PLANTED)
    failed = 0

    def check(ok, what):
        nonlocal failed
        failed += not ok
        print(f"{'PASS' if ok else 'FAIL'} the walk {what}")

    def walk(name, cold=()):
        missing, hot, _, ended = link.walk(listing, cold, (f"Planted.Planted.{name}(",))
        if missing:
            raise SystemExit(f"no function {name} in the planted program")
        return hot, ended

    def unproven(name, cold=()):
        return [what for _, what in link.unproven(listing, *walk(name, cold), declarations)]

    for name, pattern in FORBIDDEN:
        found = link.findings(listing, walk(name)[0])
        whys = [why for counted in found.values() for why in counted]
        check(any(re.search(pattern, why) for why in whys), f"sees what {name}(…) does: {whys}")
    hot, _ = walk("clean")
    check(not link.findings(listing, hot) and not unproven("clean"), "has nothing against clean(…)")
    check(any("without @_noLocks" in what for what in unproven("allocates")), "misses the compiler's proof")
    check(any("cold.txt must say why" in what for what in unproven("enters")), "misses the reason of what is cold")
    cold = (("Planted.rests(", "a reason"), ("Planted.pretends(", "a reason"))
    check(not any("cold" in what for what in unproven("enters", cold)), "ends at what is listed cold")
    check(
        any("not marked so" in what for what in unproven("everything", cold)), "misses the mark of what is listed cold")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, ".build"))
    build = os.path.abspath(parser.parse_args().build)
    failed = judge_compiler(build) + judge_walk(build)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
