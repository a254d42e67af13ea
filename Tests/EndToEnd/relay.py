"""Relay visitors: CONNECT on a tunnel port, for TCP and UDP (protocol relay §7, mux §7)."""
import asyncio
import struct

import carrier
from peer import address, feature


class Refused(Exception):
    """The server answered a CONNECT with a status."""

    def __init__(self, status):
        super().__init__(f"status {status}")
        self.status = status


def login(user, password):
    """The UserAuth feature."""
    user, password = user.encode(), password.encode()
    return feature(1, bytes([len(user)]) + user + bytes([len(password)]) + password)


class RelayVisitor:
    """One visit."""

    def __init__(self, kind, port, tunnel, host="", udp=False, auth=None, source=("192.0.2.7", 4_711)):
        self.kind, self.port, self.tunnel, self.host = kind, port, tunnel, host
        self.udp, self.auth, self.source = udp, auth, source

    async def open(self):
        """Connects; raises `Refused` with the status of a refusal."""
        self.carrier = await carrier.connect(self.kind, self.port)
        features = feature(4, b"\0\1") if self.udp else b""
        if self.auth:
            features += login(*self.auth)
        features += feature(2, address(*self.source)) + feature(2, address(self.host, 0) if self.host else b"\3\0\0\0")
        features += feature(3, self.tunnel.bytes + bytes(4))
        self.carrier.put(struct.pack(">BBH", 1, 0x81 if self.udp else 1, len(features)) + features)
        version, status, length = struct.unpack(">BBH", await self.carrier.exactly(4))
        if (version, length) != (1, 0):
            raise carrier.Refused(f"answer {version} {status} with {length} bytes")
        if status:
            self.close()
            raise Refused(status)
        return self

    async def __aenter__(self):
        return await self.open()

    async def __aexit__(self, *error):
        self.close()

    def close(self):
        self.carrier.close()

    async def get(self, path="/", seconds=10):
        """One request to the origin at the other end; the text of its answer."""
        self.carrier.put(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

        async def receive():
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += await self.carrier.exactly(1)
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            return (await self.carrier.exactly(length)).decode()
        return await asyncio.wait_for(receive(), seconds)

    def send_datagram(self, data):
        self.carrier.put(struct.pack(">H", len(data)) + data)

    async def datagram(self, seconds=10):
        async def receive():
            length, = struct.unpack(">H", await self.carrier.exactly(2))
            return await self.carrier.exactly(length) if length else b""
        return await asyncio.wait_for(receive(), seconds)


async def status_of(kind, port, tunnel, host="", **keys):
    """0, or the status that a visit is refused with."""
    try:
        async with RelayVisitor(kind, port, tunnel, host, **keys):
            return 0
    except Refused as refusal:
        return refusal.status
