#!/usr/bin/env python3
"""The hot path as it was linked: walks the call graph of a release `culvert-data` from the functions that run in every
turn of a worker, and fails when a function on the way allocates, counts references, checks exclusivity, initialises a
global lazily or calls through a pointer. Where the walk may end is written in `cold.txt`, one line each, with a reason:
everything that is reachable and not listed there is on the hot path, and must carry `@_noLocks` in its source, so that
the compiler has proven it too; what is listed must be marked cold there.

    Tests/Gates/link.py .build/release/culvert-data

One line for each check: `PASS …` or `FAIL …`."""
import collections
import os
import re
import subprocess
import sys

from declarations import COLDLY, GENERIC, HOT, Declarations

FOLDER = os.path.dirname(os.path.abspath(__file__))

#: Where a turn begins.
ROOTS = (
    "culvert_data.Part.turn(", "Worker.Worker.begin(", "Worker.Worker.complete(", "Worker.Worker.end()",
    "EventLoop.RingShell.submit(", "EventLoop.RingShell.waitForCompletions(", "EventLoop.RingShell.next(",
    "EventLoop.PollShell.submit(", "EventLoop.PollShell.waitForCompletions(", "EventLoop.PollShell.next(")

#: The runtime's entry points and the allocator's: nothing of it on the hot path.
FORBIDDEN = re.compile(
    r"^_*(swift_|malloc|calloc|realloc|free$|posix_memalign|aligned_alloc|_Zn[wa]|_Zd[la]|pthread_mutex)")

#: What is called of the C library: memory, the clock, and the shells' system calls.
LIBRARY = re.compile(
    r"^_*(mem(cpy|move|set|cmp|chr|rchr|mem)|clock_gettime|syscall|io_uring_\w+|errno_location"
    r"|(epoll_(wait|ctl|pwait2?)|accept4|connect|socket|bind|listen|close|shutdown|recv\w*|send\w*|read|write\w*"
    r"|cmsg_nxthdr|stack_chk_fail|getpeername|getsockname|[gs]etsockopt|getrandom|mmap|munmap|madvise|fstat|fcntl|eventfd_\w+))(64)?(_chk)?$")


class Listing:
    """The functions of a binary: whom each one calls."""

    def __init__(self, path):
        self.calls = {}
        self.read_calls(path, self.ends(path))
        names = list(self.calls)
        demangled = subprocess.run(
            ["swift", "demangle", "--compact"], input="\n".join(names), capture_output=True, text=True,
            check=True).stdout.split("\n")
        # A private function's name comes with its file's hash: "(name in _HASH)".
        self.plain = {
            name: re.sub(r"\((\w+) in _[0-9A-F]+\)", r"\1", plain) for name, plain in zip(names, demangled)}

    @staticmethod
    def ends(path):
        """Where each function ends: code without a name of its own may stand behind it."""
        output = subprocess.run(["nm", "-S", "--defined-only", path], capture_output=True, text=True, check=True).stdout
        ends = {}
        for line in output.splitlines():
            words = line.split()
            if len(words) == 4 and words[2] in "tTwW":
                ends[words[3]] = int(words[0], 16) + int(words[1], 16)
        return ends

    def read_calls(self, path, ends):
        output = subprocess.run(
            ["objdump", "-d", "--no-show-raw-insn", path], capture_output=True, text=True, check=True).stdout
        current = None
        end = 0
        for line in output.splitlines():
            if line.endswith(">:"):
                name = line[line.index("<") + 1:-2]
                current = self.calls.setdefault(name, [])
                end = ends.get(name, sys.maxsize)
            elif current is not None and ":\t" in line:
                address, _, instruction = line.partition(":")
                if int(address, 16) < end:
                    self.note(current, instruction.strip().split(None, 1))

    @staticmethod
    def note(calls, words):
        if len(words) != 2 or not (words[0].startswith("call") or words[0].startswith("j")):
            return
        operation, target = words
        if target.startswith("*"):
            # An indirect jump is a switch's table; an indirect call is a witness, a closure or a pointer.
            if operation.startswith("call"):
                calls.append(None)
        elif found := re.search(r"<([^>+]+)(\+0x[0-9a-f]+)?>", target):
            calls.append(found[1])

    def name(self, symbol):
        return self.plain.get(symbol, symbol)


def is_ours(symbol):
    """A Swift function, the standard library's too, or one of our shims in C: the walk goes on there."""
    return symbol.startswith(("$s", "culvert_"))


def fault(symbol):
    """Why this must not be called, or nothing."""
    if symbol is None:
        return "an indirect call"
    base = symbol.split("@")[0]
    if is_ours(base) or (LIBRARY.match(base) and not FORBIDDEN.match(base)):
        return None
    return base


def cold_list(path=os.path.join(FOLDER, "cold.txt")):
    """Pairs of a pattern (a part of a demangled name) and why the walk may end there."""
    pairs = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            pattern, separator, reason = line.partition(" — ")
            if not separator or not reason.strip():
                raise SystemExit(f"cold.txt:{number}: write \"part of a name — why it is cold\"")
            pairs.append((pattern.strip(), reason.strip()))
    return pairs


def walk(listing, cold, begins=ROOTS):
    """What is reachable: roots that are missing, hot symbols, who calls them, and the symbols where the walk ended with
    the pattern of each."""
    # A root may stand there specialised: "function signature specialization <…> of static Worker.…".
    roots = [name for name in listing.calls if any(root in listing.name(name) for root in begins)]
    missing = [root for root in begins if not any(root in listing.name(name) for name in roots)]
    callers = dict.fromkeys(roots)
    ended = {}
    hot = []
    queue = collections.deque(roots)
    while queue:
        symbol = queue.popleft()
        hot.append(symbol)
        for target in listing.calls[symbol]:
            if target is None or target in callers or target not in listing.calls or not is_ours(target):
                continue
            plain = listing.name(target)
            ends = next((pattern for pattern, _ in cold if pattern in plain), None)
            if ends is not None:
                ended[target] = ends
            else:
                callers[target] = symbol
                queue.append(target)
    return missing, hot, callers, ended


def findings(listing, hot):
    """What each hot function does that it must not."""
    wrong = {}
    for symbol in hot:
        found = collections.Counter(why for why in map(fault, listing.calls[symbol]) if why and why != symbol)
        if found:
            wrong[symbol] = found
    return wrong


#: What the compiler makes of types and enumerations without anybody writing it; the walk judges its instructions.
MADE = re.compile(r"^(outlined |(function signature specialization .* of |static )?[\w.]+\.(init\(|__derived_))")


def unproven(listing, hot, ended, declarations):
    """What the sources do not say of hot and cold symbols: pairs of a symbol and what is missing."""
    for symbol in hot:
        plain = listing.name(symbol)
        marks = declarations.marks_of(plain)
        if marks is None:
            # The standard library, or a shim in C.
            continue
        if COLDLY in marks and HOT not in marks:
            yield symbol, "is marked cold in its source: cold.txt must say why, or the mark goes"
        elif not marks and not MADE.match(plain):
            yield symbol, "has no declaration in the sources that this gate understands"
        elif any(mark not in (HOT, GENERIC, COLDLY) for mark in marks):
            yield symbol, "is on the hot path without @_noLocks: the compiler has not proven it"
    for symbol, pattern in ended.items():
        if COLDLY not in (declarations.marks_of(listing.name(symbol)) or []):
            yield symbol, f"is listed cold (\"{pattern}\") and not marked so in its source"


def path(listing, callers, symbol):
    names = []
    while symbol is not None:
        names.append(listing.name(symbol).split("(")[0])
        symbol = callers[symbol]
    return " <- ".join(names)


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    listing = Listing(sys.argv[1])
    cold = cold_list()
    missing, hot, callers, ended = walk(listing, cold)
    failed = 0
    for root in missing:
        print(f"FAIL no function {root}…) in the binary: where does a turn begin?")
        failed += 1
    wrong = findings(listing, hot)
    for symbol, found in wrong.items():
        what = ", ".join(f"{count} × {name}" for name, count in found.items())
        print(f"FAIL {listing.name(symbol)}: {what}\n     {path(listing, callers, symbol)}")
        failed += 1
    for symbol, what in unproven(listing, hot, ended, Declarations(os.path.dirname(os.path.dirname(FOLDER)))):
        print(f"FAIL {listing.name(symbol)} {what}")
        failed += 1
    for pattern, _ in cold:
        if pattern not in ended.values():
            print(f"FAIL cold.txt: nothing that is reached is called \"{pattern}\" any more: remove the line")
            failed += 1
    if failed == 0:
        print(f"PASS {len(hot)} functions of the hot path: no allocation, no reference count, no exclusivity check, "
              f"no lazy global, no indirect call; each proven by the compiler; {len(cold)} places where it ends, each "
              f"marked and with a reason")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
