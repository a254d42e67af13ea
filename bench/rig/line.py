"""A line to a store on which every command takes as long as it is told to on stdin (`2.0`, `0`): commands of one
connection wait for each other, as they do at a server that is slow. Answers pass at once.

`python3 -m rig.line LISTEN_PORT TARGET_PORT`"""
import asyncio
import json
import sys


async def command(reader):
    """The bytes of the next command: an array of bulk strings (RESP2), or a line of words."""
    head = await reader.readuntil(b"\r\n")
    if not head.startswith(b"*"):
        return head
    parts = [head]
    for _ in range(int(head[1:])):
        length = await reader.readuntil(b"\r\n")
        parts += [length, await reader.readexactly(int(length[1:]) + 2)]
    return b"".join(parts)


class Line:
    def __init__(self, target):
        self.target, self.seconds = target, 0.0

    async def carry(self, reader, writer):
        try:
            onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return writer.close()
        ways = [asyncio.ensure_future(self.ask(reader, onward_writer)),
                asyncio.ensure_future(self.answer(onward_reader, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for each in (writer, onward_writer):
            each.close()

    async def ask(self, reader, writer):
        while True:
            asked = await command(reader)
            if self.seconds:
                await asyncio.sleep(self.seconds)
            writer.write(asked)
            await writer.drain()

    async def answer(self, reader, writer):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


async def main(listen, target):
    line = Line(target)
    await asyncio.start_server(line.carry, "127.0.0.1", listen)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print(json.dumps({"event": "listening"}), flush=True)
    while order := await orders.readline():
        line.seconds = float(order)
        print(json.dumps({"event": f"takes {line.seconds:g} s"}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
