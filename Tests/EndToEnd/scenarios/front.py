"""What a connection begins with, besides HTTP and relay requests: TLS, passed through by name, and a proxy's header."""
import asyncio
import ipaddress
import os
import ssl
import uuid

import peer as peers
from processes import Node, expect, free_ports
from visitor import Visitor, get
from .catalogue import BOTH_SHELLS, EVERYWHERE, scenario
from .reach import Origin, client, origin

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
BULK = 4 << 20

#: Both versions of a proxy's header, and the address in it.
HEADERS = [
    ("203.0.113.9", b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n"),
    ("2001:db8::9", b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 80\r\n"),
    ("203.0.113.10", SIGNATURE + bytes.fromhex("2111000c cb00710a c0000201 1267 0050")),
    # With an extension behind the addresses.
    ("2001:db8::a", SIGNATURE + bytes.fromhex(
        "21210029 20010db800000000000000000000000a 20010db8000000000000000000000001 1267 0050 040002 ffff")),
]


async def certificate(bench, name):
    """Files of a key and a certificate for a name, which nobody vouches for."""
    key, file = (os.path.join(bench.directory, suffix) for suffix in ("key.pem", "certificate.pem"))
    program = await bench.launch(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", file)
    expect(await program.ended(20) == 0, f"no certificate: {program.log}")
    return key, file


async def secure_origin(bench, name):
    """A TLS service: answers a request by its path, the name it was asked for, and as many bytes as the path says."""
    key, file = await certificate(bench, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    asked = []
    context.sni_callback = lambda connection, server_name, _: asked.append(server_name)

    async def answer(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ")[1].decode()
                body = (f"{path} for {asked[-1]} ").encode() + b"x" * int(path.rpartition("/")[2]) + b"\n"
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
    port, = free_ports(1)
    bench.peers.append(Origin(await asyncio.start_server(answer, "127.0.0.1", port, ssl=context, limit=1 << 22)))
    return port, file


async def alert(port, name):
    """What a TLS visitor that asks for a name gets instead of a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        await asyncio.wait_for(
            asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name), 10)
    except ssl.SSLError as error:
        return error.reason
    except ConnectionError as error:
        return repr(error)
    return "a handshake"


@scenario(EVERYWHERE)
async def tls_by_name(bench):
    """`openssl s_client` and `curl` through the entrypoint to a TLS service behind our client, by both carriers: its own
    certificate is seen, megabytes pass, an old and a new version of TLS work; other names get an alert."""
    node = await bench.node()
    for kind in ("ws", "tcp"):
        tunnel = uuid.uuid4()
        host = f"{peers.endpoint(tunnel)}.{node.domain}"
        target, file = await secure_origin(bench, host)
        program, _ = await client(bench, node, kind, target, tunnel)
        request = bench.file("request", f"GET /s/1000 HTTP/1.1\r\nHost: {host}\r\n\r\n")
        for version in ("-tls1_2", "-tls1_3"):
            shown = await bench.launch(
                "sh", "-c", f"(cat {request}; sleep 2) | openssl s_client -quiet -no_ign_eof -verify_return_error -CAfile {file} "
                f"-verify_hostname {host} {version} -servername {host} -connect 127.0.0.1:{node.entry}")
            await shown.line(f"/s/1000 for {host} x{{1000}}", 15)
        fetched = await bench.launch(
            "curl", "-sS", "--cacert", file, "--connect-to", f"{host}:443:127.0.0.1:{node.entry}",
            "-w", "\n%{http_code} %{size_download} %{ssl_verify_result}\n", "-o", os.path.join(bench.directory, "got"),
            f"https://{host}/c/{BULK}", f"https://{host}/d/10", "-o", os.path.join(bench.directory, "more"))
        expect(await fetched.ended(30) == 0, fetched.log)
        size = len(f"/c/{BULK} for {host} ") + BULK + 1
        expect(f"200 {size} 0" in fetched.log, fetched.log)
        expect(await alert(node.entry, f"nobody.{node.domain}") == "TLSV1_UNRECOGNIZED_NAME", "of an unknown name")
        await program.stop()
        reason = await alert(node.entry, host)
        expect(reason == "TLSV1_ALERT_INTERNAL_ERROR", f"an offline tunnel: {reason}")
    expect(await alert(node.entry, "") == "TLSV1_UNRECOGNIZED_NAME", "without a name")
    for reason, count in (("no_route", 2), ("missing_host", 1), ("tunnel_offline", 2)):
        expect(await node.ended_by(reason) == count, f"{reason} was counted {await node.ended_by(reason)} times")


class ProxiedNode(Node):
    """A node behind proxies: their headers may stand in front of everything."""

    def configuration(self):
        text = super().configuration()
        for name in ("over-ws", "over-tcp"):
            text = text.replace(f"- name: {name}\n", f"- name: {name}\n  metadata: {{proxyProtocol: 1}}\n")
        return text.replace(f'entrypoint: ":{self.entry}"', f'entrypoint: ":{self.entry}", entrypoint.ProxyProtocol: 2')


async def naming_origin(bench):
    """Answers every request by the head it came with."""
    async def answer(reader, writer):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(head)}\r\n\r\n".encode() + head)
    return await origin(bench, answer)


async def proxy_in_front(bench, port, header):
    """A proxy that says a header to a port, then passes bytes; its own port."""
    async def pass_on(reader, writer):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def answer(reader, writer):
        beyond_reader, beyond_writer = await asyncio.open_connection("127.0.0.1", port)
        beyond_writer.write(header)
        await asyncio.gather(pass_on(reader, beyond_writer), pass_on(beyond_reader, writer), return_exceptions=True)
    return await origin(bench, answer)


@scenario(EVERYWHERE)
async def proxy_headers_on_each_port(bench):
    """Versions 1 and 2 of the PROXY protocol in front of HTTP, TLS and both tunnel ports, and nothing in front: the
    address in the header is the visitor's."""
    node = await ProxiedNode(bench).start()
    target = await naming_origin(bench)
    for number, (source, header) in enumerate(HEADERS):
        kind = ("ws", "tcp")[number % 2]
        tunnel = uuid.uuid4()
        port = await proxy_in_front(bench, node.port(kind), header)
        url = f"tunnel+{kind}://127.0.0.1:{port}?tunnel.id={tunnel}"
        program = await bench.program("culvert", "-L", f"rtcp://:0/127.0.0.1:{target}", "-F", url)
        await program.line(peers.endpoint(tunnel), 10)
        host = f"{peers.endpoint(tunnel)}.{node.domain}"
        async with Visitor(node.entry) as visitor:
            visitor.writer.write(header)
            for _ in range(3):
                answer = await visitor.get(host, fields="X-Forwarded-For: 198.51.100.1\r\n")
                expect(f"X-Forwarded-For: {source}\r\n" in answer.text, f"{source}: {answer.status} {answer.text!r}")
                expect("198.51.100.1" not in answer.text, "a visitor's word was believed")
        answer = await get(node.entry, host)
        expect("X-Forwarded-For: 127.0.0.1\r\n" in answer.text, f"without a header: {answer.text!r}")
        reader, writer = await asyncio.open_connection("127.0.0.1", node.entry)
        writer.write(header + b"\x16\x03\x01\x00\x04\x02\x00\x00\x00")
        refusal = await asyncio.wait_for(reader.read(), 10)
        expect(refusal[:1] == b"\x15" and refusal[-1:] == b"\x0a", f"no alert behind the header: {refusal!r}")
        writer.close()


@scenario(EVERYWHERE)
async def a_silent_proxy_delays_nobody(bench):
    """Connections that say nothing, or half a header, on every port that believes proxies: everybody else is served at
    once; they end by their own deadline."""
    node = ProxiedNode(bench, limits={"proxyHeaderTimeoutMilliseconds": 8_000, "firstByteTimeoutMilliseconds": 8_000})
    await node.start()
    silent = []
    for port in (node.ws, node.tcp, node.entry):
        for beginning in (b"", b"PROXY TCP4 203.", SIGNATURE[:9]):
            for _ in range(10):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(beginning)
                silent.append((reader, writer))
    clock = asyncio.get_running_loop().time
    begun = clock()
    target = await naming_origin(bench)
    _, host = await client(bench, node, "ws", target)
    async with Visitor(node.entry) as visitor:
        visitor.writer.write(HEADERS[0][1])
        expect((await visitor.get(host)).status == 200, "somebody else is not served")
    expect(clock() - begun < 6, f"others waited for {clock() - begun:.1f} s")
    for reader, writer in silent:
        expect(await asyncio.wait_for(reader.read(), 15) == b"", "a silent connection was answered")
        writer.close()
    expect(await node.ended_by("proxy_timeout") == 60, "the deadline of the header was not counted")


@scenario(BOTH_SHELLS)
async def a_proxy_header_elsewhere_is_garbage(bench):
    """Where no proxy is expected, its header is no request."""
    node = await bench.node()
    for header in (HEADERS[0][1], HEADERS[2][1]):
        async with Visitor(node.entry) as visitor:
            visitor.writer.write(header + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            expect((await asyncio.wait_for(visitor.receive(), 10)).status == 400, "a header was believed")
        reader, writer = await asyncio.open_connection("127.0.0.1", node.tcp)
        writer.write(header)
        expect(await asyncio.wait_for(reader.read(), 10) == b"", "a header was answered on the tunnel port")
        writer.close()


class TrustingNode(Node):
    """A node whose entrypoints ask a proxy, if it is a known one, for whom it speaks."""

    def configuration(self):
        text = super().configuration().replace(
            "  node: node-1\n", f"  node: node-1\n  trustedProxies: [{self.proxies}]\n")
        return text.replace(f'entrypoint: ":{self.entry}"', f'entrypoint: ":{self.entry}", entrypoint.clientIP: header')


async def tell_source(peer, stream):
    """An origin: answers by the address in its stream's header and the head that came."""
    _, size = stream.features[0], int.from_bytes(stream.features[1:3], "big")
    source = str(ipaddress.ip_address(stream.features[4:3 + size - 2]))
    while True:
        head = await stream.reader.readuntil(b"\r\n\r\n")
        body = source.encode() + b"\n" + head
        await stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@scenario(EVERYWHERE)
async def a_trusted_proxy_names_the_client(bench):
    """`entrypoint.clientIP: header`: each client that a trusted proxy names on one connection has a stream of its own,
    with its address in the header, and the list of addresses is continued; a stranger's list is thrown away."""
    for trusted in (True, False):
        node = TrustingNode(bench)
        node.proxies = '127.0.0.0/8, "::1"' if trusted else "192.0.2.0/24"
        await node.start()
        peer = await peers.Peer("peer", "ws", node.ws, origin=tell_source).bind()
        bench.peers.append(peer)
        async with Visitor(node.entry) as visitor:
            for number in range(60):
                client_address = ("203.0.113.1", "203.0.113.2", "2001:db8::3")[number % 3]
                fields = f"X-Forwarded-For: 198.51.100.1, {client_address}\r\nX-Forwarded-Proto: https\r\n"
                answer = await visitor.get(node.host(peer), fields=fields)
                source, _, head = answer.text.partition("\n")
                if trusted:
                    expect(source == client_address, f"{client_address} came as {source}")
                    expect(f"X-Forwarded-For: 198.51.100.1, {client_address}, 127.0.0.1\r\n" in head, head)
                    expect("X-Forwarded-Proto: https\r\n" in head, head)
                else:
                    expect(source == "127.0.0.1", f"a stranger came as {source}")
                    expect("X-Forwarded-For: 127.0.0.1\r\n" in head and client_address not in head, head)
                    expect("X-Forwarded-Proto: http\r\n" in head, head)
                expect(f"X-Forwarded-Host: {node.host(peer)}\r\n" in head, head)
        expect(peer.syns == (3 if trusted else 1), f"{peer.syns} streams")
        await node.program.stop()


@scenario(BOTH_SHELLS)
async def requests_do_not_go_round(bench):
    """A request that this node sent before is not served again; others' marks pass."""
    node = await bench.node()
    target = await naming_origin(bench)
    _, host = await client(bench, node, "ws", target)
    async with Visitor(node.entry) as visitor:
        answer = await visitor.get(host, fields="Gost-Forwarded-Node: a, node-1 ,b\r\n")
        expect(answer.status == 503 and "came back" in answer.text, f"{answer.status} {answer.text!r}")
        answer = await visitor.get(host, fields="Gost-Forwarded-Node: node-11\r\nGost-Sid: s-1\r\n")
        expect(answer.status == 200 and "Gost-Sid: s-1\r\n" in answer.text, f"{answer.status} {answer.text!r}")
    expect(await node.ended_by("loop_detected") == 1, "the loop was not counted")
