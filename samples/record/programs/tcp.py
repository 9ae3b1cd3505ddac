"""One TCP connection, step by step: `tcp.py listen|connect ADDRESS PORT STEP...`.

Steps before `open` set the socket up: bind:PORT, rcvbuf:BYTES, mss:BYTES, nodelay, keepalive:IDLE:INTERVAL:COUNT
(seconds), cc:NAME (the congestion control), md5:ADDRESS:KEY (RFC 2385, for segments of and to that IPv4 address),
at:EPOCH (wait for that time). `open` accepts or connects. Then: send:BYTES, get:PATH (an HTTP/1.1 request), get10:PATH
(HTTP/1.0: the server closes), say:FILE (its bytes), recv:BYTES, eof (read to the end), sleep:SECONDS,
drip:BYTES:TIMES:SECONDS (send, pause), at:EPOCH, shutdown (end of sending), close, reset (close with RST). `again`
(listen only) starts over with `open`: another connection. An error of the peer's making ends it quietly.
"""
from __future__ import annotations

import socket
import struct
import sys
import time
from pathlib import Path

TCP_MD5SIG = 14     # linux/tcp.h, struct tcp_md5sig


class Talk:
    def __init__(self, role: str, address: str, port: int) -> None:
        self.role, self.address, self.port = role, address, port
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener: socket.socket | None = None
        if role == "listen":
            self.listener = self.socket

    def option(self, name: str, values: list[str]) -> bool:
        s = self.socket
        if name == "bind":
            s.bind((values[0], int(values[1])) if len(values) > 1 else ("", int(values[0])))
        elif name == "rcvbuf":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(values[0]))
        elif name == "mss":
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, int(values[0]))
        elif name == "cc":
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, values[0].encode())
        elif name == "nodelay":
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        elif name == "md5":
            peer = struct.pack("=H", socket.AF_INET) + bytes(2) + socket.inet_aton(values[0])
            key = values[1].encode()
            s.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, struct.pack("=128sBBHi80s", peer, 0, 0, len(key), 0, key))
        elif name == "keepalive":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            for which, value in zip(options, values, strict=True):
                s.setsockopt(socket.IPPROTO_TCP, which, int(value))
        else:
            return False
        return True

    def open(self) -> None:
        if self.listener is None:
            self.socket.connect((self.address, self.port))
            return
        if self.listener.getsockname()[1] == 0:
            self.listener.bind((self.address, self.port))
            self.listener.listen(8)
        self.socket = self.listener.accept()[0]

    def act(self, name: str, values: list[str]) -> None:
        s = self.socket
        if name == "send":
            s.sendall(body(int(values[0])))
        elif name == "get":
            s.sendall(f"GET {values[0]} HTTP/1.1\r\nHost: {self.address}\r\n\r\n".encode())
        elif name == "get10":
            s.sendall(f"GET {values[0]} HTTP/1.0\r\nHost: {self.address}\r\n\r\n".encode())
        elif name == "say":
            s.sendall(Path(values[0]).read_bytes())
        elif name == "recv":
            left = int(values[0])
            while left > 0 and (got := s.recv(min(left, 65536))):
                left -= len(got)
        elif name == "eof":
            while s.recv(65536):
                pass
        elif name == "sleep":
            time.sleep(float(values[0]))
        elif name == "at":
            time.sleep(max(0.0, float(values[0]) - time.time()))
        elif name == "drip":
            for _ in range(int(values[1])):
                s.sendall(body(int(values[0])))
                time.sleep(float(values[2]))
        elif name == "shutdown":
            s.shutdown(socket.SHUT_WR)
        elif name == "close":
            s.close()
        elif name == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        else:
            raise SystemExit(f"no such step: {name}")


def body(length: int) -> bytes:
    """Text in numbered lines, so that an offset can be read off the bytes."""
    return b"".join(b"%015d\n" % n for n in range(length // 16 + 1))[:length]


def main(arguments: list[str]) -> None:
    role, address, port, *steps = arguments
    talk = Talk(role, address, int(port))
    position = 0
    while position < len(steps):
        name, *values = steps[position].split(":")
        position += 1
        if name == "open":
            talk.open()
        elif name == "again":
            position = steps.index("open")
        elif not talk.option(name, values):
            try:
                talk.act(name, values)
            except OSError as error:
                print(f"{name}: {error}")
                talk.socket.close()


if __name__ == "__main__":
    main(sys.argv[1:])
