"""The services behind the tunnels of the failover bench, a process of their own: one port for each connector, so that
it is known which way a request came, and a line for each that came in whole. Every answer says whose it is.

`python3 -m rig.services SPECIFICATION.json`"""
import asyncio
import gc
import json
import sys

from .exchange import PAUSE_SECONDS, download


class Service:
    """What one connector leads to."""

    def __init__(self, tunnel, name, deliveries):
        self.tunnel, self.name, self.deliveries = tunnel, name, deliveries

    async def serve(self, reader, writer):
        try:
            while await self.exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def exchange(self, reader, writer):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        # Requests without a number are the rig's own: whether somebody answers.
        number = fields.get("x-request", "0")
        self.deliveries.write(f"{number}\t{self.tunnel}\t{self.name}\n")
        closes = fields.get("connection", "").lower() == "close"
        answer = download(self.tunnel, number, body)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n"
        head += "Connection: close\r\n\r\n" if closes else "\r\n"
        pause = lines[0].split(" ")[1].lstrip("/")
        half = len(answer) // 2 if pause == "within" else 0
        if half:
            writer.write(head.encode() + answer[:half])
            head = ""
        if pause:
            await asyncio.sleep(PAUSE_SECONDS)
        writer.write(head.encode() + answer[half:])
        await writer.drain()
        return not closes


async def serve(specification):
    with open(specification["deliveries"], "w", buffering=1) as deliveries:
        for each in specification["services"]:
            service = Service(each["tunnel"], each["name"], deliveries)
            await asyncio.start_server(service.serve, "127.0.0.1", each["port"])
        print(json.dumps({"event": "listening"}), flush=True)
        await asyncio.Event().wait()


def main():
    with open(sys.argv[1]) as file:
        specification = json.load(file)
    gc.disable()
    asyncio.run(serve(specification))


if __name__ == "__main__":
    main()
