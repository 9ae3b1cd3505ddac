"""Questions and answers over UDP in a form of nobody's: `udp.py serve ADDRESS PORT MS...` answers each datagram so many
milliseconds later, in turn; `udp.py ask ADDRESS PORT COUNT MS...` asks so often, with pauses of so many milliseconds;
`udp.py stream ADDRESS PORT COUNT MS...` never waits for an answer."""
from __future__ import annotations

import socket
import sys
import time
from itertools import cycle

QUESTION, ANSWER = b"\xf7ask\x00", b"\xf7say\x01"


def serve(s: socket.socket, pauses: list[float]) -> None:
    late = cycle(pauses)
    while True:
        data, end = s.recvfrom(2_000)
        time.sleep(next(late) / 1_000)
        s.sendto(ANSWER + data[len(QUESTION):] + b"\x00" * 90, end)


def ask(s: socket.socket, count: int, pauses: list[float], *, wait: bool) -> None:
    for number, pause in zip(range(count), cycle(pauses), strict=False):
        s.send(QUESTION + number.to_bytes(4, "big"))
        if wait:
            s.recv(2_000)
        time.sleep(pause / 1_000)


def main(arguments: list[str]) -> None:
    what, address, port, *rest = arguments
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        if what == "serve":
            s.bind((address, int(port)))
            serve(s, [float(one) for one in rest])
        s.connect((address, int(port)))
        ask(s, int(rest[0]), [float(one) for one in rest[1:]], wait=what == "ask")


if __name__ == "__main__":
    main(sys.argv[1:])
