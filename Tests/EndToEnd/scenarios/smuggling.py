"""The smuggling corpus (Tests/Smuggling) sent to real entrypoints, and answered by a real connector: nothing of it is
ever passed on as a message."""
import asyncio
import json
import os

from peer import Peer
from processes import expect, until
from visitor import Visitor
from .catalogue import EVERYWHERE, scenario
from .requests import check

#: Stands behind every message of the corpus: whoever reads it as a request or an answer has been fooled.
SMUGGLED = "/smuggled"


def corpus(bench, kind):
    with open(os.path.join(bench.repository, "Tests", "Smuggling", "corpus.json"), encoding="utf-8") as file:
        return json.load(file)[kind]


async def answered(visitor, text):
    """(statuses of the answers, all bytes) that come for what is written, until the connection is closed."""
    visitor.writer.write(text)
    data = await asyncio.wait_for(visitor.reader.read(-1), 10)
    statuses, rest = [], data
    while rest.startswith(b"HTTP/1.1 "):
        head, _, rest = rest.partition(b"\r\n\r\n")
        statuses.append(int(head.split(b" ")[1]))
        length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        rest = rest[length[0]:] if length else b""
    return statuses, data


async def total(node, reasons):
    values = await node.metrics()
    return sum(value for key, value in values.items()
               if key.startswith("culvert_ends_total") and any(f'reason="{reason}"' in key for reason in reasons))


@scenario(EVERYWHERE, seconds=120)
async def smuggled_requests(bench):
    """Every request of the corpus, with another request behind it: answered once, with its status, and closed; no
    stream is opened for it. The same inside chunked bodies: the origin never sees the end of a request."""
    seen = []

    async def reads_all(self, stream):
        data = bytearray()
        seen.append(data)
        while part := await stream.reader.read(65_536):
            data += part
            if data.startswith(b"GET /fine ") and data.endswith(b"\r\n\r\n"):
                await stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
    node = await bench.node()
    peer = await Peer("peer", "ws", node.ws, origin=reads_all).bind()
    bench.peers.append(peer)
    host = f"{peer.label}.{node.domain}"
    behind = f"GET {SMUGGLED} HTTP/1.1\r\nHost: {host}\r\n\r\n"
    reasons = ["bad_request", "ambiguous_framing", "missing_host", "method_not_allowed", "version_not_supported",
               "unknown_transfer_coding", "head_too_large"]
    before = await total(node, reasons)
    cases = corpus(bench, "requests")
    expect(len(cases) >= 100, f"only {len(cases)} requests in the corpus")
    for case in cases:
        text = case["text"].replace("Host: a", f"Host: {host}").replace("http://a/", f"http://{host}/")
        async with Visitor(node.entry) as visitor:
            statuses, data = await answered(visitor, (text + behind).encode())
        expect(statuses == [case["status"]], f"{case['name']}: answered {data[:200]!r}")
    expect(peer.syns == 0, f"{peer.syns} streams were opened for requests that must not be forwarded")
    counted = await total(node, reasons) - before
    expect(counted == len(cases), f"{counted} of {len(cases)} refusals were counted")

    bodies = corpus(bench, "bodies")
    for case in bodies:
        head = f"POST /b HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with Visitor(node.entry) as visitor:
            statuses, data = await answered(visitor, (head + case["text"] + behind).encode())
        expect(statuses == [case["status"]], f"chunked body, {case['name']}: answered {data[:200]!r}")
    expect(len(seen) <= len(bodies), f"{len(seen)} streams for {len(bodies)} bodies")
    for data in seen:
        expect(SMUGGLED.encode() not in data, f"the origin was sent {bytes(data[-200:])!r}")
    await until(lambda: not peer.streams, 5, "the end of the streams with broken bodies")
    async with Visitor(node.entry) as visitor:
        answer = await visitor.get(host, "/fine")
        expect(answer.text == "fine", f"afterwards: {answer.status} {answer.text!r}")


@scenario(EVERYWHERE, seconds=120)
async def bad_answers(bench):
    """Every answer of the corpus, with another answer behind it: 502, the reason counted, the stream ended, and the
    visitor's connection serves the next request."""
    cases = corpus(bench, "answers")
    ended = []

    async def answers_badly(self, stream):
        head = await stream.reader.readuntil(b"\r\n\r\n")
        case = cases[int(head.split(b" ")[1][1:])]
        behind = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled"
        await stream.write(case["text"].encode() + behind)
        # The server ends it; nothing more is asked on it.
        rest = await stream.reader.read(-1)
        ended.append((case["name"], rest))
    node = await bench.node()
    bad = await Peer("bad", "ws", node.ws, origin=answers_badly).bind()
    good = await Peer("good", "tcp", node.tcp).bind()
    bench.peers += [bad, good]
    before = await total(node, ["bad_answer"])
    for number, case in enumerate(cases):
        async with Visitor(node.entry) as visitor:
            answer = await visitor.get(node.host(bad), f"/{number}")
            expect(answer.status == case["status"] and b"smuggled" not in answer.body,
                   f"{case['name']}: answered {answer.status} {answer.body[:100]!r}")
            expect(answer.fields.get("culvert-reason") == "bad_answer", f"{case['name']}: {answer.fields}")
            check(await visitor.get(node.host(good), f"/{number}"), "good", f"/{number}")
    await until(lambda: len(ended) == len(cases), 5, "the end of every stream with a bad answer")
    for name, rest in ended:
        expect(rest == b"", f"{name}: {rest[:100]!r} was sent on a stream whose answer was bad")
    counted = await total(node, ["bad_answer"]) - before
    expect(counted == len(cases), f"{counted} of {len(cases)} bad answers were counted")
