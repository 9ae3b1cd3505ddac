"""One TLS connection of Python's ssl, step by step: `tls.py listen|connect ADDRESS PORT SETTING... open STEP...`.

Settings: cert:CHAIN:KEY, trust:FILE (verify the peer against it), name:NAME (SNI, and what the certificate must say),
anyone (verify nothing), keys:FILE (key log), alpn:NAME,NAME, versions:LOW:HIGH (1.2, 1.3), ciphers:OPENSSL-STRING.
Steps: hello (send the ClientHello and do no more), handshake (otherwise made with the first data),
send:BYTES, get:PATH, recv:BYTES, eof, sleep:SECONDS, notify (send close_notify and wait for the peer's),
close (of TCP alone), reset.
An error of the peer's making, or of the handshake, is printed and ends it quietly.
"""
from __future__ import annotations

import socket
import ssl
import struct
import sys
import time
from contextlib import suppress

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def body(length: int) -> bytes:
    """Text in numbered lines, so that an offset can be read off the bytes."""
    return b"".join(b"%015d\n" % n for n in range(length // 16 + 1))[:length]


class Talk:
    def __init__(self, role: str, address: str, port: int) -> None:
        self.server = role == "listen"
        self.address, self.port = address, port
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if self.server else ssl.PROTOCOL_TLS_CLIENT)
        self.name = ""

    def setting(self, name: str, values: list[str]) -> None:
        context = self.context
        if name == "cert":
            context.load_cert_chain(values[0], values[1])
        elif name == "trust":
            context.load_verify_locations(values[0])
        elif name == "name":
            self.name = values[0]
        elif name == "anyone":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif name == "keys":
            context.keylog_filename = values[0]
        elif name == "alpn":
            context.set_alpn_protocols(values[0].split(","))
        elif name == "versions":
            context.minimum_version, context.maximum_version = VERSIONS[values[0]], VERSIONS[values[1]]
        elif name == "ciphers":
            context.set_ciphers(":".join(values))
        else:
            raise SystemExit(f"no such setting: {name}")

    def open(self) -> ssl.SSLSocket:
        if self.server:
            with socket.create_server((self.address, self.port)) as listener:
                plain = listener.accept()[0]
        else:
            plain = socket.create_connection((self.address, self.port))
        return self.context.wrap_socket(plain, server_side=self.server, do_handshake_on_connect=False,
                                        suppress_ragged_eofs=True, server_hostname=self.name or None)

    def act(self, s: ssl.SSLSocket, name: str, values: list[str]) -> None:
        if name == "handshake":
            s.do_handshake()
        elif name == "hello":
            s.setblocking(False)
            with suppress(ssl.SSLWantReadError):
                s.do_handshake()
            s.setblocking(True)
        elif name == "send":
            s.sendall(body(int(values[0])))
        elif name == "get":
            s.sendall(f"GET {values[0]} HTTP/1.1\r\nHost: {self.name or self.address}\r\n\r\n".encode())
        elif name == "recv":
            left = int(values[0])
            while left > 0 and (got := s.recv(min(left, 65536))):
                left -= len(got)
        elif name == "eof":
            while s.recv(65536):
                pass
        elif name == "sleep":
            time.sleep(float(values[0]))
        elif name == "notify":
            s.unwrap()
        elif name == "close":
            s.close()
        elif name == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        else:
            raise SystemExit(f"no such step: {name}")


def main(arguments: list[str]) -> None:
    role, address, port, *words = arguments
    talk = Talk(role, address, int(port))
    at = words.index("open")
    for word in words[:at]:
        name, *values = word.split(":")
        talk.setting(name, values)
    s = talk.open()
    for word in words[at + 1:]:
        name, *values = word.split(":")
        try:
            talk.act(s, name, values)
        except OSError as error:
            print(f"{name}: {error}")
            s.close()


if __name__ == "__main__":
    main(sys.argv[1:])
