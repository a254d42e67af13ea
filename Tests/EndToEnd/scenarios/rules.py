"""Host rules in a file: read beside those of the configuration, renewed when the file changes, kept when it is bad."""
import os

from peer import Peer
from processes import Node, expect, until
from visitor import get
from .catalogue import BOTH_SHELLS, ONCE, scenario
from .requests import check


def replace(bench, text):
    """Another file takes the name, as it is meant to be done."""
    os.rename(bench.file("rules.new", text), os.path.join(bench.directory, "rules"))


async def answers(node, host, wanted):
    return (await get(node.entry, host)).status == wanted


@scenario(BOTH_SHELLS)
async def rules_of_a_file(bench):
    """The file changes: the new host is served and the old one gone; a bad file leaves the rules and names its line."""
    peers = [Peer(f"peer-{number}", "tcp", 0) for number in range(2)]
    one, two = peers
    path = bench.file("rules", f"# hosts\none.example {one.tunnel}\n*.wild.example\t${two.tunnel}\n")
    node = await bench.node(ingress=(
        f"  file: {{path: {path}}}\n  reload: 200ms\n"
        f"  rules: [{{hostname: inline.example, endpoint: {two.tunnel}}}]\n"))
    for peer in peers:
        peer.port = node.tcp
        await peer.bind()
        bench.peers.append(peer)
    check(await get(node.entry, "one.example", "/1"), one.name, "/1")
    check(await get(node.entry, "inline.example", "/2"), two.name, "/2")
    expect(await answers(node, "a.wild.example", 502), "a private rule is public")
    before = (await node.metrics())["culvert_rules_generation"]

    replace(bench, f"two.example {two.tunnel}\n*.wild.example {one.tunnel}\n{two.label}.localhost {one.tunnel}\n")
    await until(lambda: answers(node, "one.example", 502), 10, "the old host to go")
    check(await get(node.entry, "two.example", "/3"), two.name, "/3")
    check(await get(node.entry, "a.b.wild.example", "/4"), one.name, "/4")
    check(await get(node.entry, "inline.example", "/5"), two.name, "/5")
    # The rule takes the generated host of a tunnel that is there; the log says so.
    check(await get(node.entry, node.host(two), "/6"), one.name, "/6")
    check(await get(node.entry, node.host(one), "/7"), one.name, "/7")
    await node.program.line(f"taken a host.*{two.label}.localhost", 5)
    metrics = await node.metrics()
    expect(metrics["culvert_rules_generation"] > before and metrics["culvert_rules_everywhere"] == 1, "no new rules")
    expect(metrics["culvert_rules"] == 4, f"{metrics['culvert_rules']} rules")
    await until(lambda: node.agrees(2), 10, "two equal dumps")

    replace(bench, f"three.example {two.tunnel}\n\ntwo.example\n")
    await node.program.line("rules before stay in force.*rules:3: ", 10)
    check(await get(node.entry, "two.example", "/8"), two.name, "/8")
    expect(await answers(node, "three.example", 502), "a bad file was taken in part")
    os.remove(os.path.join(bench.directory, "rules"))
    await node.program.line("rules before stay in force.*No such file", 10)
    check(await get(node.entry, "two.example", "/9"), two.name, "/9")

    replace(bench, f"three.example {two.tunnel}\n")
    await until(lambda: answers(node, "three.example", 200), 10, "the rules after the bad file")
    # A tunnel that binds beside the rules is there at once, and a host that lost its rule is free.
    late = Peer("late", "tcp", node.tcp, host="two.example")
    await late.bind()
    bench.peers.append(late)
    check(await get(node.entry, "two.example", "/10"), late.name, "/10")
    for peer in peers:
        expect(str(peer.tunnel) not in node.program.log, "a tunnel's id is a secret")


@scenario(ONCE)
async def bad_rules_at_the_start(bench):
    """A bad line stops the start, and `culvert check` says the same; a good file is counted."""
    tunnel = Peer("nobody", "tcp", 0).tunnel
    path = bench.file("rules", f"a.example {tunnel}\na.example\n")
    node = Node(bench, ingress=f"  file: {{path: {path}}}\n")
    file = bench.file("gost.yaml", node.configuration())
    for arguments in (["check", file], ["-C", file]):
        program = await bench.program("culvert", *arguments)
        status = await program.ended(20)
        expect(status != 0 and "rules:2: " in program.log, f"{arguments[0]} ended with {status}: {program.log}")
    bench.file("rules", f"a.example {tunnel}\n*.b.example {tunnel}")
    program = await bench.program("culvert", "check", file)
    expect(await program.ended(20) == 0 and "2 rules of the file" in program.log, f"check says {program.log}")
    await node.start()
