"""TLS as tlslite-ng does it, where OpenSSL no longer does: SSL 3.0, heartbeat, compressed certificates.

`tlslite_talk.py server ADDRESS PORT CHAIN KEY ACT` serves one page; `tlslite_talk.py client ADDRESS PORT NAME KEYS ACT`
asks for it and writes the key log. Acts: ssl30, heartbeat (TLS 1.2; the client sends two requests), any.
"""
from __future__ import annotations

import socket
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

api: Any = import_module("tlslite.api")              # it brings no types
BODY = b"".join(b"%06d the quick brown fox jumps over the lazy dog, line by line\n" % n for n in range(15))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
PAGE = HEAD % len(BODY) + BODY
VERSIONS = {"ssl30": (3, 0), "heartbeat": (3, 3)}


def settings(act: str) -> Any:
    made = api.HandshakeSettings()
    if act in VERSIONS:
        made.minVersion = made.maxVersion = VERSIONS[act]
    made.use_heartbeat_extension = act == "heartbeat"
    return made


def serve(address: str, port: int, chain_file: str, key_file: str, act: str) -> None:
    """One thread a connection."""
    chain = api.X509CertChain()
    chain.parsePemList(Path(chain_file).read_text())
    key = api.parsePEMKey(Path(key_file).read_text(), private=True)

    def meet(plain: socket.socket) -> None:
        connection = api.TLSConnection(plain)
        try:
            connection.handshakeServer(certChain=chain, privateKey=key, settings=settings(act), alpn=[b"http/1.1"])
            asked = bytearray()
            while b"\r\n\r\n" not in asked:
                asked += connection.read(min=1)
            connection.write(PAGE)
            connection.close()
        except (OSError, api.TLSError) as error:
            print(error)

    with socket.create_server((address, port)) as listener:
        while True:
            threading.Thread(target=meet, args=(listener.accept()[0],), daemon=True).start()


def fetch(address: str, port: int, name: str, keys: str, act: str) -> None:
    chosen = settings(act)
    with socket.create_connection((address, port)) as plain:
        connection = api.TLSConnection(plain)
        if act == "heartbeat":
            chosen.heartbeat_response_callback = print
        connection.handshakeClientCert(settings=chosen, serverName=name)
        line = f"CLIENT_RANDOM {connection._clientRandom.hex()} {connection.session.masterSecret.hex()}\n"
        Path(keys).write_text(line)
        if act == "heartbeat":
            for number in range(2):
                connection.send_heartbeat_request(b"are you there? %d" % number, 16)
                time.sleep(0.3)
        connection.write(f"GET /page.txt HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        while connection.read(max=16384):
            pass


def main(arguments: list[str]) -> None:
    role, address, port, *rest = arguments
    if role == "server":
        serve(address, int(port), *rest)
    else:
        fetch(address, int(port), *rest)


if __name__ == "__main__":
    main(sys.argv[1:])
