"""Datagrams: a service that echoes them, and senders that ask again, as a resolver does."""
import asyncio
import socket


class EchoService(asyncio.DatagramProtocol):
    """Sends every datagram back to where it came from, and notes the senders."""

    def __init__(self):
        self.senders = set()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, sender):
        self.senders.add(sender)
        self.transport.sendto(data, sender)

    async def close(self):
        self.transport.close()


async def echo(bench, port=0):
    """The service at a loopback port: (service, port)."""
    transport, service = await asyncio.get_running_loop().create_datagram_endpoint(
        EchoService, local_addr=("127.0.0.1", port))
    room = transport.get_extra_info("socket")
    room.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    bench.peers.append(service)
    return service, transport.get_extra_info("sockname")[1]


class Sender(asyncio.DatagramProtocol):
    """One socket that asks one address."""

    def __init__(self, port, host="127.0.0.1"):
        self.port, self.host = port, host
        self.answers = asyncio.Queue()

    async def __aenter__(self):
        self.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, remote_addr=(self.host, self.port))
        return self

    async def __aexit__(self, *error):
        self.transport.close()

    def datagram_received(self, data, sender):
        self.answers.put_nowait(data)

    def error_received(self, error):
        """Nobody listens yet; asked again."""

    async def ask(self, question, tries=6, seconds=1.5):
        """The answer that equals the question; None when none came, however often it was asked."""
        for _ in range(tries):
            self.transport.sendto(question)
            end = asyncio.get_running_loop().time() + seconds
            while (left := end - asyncio.get_running_loop().time()) > 0:
                try:
                    answer = await asyncio.wait_for(self.answers.get(), left)
                except asyncio.TimeoutError:
                    break
                if answer == question:
                    return answer
        return None
