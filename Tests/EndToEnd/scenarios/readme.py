"""The commands of README.md, run as they stand there, but on free ports."""
import asyncio
import os
import re
import signal

from processes import Failure, expect, free_ports
from .catalogue import ONCE, scenario

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS = ("8421", "8080", "8000", "8001", "9000", "8422", "8081", "9100")


def blocks(text):
    """[(language, text)] of the fenced blocks."""
    return FENCE.findall(text)


def script(readme, directory):
    """One shell script of all `sh` blocks, each of which says its number when it begins; the texts that must appear
    after it; and the `yaml` blocks, which name their file, as files."""
    lines = ["set -eu", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT"]
    expected = {}
    number = 0
    for language, text in blocks(readme):
        if language == "sh":
            number += 1
            lines += [f"echo '@@ {number}'", text]
        elif language == "text" and number:
            expected.setdefault(number, text.splitlines())
        elif language == "yaml":
            name = re.match(r"# (\S+)\n", text)
            expect(name, f"a yaml block of README.md names no file: {text[:60]!r}")
            with open(os.path.join(directory, name[1]), "w") as file:
                file.write(text)
    return "\n".join(lines), expected


@scenario(ONCE, seconds=120, alone=True)
async def readme_commands(bench):
    """Every `sh` block of README.md succeeds, and says what the `text` block after it says."""
    with open(os.path.join(bench.repository, "README.md")) as file:
        text = file.read()
    for old, new in zip(PORTS, free_ports(len(PORTS))):
        text = re.sub(rf"(?<=:|\s){old}\b", str(new), text)
    commands, expected = script(text, bench.directory)
    expect(len(re.findall("^echo '@@", commands, re.MULTILINE)) >= 4, "README.md has lost its commands")
    environment = {
        **os.environ, "PATH": f"{bench.binaries}:{os.environ['PATH']}", "HOME": bench.directory,
        "XDG_RUNTIME_DIR": bench.directory, "XDG_STATE_HOME": bench.directory}
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", commands, cwd=bench.directory, env=environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True)
    try:
        output, _ = await asyncio.wait_for(shell.communicate(), 100)
    except asyncio.TimeoutError:
        raise Failure("the commands did not end within 100 s") from None
    finally:
        # Its own session: what it left running goes with it.
        try:
            os.killpg(shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    said = output.decode("utf-8", "replace")
    expect(shell.returncode == 0, f"exit status {shell.returncode}:\n{said[-3_000:]}")
    parts = dict(zip(
        map(int, re.findall(r"^@@ (\d+)$", said, re.MULTILINE)), re.split(r"^@@ \d+$", said, flags=re.MULTILINE)[1:]))
    for number, lines in expected.items():
        for line in lines:
            expect(line in parts.get(number, "").splitlines(), f"block {number} does not say {line!r}:\n{said[-3_000:]}")
