"""Valid conversations of every port, and the ways in which bytes go wrong: the same seed gives the same bytes, whatever
the order in which they are asked for."""
import json
import os
import random
import struct

from peer import address, feature

#: Names of captured conversations whose client side is valid on a tunnel port for WebSocket, or for TCP, or at an
#: entrypoint.
CAPTURED = {
    "ws": ("a-tunnel+ws.conn1", "d-visitor-tunnel+ws.conn1", "e-rudp-bind.conn1", "e-rudp-visitor.conn1",
           "g-auth.conn1", "g-auth.conn2"),
    "tcp": ("b-tunnel+tcp.conn1",),
    "entry": ("c-internode-http.conn1", "c2-internode-connect.conn1"),
}
#: Numbers that are the end of something.
EDGES = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\x00\x00", b"\xff\xff", b"\x7f\xff", b"\x80\x00", b"\xff\xff\xff\xff",
         b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"\r\n", b"\r\n\r\n", b"\n", b": ", b"0\r\n\r\n",
         b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"HTTP/1.1", b"18446744073709551615")


def captured(repository, name):
    """What the client's side of a captured conversation sent, read by read."""
    with open(os.path.join(repository, "Tests", "Vectors", f"{name}.json"), encoding="utf-8") as file:
        return [bytes.fromhex(record["hex"]) for record in json.load(file) if record["dir"] == "c2s"]


def smux(command, stream, payload=b"", version=2):
    return struct.pack("<BBHI", version, command, len(payload), stream) + payload


def masked(payload, code=2):
    """A client's WebSocket message; the zero mask keeps it readable to whoever mutates it."""
    count = len(payload)
    head = bytes([0x80 | code, 0x80 | count]) if count < 126 else struct.pack(">BBH", 0x80 | code, 0xFE, count)
    return head + bytes(4) + payload


def written(host, chance):
    """{port: [conversation]} of our own making, a conversation being the pieces in which it is sent."""
    features = feature(2, address("127.0.0.1", 1)) + feature(2, address("0.0.0.0", 0))
    features += feature(3, chance.randbytes(16) + bytes(4))
    bind = struct.pack(">BBH", 1, 2, len(features)) + features
    visit = struct.pack(">BBH", 1, 1, len(features)) + features
    frames = [smux(3, 0), smux(4, 3, struct.pack("<II", 4, 65_536)), smux(2, 3, b"x" * 100), smux(1, 3),
              smux(0, 9), smux(16, 3), smux(17, 3, b"\1\0\0\0"), smux(18, 3)]
    upgrade = (b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    name = host.encode()
    head = b" HTTP/1.1\r\nHost: " + name + b"\r\n"
    return {
        "tcp": [[bind, *frames], [bind + b"".join(frames)], [visit, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]],
        "ws": [[upgrade, masked(bind), *map(masked, frames)], [upgrade + masked(bind) + masked(b"".join(frames))],
               [upgrade, masked(bind), masked(b"ping", 9), masked(b"\x03\xe8", 8)], [upgrade, masked(visit)]],
        "entry": [
            [b"POST /a" + head + b"Content-Length: 5\r\nX-A: b\r\n\r\nhello",
             b"GET /b" + head + b"Connection: close\r\n\r\n"],
            [b"GET /%d" % number + head + b"\r\n" for number in range(4)],
            [b"POST /c" + head + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n", b"0\r\nA: b\r\n\r\n",
             b"HEAD /d" + head + b"\r\n"],
            [b"GET /e" + head + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"\x81\x85\0\0\0\0hello"],
            [b"PUT /f" + head + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", b"abc"],
            [b"GET http://" + name + b"/g" + head + b"Connection: keep-alive\r\n\r\n"],
        ],
        "admin": [[b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"], [b"GET /dump HTTP/1.1\r\nHost: a\r\n\r\n"]],
    }


class Mutations:
    """Mutated conversations of every port, by number."""

    def __init__(self, seed, host, repository):
        self.seed = seed
        self.valid = written(host, random.Random(f"{seed}"))
        for port, names in CAPTURED.items():
            self.valid[port] += [captured(repository, name) for name in names]

    def conversation(self, port, number):
        """(pieces to send, whether to leave without waiting for the answer) of one attack on a port."""
        chance = random.Random(f"{self.seed} {port} {number}")
        pieces = list(chance.choice(self.valid[port]))
        for _ in range(chance.choice((1, 1, 1, 2, 2, 4, 8))):
            chance.choice(self.ways)(self, pieces, port, chance)
        return [piece for piece in pieces if piece], chance.random() < 0.3

    # The ways. Each changes one piece, or the order of all.

    def flip(self, pieces, port, chance):
        at, data = self.pick(pieces, chance)
        for _ in range(chance.randrange(1, 9)):
            place = chance.randrange(len(data))
            data[place] ^= 1 << chance.randrange(8)
        pieces[at] = bytes(data)

    def overwrite(self, pieces, port, chance):
        at, data = self.pick(pieces, chance)
        place = chance.randrange(len(data))
        edge = chance.choice(EDGES)
        data[place:place + len(edge)] = edge
        pieces[at] = bytes(data)

    def insert(self, pieces, port, chance):
        at, data = self.pick(pieces, chance)
        place = chance.randrange(len(data) + 1)
        data[place:place] = chance.choice((chance.choice(EDGES), chance.randbytes(chance.randrange(1, 60)),
                                           chance.choice(EDGES) * chance.randrange(1, 2_000)))
        pieces[at] = bytes(data)

    def cut(self, pieces, port, chance):
        at, data = self.pick(pieces, chance)
        first, last = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
        del data[first:last]
        pieces[at] = bytes(data)

    def stop(self, pieces, port, chance):
        at, data = self.pick(pieces, chance)
        pieces[at] = bytes(data[:chance.randrange(len(data))])
        del pieces[at + 1:]

    def repeat(self, pieces, port, chance):
        at, data = self.pick(pieces, chance)
        first, last = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
        place = chance.randrange(len(data) + 1)
        data[place:place] = data[first:last] * chance.randrange(1, 4)
        pieces[at] = bytes(data)

    def reverse(self, pieces, port, chance):
        at, data = self.pick(pieces, chance)
        pieces[at] = bytes(data[::-1])

    def shuffle(self, pieces, port, chance):
        chance.shuffle(pieces)

    def again(self, pieces, port, chance):
        at, data = self.pick(pieces, chance)
        pieces[at:at] = [bytes(data)] * chance.randrange(1, 6)

    def cross(self, pieces, port, chance):
        """The beginning of one conversation, the end of another, maybe another port's."""
        other = self.valid[chance.choice(sorted(self.valid))] if chance.random() < 0.3 else self.valid[port]
        del pieces[chance.randrange(len(pieces) + 1):]
        tail = chance.choice(other)
        pieces.extend(tail[chance.randrange(len(tail)):])

    def noise(self, pieces, port, chance):
        pieces.append(chance.randbytes(chance.randrange(1, 3_000)))

    ways = (flip, flip, overwrite, overwrite, insert, cut, stop, repeat, reverse, shuffle, again, cross, noise)

    @staticmethod
    def pick(pieces, chance):
        """One piece that is not empty, to be changed; noise where there is none."""
        full = [at for at, piece in enumerate(pieces) if piece]
        if not full:
            pieces.append(chance.randbytes(chance.randrange(1, 60)))
            full = [len(pieces) - 1]
        at = chance.choice(full)
        return at, bytearray(pieces[at])
