"""One request of the failover bench and its answer: both sides compute both from the request's number, so that every
byte is compared and an answer says whose it is."""
import zlib

#: Seconds that some origins take before they answer, or in the middle of an answer: without them hardly anything would
#: be under way when a fault comes.
PAUSE_SECONDS = 0.05
BODY_BYTES = 1_024
#: The verdict on the answer that was due.
RIGHT = "right"
#: What may be done twice (RFC 9110 §9.2.2), and so be repeated by whoever does not know whether it was done.
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class Plan:
    """What a request of a number is. `pause` is "", "before" (the answer begins late) or "within" (its second half
    does)."""

    def __init__(self, number, tunnels):
        mixed = zlib.crc32(b"%d" % number)
        self.number = number
        self.tunnel = mixed % tunnels
        self.method = ("GET", "POST")[mixed >> 8 & 1]
        self.pause = {0: "before", 1: "within"}.get(mixed >> 9 & 7, "")

    @property
    def pause_seconds(self):
        return PAUSE_SECONDS if self.pause else 0.0

    def head(self, host, closes):
        lines = [f"{self.method} /{self.pause} HTTP/1.1", f"Host: {host}", f"X-Request: {self.number}"]
        if self.method == "POST":
            lines.append(f"Content-Length: {BODY_BYTES}")
        if closes:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode()

    def body(self):
        return upload(self.number) if self.method == "POST" else b""

    def answer(self):
        return download(self.tunnel, self.number, self.body())


def upload(number):
    return f"request {number} ".encode().ljust(BODY_BYTES, b"+")


def download(tunnel, number, uploaded):
    return f"tunnel {tunnel} request {number} took {zlib.crc32(uploaded)} ".encode().ljust(BODY_BYTES, b"-")


def verdict(plan, status, body):
    """What an answer is: `RIGHT`, or what is wrong with it. One that another tunnel or request should have had is
    "misrouted"."""
    if status != 200:
        return f"status {status}"
    if body == plan.answer():
        return RIGHT
    words = body.split(b" ", 4)
    if len(words) == 5 and words[0] == b"tunnel" and words[2] == b"request":
        tunnel, number = words[1].decode(errors="replace"), words[3].decode(errors="replace")
        if tunnel != str(plan.tunnel):
            return f"misrouted: the answer of tunnel {tunnel[:20]}"
        if number != str(plan.number):
            return f"misrouted: the answer of request {number[:20]}"
    return "a wrong body"
