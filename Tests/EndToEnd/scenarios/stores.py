"""A store's connections against real Redis servers: sign-in, TLS, changes, every fault, sentinels."""
import asyncio
import os
import signal

from peer import Peer
from processes import Node, expect, free_ports, until
from stores import Probe, Redis, output, program
from visitor import get
from .catalogue import ONCE, scenario
from .logins import PASSWORD, secrets_stay
from .requests import check


@scenario(ONCE)
async def store_changes(bench):
    """A database by its number; what others change is told at once: writes, expiry, other databases, FLUSHALL."""
    redis = await Redis(bench).start()
    probe = await Probe(bench, f"addr: '127.0.0.1:{redis.port}', db: 3").start()
    await probe.up(1)
    expect(await probe.ask("SET a 1 EX 100 NX | GET a | GET b | INCR a | HGET a x") == "+OK 1 - 2 !WRONGTYPE Operation "
           "against a key holding the wrong kind of value", "the answers of a batch")
    await probe.tells("^changed a$")
    expect(await redis.cli("-n", "3", "GET", "a") == "2", "written to another database")
    expect(await redis.cli("DBSIZE") == "0", "written to database 0")
    await redis.cli("-n", "3", "HSET", "hash", "field", "value")
    await probe.tells("^changed hash$")
    await redis.cli("-n", "7", "SET", "elsewhere", "1")
    await probe.tells("^changed elsewhere$")
    await redis.cli("-n", "3", "SET", "short", "1", "PX", "300")
    await probe.tells("^changed short$")
    # Nobody asks for the key: the server's own clock expires it.
    await probe.tells("^changed short$", 10)
    await redis.cli("FLUSHALL")
    await probe.tells("^flushed$")
    expect(await probe.ask("GET a") == "-", "the key after the flush")
    # A thousand commands at once, a thousand answers in their order.
    answer = await probe.ask(" | ".join(f"SET k{number} {number}" for number in range(1_000)), 5_000)
    expect(answer.split() == ["+OK"] * 1_000, f"a thousand answers: {answer[:100]}")
    answer = await probe.ask(" | ".join(f"GET k{number}" for number in range(1_000)), 5_000)
    expect(answer.split() == [str(number) for number in range(1_000)], "a thousand values in their order")
    expect(probe.told("^(up|down|tracking)") == 2, "the connections stayed")


@scenario(ONCE)
async def store_sign_in(bench):
    """A password, a user of an ACL, a wrong one; a server that is full. No secret is told."""
    redis = await Redis(bench, f"requirepass {PASSWORD}", cli=("--no-auth-warning", "-a", PASSWORD)).start()
    probe = await Probe(bench, f"addr: '127.0.0.1:{redis.port}', password: {PASSWORD}").start()
    await probe.up(1)
    await redis.cli("ACL", "SETUSER", "culvert", "on", f">{PASSWORD}", "~*", "&*", "+@all")
    named = await Probe(
        bench, f"addr: '127.0.0.1:{redis.port}', username: culvert, password: {PASSWORD}", "named").start()
    await named.up(1)
    expect("culvert" in await named.ask("ACL WHOAMI"), "signed in as somebody else")
    wrong = await Probe(
        bench, f"addr: '127.0.0.1:{redis.port}', username: later, password: {PASSWORD}-2", "wrong").start()
    await wrong.tells("^down refused: 127.0.0.1:.*signing in failed: WRONGPASS")
    await redis.cli("ACL", "SETUSER", "later", "on", f">{PASSWORD}-2", "~*", "&*", "+@all")
    await wrong.up(1)
    nobody = await Probe(bench, f"addr: '127.0.0.1:{redis.port}'", "nobody").start()
    await nobody.tells("^down refused: .*NOAUTH")
    # A user who may write and not track: commands work, and nothing pretends to be tracked.
    await redis.cli("ACL", "SETUSER", "blind", "on", f">{PASSWORD}", "~*", "resetchannels", "+@all")
    blind = await Probe(
        bench, f"addr: '127.0.0.1:{redis.port}', username: blind, password: {PASSWORD}", "blind").start()
    await blind.tells("^up 1$")
    expect(await blind.ask("SET a 1") == "+OK", "a write without tracking")
    expect(blind.told("tracking-up") == 0, "tracking that the server refuses")
    await redis.cli("ACL", "SETUSER", "blind", "&*")
    await blind.tells("^tracking-up$")
    # Somebody who subscribes is not killed, and has the only place that is left.
    reader, writer = await asyncio.open_connection("127.0.0.1", redis.port)
    writer.write(f"AUTH {PASSWORD}\r\nSUBSCRIBE nothing\r\n".encode())
    await asyncio.wait_for(reader.readuntil(b":1\r\n"), 5)
    await redis.script("CONFIG SET maxclients 1", "CLIENT KILL TYPE normal SKIPME yes")
    await probe.tells("^down lost$")
    await probe.tells("^down refused: .*(max number of clients|before it answers)", 10)
    writer.close()
    for each in (probe, named, wrong, nobody, blind):
        expect(PASSWORD not in each.log, "a password was told")


async def certificates(bench):
    """An authority, and a server's and a client's certificate of it, in the scenario's folder."""
    folder = os.path.join(bench.directory, "tls")
    os.makedirs(folder)
    openssl = program("openssl")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    await output(
        openssl, "req", "-x509", *key, "-days", "2", "-subj", "/CN=authority", "-keyout", f"{folder}/ca.key",
        "-out", f"{folder}/ca.pem")
    for name in ("server", "named", "client"):
        await output(
            openssl, "req", *key, "-subj", f"/CN={name}", "-keyout", f"{folder}/{name}.key", "-out",
            f"{folder}/{name}.csr")
        address = "" if name == "named" else ",IP:127.0.0.1"
        names = bench.file(f"tls/{name}.ext", f"subjectAltName=DNS:redis.example{address}\n")
        await output(
            openssl, "x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/ca.pem", "-CAkey",
            f"{folder}/ca.key", "-CAcreateserial", "-days", "2", "-extfile", names, "-out", f"{folder}/{name}.pem")
    return folder


@scenario(ONCE)
async def store_tls(bench):
    """TLS: verified by address and by name, refused without the authority, with the wrong name, in the clear."""
    folder = await certificates(bench)
    options = (
        "--tls", "--cacert", f"{folder}/ca.pem", "--cert", f"{folder}/client.pem", "--key", f"{folder}/client.key")
    redis = Redis(bench, cli=options)
    redis.lines = (
        "port 0", f"tls-port {redis.port}", f"tls-cert-file {folder}/server.pem",
        f"tls-key-file {folder}/server.key", f"tls-ca-cert-file {folder}/ca.pem", "tls-auth-clients optional")
    await redis.start()
    address = f"addr: '127.0.0.1:{redis.port}', "

    async def probe(name, tls):
        return await Probe(bench, address + tls, name).start()
    good = await probe("good", f"tls: {{caFile: {folder}/ca.pem}}")
    await good.up(1)
    expect(await good.ask("SET a 1 | GET a") == "+OK 1", "a batch over TLS")
    await (await probe("careless", "tls: {secure: false}")).up(1)
    await (await probe("unknown", "tls: true")).tells("^down refused: .*TLS")
    # A certificate that names no address.
    await redis.cli(
        "CONFIG", "SET", "tls-cert-file", f"{folder}/named.pem", "tls-key-file", f"{folder}/named.key")
    await (await probe("named", f"tls: {{caFile: {folder}/ca.pem, serverName: redis.example}}")).up(1)
    await (await probe("misnamed", f"tls: {{caFile: {folder}/ca.pem, serverName: other.example}}")).tells(
        "^down refused: .*TLS")
    await (await probe("unnamed", f"tls: {{caFile: {folder}/ca.pem}}")).tells("^down refused: .*TLS")
    await redis.cli(
        "CONFIG", "SET", "tls-cert-file", f"{folder}/server.pem", "tls-key-file", f"{folder}/server.key")
    await (await probe("clear", "db: 0")).tells("^down refused: .*before it answers")
    absent = Probe(bench, address + f"tls: {{caFile: {folder}/none.pem}}", "absent")
    absent_lines = asyncio.ensure_future(absent.start())
    await asyncio.wait([absent_lines])
    expect("cannot read" in absent.log and "none.pem" in absent.log, f"a file that is not there: {absent.log}")
    absent_lines.exception()
    # A certificate of our own, where the server wants one.
    await redis.cli("CONFIG", "SET", "tls-auth-clients", "yes")
    await (await probe("bare", f"tls: {{caFile: {folder}/ca.pem}}")).tells("^down")
    own = f"tls: {{caFile: {folder}/ca.pem, certFile: {folder}/client.pem, keyFile: {folder}/client.key}}"
    await (await probe("own", own)).up(1)


@scenario(ONCE)
async def store_faults(bench):
    """kill -9 and back, frozen, slow: every batch is answered in its time, every connection comes back by itself."""
    redis = await Redis(bench, "enable-debug-command yes").start()
    probe = await Probe(bench, f"addr: '127.0.0.1:{redis.port}'").start()
    await probe.up(1)

    await redis.kill()
    await probe.tells("^tracking-lost$")
    await probe.tells("^down lost$")
    expect(await probe.ask("GET a") == "not-connected", "a batch without a connection")
    await probe.tells("^down refused: .*Connection refused$")
    await redis.start()
    await probe.up(2)
    expect(await probe.ask("SET a 1") == "+OK", "a batch afterwards")

    # Frozen: the deadline of the batch holds, then the silence ends the connection.
    redis.signal(signal.SIGSTOP)
    began = asyncio.get_running_loop().time()
    expect(await probe.ask("GET a", 500) == "deadline", "a batch to a frozen server")
    expect(asyncio.get_running_loop().time() - began < 2, "the deadline came late")
    await probe.tells("^tracking-lost$", 10)
    await probe.tells("^down deadline$", 10)
    redis.signal(signal.SIGCONT)
    await probe.up(3, 20)

    # Slow, 2 s for each command: batches are late, the connection is not given up, and nothing late is mixed up.
    slow = probe.send("DEBUG SLEEP 2 | DEBUG SLEEP 2 | SET slow yes", 1_000)
    await probe.line(f"^failed {slow} deadline$", 3)
    expect(await probe.ask("GET slow", 10_000, 12) == "yes", "the batch behind it")
    expect(probe.told("^down") == 3, "a slow server was given up")
    expect(probe.told("^up") == 3, "a slow server was given up")


@scenario(ONCE)
async def store_tracking_cut(bench):
    """The tracking connection is killed alone: that is said, it comes back, and later changes are told."""
    redis = await Redis(bench).start()
    probe = await Probe(bench, f"addr: '127.0.0.1:{redis.port}'").start()
    await probe.up(1)
    for round in range(3):
        await redis.cli("CLIENT", "KILL", "ID", await redis.client("culvert-tracking"))
        await probe.tells("^tracking-lost$")
        await probe.tells("^tracking-up$", 2)
        await redis.cli("SET", f"key-{round}", "1")
        await probe.tells(f"^changed key-{round}$")
        expect(await probe.ask(f"GET key-{round}") == "1", "the connection for commands")
    expect(probe.told("^(up|down)") == 1, "the connection for commands was touched")
    # The one for commands goes: both are new.
    await redis.cli("CLIENT", "KILL", "ID", await redis.client("culvert"))
    await probe.tells("^tracking-lost$")
    await probe.tells("^down lost$")
    await probe.up(2)
    await redis.cli("SET", "key", "1")
    await probe.tells("^changed key$")


async def sentinels(bench, master, count=3):
    """Sentinels that know the master, its replica and each other."""
    group = []
    for _ in range(count):
        group.append(await Redis(
            bench, f"sentinel monitor m 127.0.0.1 {master.port} 2", "sentinel down-after-milliseconds m 1500",
            "sentinel failover-timeout m 4000", sentinel=True).start())

    async def ready():
        for each in group:
            lines = (await each.cli("SENTINEL", "MASTER", "m")).split("\n")
            facts = dict(zip(lines[::2], lines[1::2]))
            if facts["num-slaves"] != "1" or facts["num-other-sentinels"] != str(count - 1):
                return False
        return True
    # They meet by what they publish at the master, every 2 s.
    await until(ready, 20, "the sentinels know everybody", 0.1)
    return group


@scenario(ONCE, seconds=120)
async def store_failover(bench):
    """Three sentinels: the master is killed, comes back as a replica, and is made the master again."""
    first = await Redis(bench).start()
    second = await Redis(bench, f"replicaof 127.0.0.1 {first.port}").start()
    # A replica that is reached again: not found while it starts.
    first.lines = (f"replicaof 127.0.0.1 {second.port}",)
    group = await sentinels(bench, first)
    addresses = ", ".join(f"'127.0.0.1:{each.port}'" for each in group)
    probe = await Probe(bench, f"addr: [{addresses}], sentinel: m, db: 1").start()
    await probe.up(1)
    expect(await probe.ask("SET a 1") == "+OK", "a write to the master")

    async def synced(replica):
        return "master_link_status:up" in await replica.cli("INFO", "replication")
    await until(lambda: synced(second), 10, "the replica is synchronised")

    await first.kill()
    await probe.tells("^down lost$")
    await probe.up(2, 30)
    expect(await probe.ask("SET a 2") == "+OK", "a write to the new master")
    expect(await second.cli("-n", "1", "GET", "a") == "2", "another server was written to")
    await second.cli("-n", "1", "SET", "b", "1")
    await probe.tells("^changed b$")

    # The old master is back as a replica; a sentinel dies; then they change places.
    await first.start()
    await until(lambda: synced(first), 20, "the old master follows")
    await group[0].kill()

    async def moved():
        # Refused while they still remember the last failover, or do not know the replica yet.
        return "OK" in await group[1].cli("SENTINEL", "FAILOVER", "m")
    await until(moved, 30, "a failover by hand", 0.2)
    await probe.tells("^down", 30)
    await probe.up(3, 30)
    expect(await probe.ask("SET a 3") == "+OK", "a write after the second failover")
    expect(await first.cli("-n", "1", "GET", "a") == "3", "another server was written to")

    # Without sentinels of one's own: the server is made a replica by others, and is not taken for a master any more.
    alone = await Probe(bench, f"addr: '127.0.0.1:{second.port}'", "alone").start()
    await alone.tells("^down refused: .*is a replica", 40)


class StoreNode(Node):
    """A node by one `-L` whose names are kept in a store."""

    def __init__(self, bench, redis, domain="gost.local"):
        super().__init__(bench, domain=domain)
        self.redis = redis

    async def start(self):
        self.program = await self.bench.program(
            "culvert", "-metrics", f"127.0.0.1:{self.admin}", "-L",
            f"tunnel+ws://:{self.ws}?entrypoint=:{self.entry}"
            f"&ingress=redis://:{PASSWORD}@127.0.0.1:{self.redis.port}/1?domain={self.domain}")
        await self.ready(15)
        return self


@scenario(ONCE)
async def store_ingress(bench):
    """Names of bound tunnels stand in Redis as gost-plugins writes them, and are written again when it has lost them;
    visitors do not notice its death, and the login is told nowhere."""
    redis = await Redis(bench, f"requirepass {PASSWORD}", cli=("--no-auth-warning", "-a", PASSWORD)).start()
    node = await StoreNode(bench, redis).start()
    peer = await Peer("first", "ws", node.ws).bind()
    bench.peers.append(peer)
    check(await get(node.entry, node.host(peer), "/1"), "first", "/1")

    async def stands(name, tunnel):
        return await redis.cli("-n", "1", "GET", name) == str(tunnel)
    await until(lambda: stands(peer.label, peer.tunnel), 5, "the name in Redis")
    life = int(await redis.cli("-n", "1", "TTL", peer.label))
    expect(3_500 < life <= 3_600, f"the name lives for {life} s")

    store = f'{{store="127.0.0.1:{redis.port}/1"}}'
    page = await node.metrics()
    expect(page["culvert_store_up" + store] == page["culvert_store_tracking" + store] == 1, "the page says it is away")
    expect(page['culvert_cluster_names_total{what="claimed"}'] > 0, "no claim was counted")
    await redis.kill()

    async def away():
        return (await node.metrics())["culvert_store_up" + store] == 0
    await until(away, 5, "the page says that the store is away")
    check(await get(node.entry, node.host(peer), "/2"), "first", "/2")
    other = await Peer("second", "ws", node.ws).bind()
    bench.peers.append(other)
    check(await get(node.entry, node.host(other), "/3"), "second", "/3")
    await redis.start()
    for each in (peer, other):
        await until(lambda: stands(each.label, each.tunnel), 10, "the names in the empty Redis")
    await redis.cli("FLUSHALL")
    for each in (peer, other):
        await until(lambda: stands(each.label, each.tunnel), 5, "the names after the flush")
    await secrets_stay(node)
