"""Clients of a web server, on connections they keep: `visitor.py events ADDRESS PORT PATH TIMES` reads server-sent
events and comes back with the last identifier; `visitor.py player ADDRESS PORT PATH` plays a stream: reads a playlist
(HLS) or a manifest (DASH), then segments as a player with a short buffer does, first a low quality, then a higher one;
`visitor.py pages ADDRESS PORT PATH SECONDS...` fetches pages, the numbers 0, 1 and so on in place of the asterisk in
PATH, each so long after the one before.
"""
from __future__ import annotations

import re
import sys
import time
from http.client import HTTPConnection

RETRY_S = 0.5
SEGMENT_S = 0.5                  # playing time of one segment


def events(address: str, port: int, path: str, times: int) -> None:
    last = ""
    for _ in range(times):
        connection = HTTPConnection(address, port)
        fields = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if last:
            fields["Last-Event-ID"] = last
        connection.request("GET", path, headers=fields)
        with connection.getresponse() as answer:
            for line in answer:
                if line.startswith(b"id:"):
                    last = line[3:].strip().decode()
        connection.close()
        time.sleep(RETRY_S)


def fetched(connection: HTTPConnection, path: str) -> str:
    connection.request("GET", path)
    return connection.getresponse().read().decode("latin-1")


def player(address: str, port: int, path: str) -> None:
    connection = HTTPConnection(address, port)
    listing = fetched(connection, path)
    folder = path.rsplit("/", 1)[0]
    if listing.startswith("#EXTM3U"):
        low, high = (fetched(connection, f"{folder}/{name}").split() for name in listing.split() if name[0] != "#")
        segments = [[line for line in quality if line[0] != "#"] for quality in (low, high)]
    else:
        names = re.findall(r'media="([^"]+)"', listing)
        segments = [[name.replace("$Number$", str(n)) for n in range(1, 7)] for name in names]
        for name in re.findall(r'initialization="([^"]+)"', listing):
            fetched(connection, f"{folder}/{name}")
    for number in range(6):
        began = time.monotonic()
        fetched(connection, f"{folder}/{segments[0 if number < 3 else 1][number]}")
        time.sleep(max(0.0, SEGMENT_S - (time.monotonic() - began)))


def pages(address: str, port: int, path: str, pauses: list[float]) -> None:
    connection = HTTPConnection(address, port)
    for number, pause in enumerate([*pauses, 0.0]):
        fetched(connection, path.replace("*", str(number)))
        time.sleep(pause)
    connection.close()


def main(arguments: list[str]) -> None:
    what, address, port, path, *rest = arguments
    if what == "events":
        events(address, int(port), path, int(rest[0]))
    elif what == "player":
        player(address, int(port), path)
    elif what == "pages":
        pages(address, int(port), path, [float(pause) for pause in rest])
    else:
        raise SystemExit(f"no such visitor: {what}")


if __name__ == "__main__":
    main(sys.argv[1:])
