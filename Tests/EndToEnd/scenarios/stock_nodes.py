"""A stock GOST node in the same cluster, played here: it stands on an address of its own, registers as gost-plugins does,
and forwards its visitors as tunnel-server §9 says."""
import asyncio
import contextlib
import json
import re
import ssl
import struct
import time
import uuid

from peer import address, endpoint, feature
from processes import expect, free_ports, until
from visitor import Visitor, get
from .catalogue import BOTH_SHELLS, scenario
from .clusters import DOMAIN, bound, cluster, served
from .front import secure_origin
from .reach import client
from .relays import status_of
from .requests import check


class StockNode:
    """What others see of one."""

    HOST = "127.0.0.9"

    def __init__(self, redis):
        self.redis, self.id = redis, str(uuid.uuid4())
        self.port, = free_ports(1)

    async def register(self, tunnel):
        """A connector of a tunnel, by the commands of gost-plugins (ingress-sd-plugins §5)."""
        value = json.dumps(
            {"Node": self.id, "Network": "tcp", "Address": f"{self.HOST}:{self.port}", "Renew": int(time.time())},
            separators=(",", ":"))
        await self.redis.cli("-n", "1", "SET", endpoint(tunnel), str(tunnel), "EX", "3600", "NX")
        await self.redis.cli("-n", "2", "HSET", str(tunnel), str(uuid.uuid4()), value)
        await self.redis.cli("-n", "2", "EXPIRE", str(tunnel), "60")

    async def candidates(self, tunnel):
        """The addresses that it would forward to: those of others whose entries are young."""
        words = (await self.redis.cli("-n", "2", "HGETALL", str(tunnel))).split("\n")
        entries = [json.loads(word) for word in words[1::2]]
        return [entry["Address"] for entry in entries
                if entry["Node"] not in ("", self.id) and entry["Address"] and time.time() - entry["Renew"] <= 60]

    async def dial(self, target, **keys):
        host, _, port = target.rpartition(":")
        return await asyncio.wait_for(
            asyncio.open_connection(host, int(port), local_addr=(self.HOST, 0), **keys), 10)

    async def request(self, target, host, path):
        """A visitor's HTTP request."""
        visitor = Visitor(0)
        visitor.reader, visitor.writer = await self.dial(target)
        with contextlib.closing(visitor):
            visitor.send(host, path, fields=(
                f"Gost-Forwarded-Node: {self.id}\r\nGost-Sid: dc1clllqmd2r0so9es30\r\nConnection: close\r\n"))
            return await asyncio.wait_for(visitor.receive(), 10)

    async def hello(self, target, host, path, context):
        """A visitor's TLS; what the service answers, or None when the handshake is refused."""
        try:
            reader, writer = await self.dial(target, ssl=context, server_hostname=host)
        except (ssl.SSLError, ConnectionError):
            return None
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head)[1]))
        writer.close()
        return body

    async def visit(self, target, tunnel, host, path):
        """A relay visitor: the status, and what the service answers."""
        reader, writer = await self.dial(target)
        features = feature(2, address("192.0.2.7", 4_711)) + feature(2, address(host, 0))
        features += feature(3, tunnel.bytes + bytes(4))
        writer.write(struct.pack(">BBH", 1, 1, len(features)) + features)
        answer = await asyncio.wait_for(reader.readexactly(4), 10)
        text = ""
        if answer == b"\1\0\0\0":
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            text = (await reader.readexactly(length)).decode()
        writer.close()
        return answer, text


@scenario(BOTH_SHELLS, seconds=90)
async def stock_node_forwards(bench):
    """What a stock node forwards is served by the node that has the tunnel, found where that is registered: HTTP, TLS and
    relay visitors. A node that does not have it, because the other's knowledge is old, sends nobody on."""
    redis, (near, far) = await cluster(bench, 2)
    stock = StockNode(redis)
    await stock.register(uuid.uuid4())
    peer = await bound(bench, near, "near")
    host = f"{peer.label}.{DOMAIN}"
    await served(far, host, "near")
    tunnel = uuid.uuid4()
    secure = f"{endpoint(tunnel)}.{DOMAIN}"
    origin, file = await secure_origin(bench, secure)
    await client(bench, near, "ws", origin, tunnel)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)
    for node in (near, far):
        # Nobody asked for its tunnel.
        await node.program.line(rf"stock node found.*{re.escape(stock.HOST)}:{stock.port}", 20)

    async def registered():
        return await stock.candidates(peer.tunnel) and await stock.candidates(tunnel)
    await until(registered, 10, "both tunnels stand where stock nodes look")
    target, = await stock.candidates(peer.tunnel)
    expect(target == f"127.0.0.1:{near.entry}", f"stock nodes would dial {target}")
    for number in range(20):
        check(await stock.request(target, host, f"/{number}"), "near", f"/{number}")
        answer, text = await stock.visit(target, peer.tunnel, host, f"/{number}")
        expect(answer == b"\1\0\0\0" and text.startswith(f"near /{number} "), f"{answer} {text!r}")
        body = await stock.hello(target, secure, f"/{number}", context)
        expect(body and body.startswith(f"/{number} for {secure}".encode()), f"TLS was answered {body!r}")

    # Old knowledge: the tunnels are not there. Visitors of the node itself are forwarded as ever.
    old = f"127.0.0.1:{far.entry}"
    check(await get(far.entry, host, "/own"), "near", "/own")
    before = await far.total("culvert_forwards_opened_total")
    answer = await stock.request(old, host, "/")
    expect(answer.status == 503 and "Another node forwarded" in answer.text, f"{answer.status} {answer.text[:200]!r}")
    expect(await stock.hello(old, secure, "/", context) is None, "a hello was forwarded twice")
    answer, _ = await stock.visit(old, peer.tunnel, host, "/")
    expect(answer == b"\1\5\0\0", f"a relay visitor was answered {answer}")
    expect(await far.total("culvert_forwards_opened_total") == before, "forwarded a second time")
    expect(await far.ended_by("loop_detected") == 3, "without its reason")
    # Relay requests are for nodes only.
    expect(await status_of("tcp", far.entry, peer.tunnel, host) == 3, "an entrypoint serves relay visitors")
    check(await get(far.entry, host, "/own"), "near", "/own")
