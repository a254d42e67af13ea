"""Carriers of the tunnel port seen from a client: TCP, and WebSocket as a byte pipe (protocol transports §3, §5)."""
import asyncio
import base64
import hashlib
import os
import socket
import struct

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Refused(Exception):
    """The other side did not take the connection as what we meant."""


class TcpCarrier:
    """A plain connection."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @property
    def local(self):
        return self.writer.get_extra_info("sockname")

    async def exactly(self, count):
        return await self.reader.readexactly(count)

    def put(self, data):
        self.writer.write(data)

    async def drain(self):
        await self.writer.drain()

    def close(self):
        self.writer.close()


class WebSocketCarrier(TcpCarrier):
    """Messages of any shape in, one masked binary message for each write out."""

    def __init__(self, reader, writer):
        super().__init__(reader, writer)
        self.ready = bytearray()

    async def upgrade(self, host, path):
        key = base64.b64encode(os.urandom(16))
        self.writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n\r\n".encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        expected = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
        if not head.startswith(b"HTTP/1.1 101 ") or expected not in head:
            raise Refused(head[:200])

    async def exactly(self, count):
        while len(self.ready) < count:
            await self.message_part()
        data = bytes(self.ready[:count])
        del self.ready[:count]
        return data

    async def message_part(self):
        first, second = await self.reader.readexactly(2)
        length = second & 0x7F
        if second & 0x80:
            raise Refused("the server masks its frames")
        if length == 126:
            length = struct.unpack(">H", await self.reader.readexactly(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", await self.reader.readexactly(8))[0]
        payload = await self.reader.readexactly(length)
        code = first & 0x0F
        if code in (0, 1, 2):
            self.ready += payload
        elif code == 8:
            raise asyncio.IncompleteReadError(b"", None)
        elif code == 9:
            self.frame(10, payload)

    def frame(self, code, data):
        mask = os.urandom(4)
        count = len(data)
        if count < 126:
            head = struct.pack(">BB", 0x80 | code, 0x80 | count)
        elif count < 65_536:
            head = struct.pack(">BBH", 0x80 | code, 0xFE, count)
        else:
            head = struct.pack(">BBQ", 0x80 | code, 0xFF, count)
        key = (mask * (count // 4 + 1))[:count]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(count, "big")
        self.writer.write(head + mask + masked)

    def put(self, data):
        self.frame(2, data)


async def connect(kind, port, path="/ws", receive_bytes=None):
    """A carrier of the given kind to a tunnel port on this machine. `receive_bytes`: no more than about that much is
    taken in by the kernel while nobody reads; otherwise it grows to megabytes."""
    if receive_bytes is None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    else:
        # Said before the connection is made: a window that was promised is not taken back.
        end = socket.socket()
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        end.setblocking(False)
        await asyncio.get_running_loop().sock_connect(end, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=end, limit=1 << 20)
    if kind == "tcp":
        return TcpCarrier(reader, writer)
    carrier = WebSocketCarrier(reader, writer)
    await carrier.upgrade(f"127.0.0.1:{port}", path)
    return carrier
