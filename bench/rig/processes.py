"""Processes of a measurement: started, read in /proc, ended."""
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time


class Failure(Exception):
    """A measurement that cannot be taken, or is void; says why."""


class Unavailable(Failure):
    """This machine does not allow the measurement."""


def text(path):
    with open(path) as file:
        return file.read()


def free_port(given=set()):
    """A port that nobody holds, below the range of outgoing connections, and not given before; of this process's part
    where several look for some at once (CULVERT_TEST_PORTS, "part/parts")."""
    lowest = int(text("/proc/sys/net/ipv4/ip_local_port_range").split()[0])
    part, parts = (int(number) for number in os.environ.get("CULVERT_TEST_PORTS", "0/1").split("/"))
    while True:
        port = random.randrange(max(1_024, lowest - 16_384), lowest)
        if port in given or port % parts != part:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given.add(port)
        return port


def children(parent):
    """{name: pid} of the children of a process, in the 15 bytes of a name that the kernel keeps."""
    pids = [pid for task in os.listdir(f"/proc/{parent}/task")
            for pid in text(f"/proc/{parent}/task/{task}/children").split()]
    return {text(f"/proc/{pid}/comm").strip(): int(pid) for pid in pids}


def cpu_ns(pids):
    """CPU time, user and system, of all threads of the processes, by the scheduler's own clock."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            total += int(text(f"/proc/{pid}/task/{task}/schedstat").split()[0])
    return total


def resident_kib(pids):
    return sum(int(re.search(r"VmRSS:\s+(\d+)", text(f"/proc/{pid}/status"))[1]) for pid in pids)


def machine_busy_seconds():
    """Of all cores since boot."""
    fields = [int(word) for word in text("/proc/stat").split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def socket_memory_bytes(ports):
    """Kernel memory of the TCP sockets with these local ports: received, queued to send, and reserved."""
    wanted = " or ".join(f"sport = :{port}" for port in ports)
    listing = subprocess.run(["ss", "-tmnH", wanted], capture_output=True, text=True, check=True).stdout
    return sum(
        int(received) + int(reserved) + int(queued) for received, reserved, queued in
        re.findall(r"skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f(\d+),w(\d+)", listing))


def endpoint(tunnel):
    """The host label that a tunnel id stands for (protocol relay §6)."""
    return hashlib.md5(tunnel.encode()).hexdigest()[:16]


class Program:
    """One process, its output in a file."""

    def __init__(self, bench, arguments, environment=None, listens=False):
        self.arguments = [str(argument) for argument in arguments]
        self.path = f"{bench.place}/{len(bench.started)}-{os.path.basename(self.arguments[0])}.log"
        with open(self.path, "wb") as log:
            self.process = subprocess.Popen(
                self.arguments, stdin=subprocess.PIPE if listens else subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd=bench.place, env=environment or bench.environment,
                start_new_session=True)
        bench.started.append(self)
        bench.running.append(self)

    @property
    def pid(self):
        return self.process.pid

    def events(self):
        """The lines of JSON that it has written."""
        lines = text(self.path).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def event(self, name, seconds):
        """Waits for an event of this name."""
        end = time.monotonic() + seconds
        while True:
            for event in self.events():
                if event.get("event") == name:
                    return event
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failure(f"{' '.join(self.arguments)}: no \"{name}\"; it wrote: {text(self.path)[-2_000:]}")
            time.sleep(0.02)

    def tell(self, line):
        """Says a line to a program that listens."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def result(self, name, seconds):
        """Waits for the process to end well, and gives its event of this name."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{' '.join(self.arguments)}: did not end within {seconds} s") from None
        if status != 0:
            raise Failure(f"{' '.join(self.arguments)}: status {status}: {text(self.path)[-2_000:]}")
        return self.event(name, 1)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Bench:
    """A directory, what runs in it, and the programs under measurement."""

    def __init__(self, root, binaries):
        self.root, self.binaries = root, binaries
        self.place = tempfile.mkdtemp(prefix="culvert-bench-")
        # nginx reads its files as another user.
        os.chmod(self.place, 0o755)
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": self.place, "XDG_STATE_HOME": self.place}
        self.started, self.running = [], []

    def start(self, *arguments):
        return Program(self, arguments)

    def load(self, *arguments):
        return Program(self, [f"{self.root}/bench/load", *arguments])

    def culvert(self, *arguments):
        return Program(self, [f"{self.binaries}/culvert", *arguments])

    def file(self, name, content):
        path = f"{self.place}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb" if isinstance(content, bytes) else "w") as file:
            file.write(content)
        return path

    def end_since(self, count):
        """Ends what was started after the first `count` programs that run, the youngest first."""
        for program in self.running[count:][::-1]:
            program.end()
        del self.running[count:]

    def close(self):
        self.end_since(0)
        shutil.rmtree(self.place, ignore_errors=True)


def accepts(port, program, seconds=20):
    """Waits until somebody listens at a port for which a program was started."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and program.process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.05)
    raise Failure(f"nobody listens at port {port}; {program.arguments[0]} wrote: {text(program.path)[-1_000:]}")


def answers(port, host, path, program, seconds=20):
    """Waits until a request is answered 200 behind a program that was started for it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and program.process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as visitor:
                visitor.settimeout(2)
                visitor.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                if visitor.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise Failure(
        f"nothing answers for {host} at port {port}; {program.arguments[0]} wrote: {text(program.path)[-1_000:]}")
