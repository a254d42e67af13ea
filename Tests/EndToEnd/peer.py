"""A tunnel client that is not ours: written from the protocol (relay §5, §9; mux §3, §4), with an origin in it, and
counting what the server does: every stream that it opens, and every request on it."""
import asyncio
import hashlib
import struct
import uuid

import carrier

NETWORK_WINDOW = 262_144
OUR_WINDOW = 1 << 20
SYN, FIN, PSH, NOP, UPD = range(5)


def endpoint(tunnel):
    """The host label that a tunnel id stands for (relay §6)."""
    return hashlib.md5(str(tunnel).encode()).hexdigest()[:16]


def address(host, port):
    parts = host.split(".")
    if len(parts) == 4 and all(part.isdigit() for part in parts):
        return bytes([1, *map(int, parts)]) + struct.pack(">H", port)
    name = host.encode()
    return bytes([3, len(name)]) + name + struct.pack(">H", port)


def feature(kind, data):
    return struct.pack(">BH", kind, len(data)) + data


class BindRefused(Exception):
    """The server answered a BIND with a status, or not at all."""


class Stream:
    """One stream that the server opened."""

    def __init__(self, peer, number):
        self.peer, self.number = peer, number
        self.reader = asyncio.StreamReader(limit=1 << 22)
        self.received = self.announced = 0
        self.sent = self.consumed = 0
        self.window = NETWORK_WINDOW
        self.credit = asyncio.Event()
        self.ended = False
        self.features = b""

    async def header(self):
        """The features of the stream's header: source and destination (relay §9)."""
        version, status, length = struct.unpack(">BBH", await self.reader.readexactly(4))
        if (version, status) != (1, 0):
            raise carrier.Refused(f"stream header {version} {status}")
        self.features = await self.reader.readexactly(length)
        return self.features

    def feed(self, data):
        self.reader.feed_data(data)
        self.received += len(data)
        if self.announced == 0 or self.received - self.announced >= OUR_WINDOW // 2:
            self.announced = self.received
            self.peer.frame(UPD, self.number, struct.pack("<II", self.received & 0xFFFFFFFF, OUR_WINDOW))

    async def write(self, data):
        view = memoryview(data)
        while view:
            room = self.window - (self.sent - self.consumed)
            if room <= 0:
                self.credit.clear()
                await self.credit.wait()
                if self.ended:
                    raise ConnectionResetError("the server ended the stream")
                continue
            piece = view[:min(room, 32_768)]
            self.peer.frame(PSH, self.number, bytes(piece))
            self.sent += len(piece)
            view = view[len(piece):]
            if self.peer.carrier.writer.transport.get_write_buffer_size() > 65_536:
                await self.peer.carrier.drain()

    def close(self):
        self.peer.frame(FIN, self.number)


class Peer:
    """One connector of a tunnel, with an origin behind it."""

    def __init__(self, name, kind, port, tunnel=None, weight=0, host="0.0.0.0", origin=None, udp=False, auth=None,
                 receive_bytes=None):
        self.name, self.kind, self.port, self.receive_bytes = name, kind, port, receive_bytes
        self.udp, self.auth = udp, auth
        self.tunnel = tunnel or uuid.uuid4()
        self.weight, self.host = weight, host
        self.origin = origin or Peer.answer_requests
        self.streams, self.tasks = {}, set()
        self.syns = self.requests = 0
        self.lost = asyncio.Event()
        self.granted = None

    @property
    def label(self):
        return endpoint(self.tunnel)

    async def bind(self):
        """Connects and binds; from its return on the server may send visitors."""
        self.carrier = await carrier.connect(self.kind, self.port, receive_bytes=self.receive_bytes)
        host, port = self.carrier.local[:2]
        features = feature(4, b"\0\1") if self.udp else b""
        if self.auth:
            user, password = (text.encode() for text in self.auth)
            features += feature(1, bytes([len(user)]) + user + bytes([len(password)]) + password)
        features += feature(2, address(host, port)) + feature(2, address(self.host, 0))
        features += feature(3, self.tunnel.bytes + bytes([0, 0, 0, self.weight]))
        self.carrier.put(struct.pack(">BBH", 1, 0x82 if self.udp else 2, len(features)) + features)
        try:
            version, status, length = struct.unpack(">BBH", await self.carrier.exactly(4))
        except asyncio.IncompleteReadError:
            raise BindRefused("closed without an answer") from None
        if (version, status) != (1, 0):
            raise BindRefused(f"status {status}")
        self.granted = self.host_of(await self.carrier.exactly(length))
        self.keep(self.read())
        return self

    @staticmethod
    def host_of(features):
        kind, length = struct.unpack(">BH", features[:3])
        assert kind == 2, features
        data = features[3:3 + length]
        return data[2:2 + data[1]].decode() if data[0] == 3 else ".".join(map(str, data[1:5]))

    def keep(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def frame(self, command, number, payload=b""):
        self.carrier.put(struct.pack("<BBHI", 2, command, len(payload), number) + payload)

    async def read(self):
        try:
            while True:
                version, command, length, number = struct.unpack("<BBHI", await self.carrier.exactly(8))
                if version != 2 or command > UPD:
                    raise carrier.Refused(f"smux frame {version} {command}")
                payload = await self.carrier.exactly(length) if length else b""
                self.take(command, number, payload)
        except (asyncio.IncompleteReadError, ConnectionError, carrier.Refused):
            pass
        finally:
            for stream in self.streams.values():
                stream.reader.feed_eof()
            self.lost.set()

    def take(self, command, number, payload):
        if command == SYN:
            self.syns += 1
            stream = self.streams[number] = Stream(self, number)
            self.keep(self.serve(stream))
            return
        stream = self.streams.get(number)
        if stream is None:
            return
        if command == PSH:
            stream.feed(payload)
        elif command == FIN:
            stream.ended = True
            stream.reader.feed_eof()
            stream.credit.set()
        elif command == UPD:
            stream.consumed, stream.window = struct.unpack("<II", payload)
            stream.credit.set()

    async def serve(self, stream):
        try:
            await stream.header()
            await self.origin(self, stream)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError, IndexError):
            # What an origin cannot read, it hangs up on.
            pass
        finally:
            self.streams.pop(stream.number, None)
            if not self.lost.is_set():
                stream.close()

    async def answer_requests(self, stream):
        """An origin: each answer names this peer, the path and the digest of the request's body."""
        while True:
            head = await stream.reader.readuntil(b"\r\n\r\n")
            line, _, fields = head.partition(b"\r\n")
            length = 0
            for field in fields.split(b"\r\n"):
                name, _, value = field.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = await stream.reader.readexactly(length) if length else b""
            self.requests += 1
            path = line.split(b" ")[1].decode("latin-1")
            text = f"{self.name} {path} {hashlib.sha256(body).hexdigest()[:16]}\n".encode("latin-1")
            await stream.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
                               % (len(text), text))

    async def echo(self, stream):
        """An origin that sends back what it reads: also right for datagrams with their lengths."""
        while data := await stream.reader.read(65_536):
            await stream.write(data)

    async def close(self):
        self.carrier.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*list(self.tasks), return_exceptions=True)


async def keep_bound(peer_of, bound, stop):
    """A client that reconnects for ever: `peer_of()` makes each peer, `bound(seconds, peer)` hears how long each BIND
    took to be answered; until `stop` is set."""
    clock = asyncio.get_running_loop().time
    while not stop.is_set():
        peer = peer_of()
        begun = clock()
        try:
            await asyncio.wait_for(peer.bind(), 5)
        except (OSError, BindRefused, carrier.Refused, asyncio.IncompleteReadError, asyncio.TimeoutError):
            await asyncio.sleep(0.05)
            continue
        bound(clock() - begun, peer)
        waits = [asyncio.ensure_future(peer.lost.wait()), asyncio.ensure_future(stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await peer.close()
