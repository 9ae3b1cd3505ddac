"""HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/): every HTTP exchange with its timings, for browsers' tools.

Times are those of the capture. What a capture cannot know (cache state, pages) is left out; -1 stands for timings that
do not apply, as the format has it. Names of our own begin with an underscore.
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from operator import attrgetter
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from analyzer import __version__
from analyzer.model import Analysis, Told
from dissectors.kit.event import Event, JsonValue
from dissectors.wire.http.body import Body
from dissectors.wire.http.events import ExchangeEvent
from dissectors.wire.http.message import Head, as_text

MESSAGE: Final = "websocket.message"
MAX_QUERY: Final = 200       # parameters of one URL


def har(analysis: Analysis) -> Iterator[str]:
    """The document."""
    entries: list[dict[str, JsonValue]] = []
    for told in analysis.told:
        entries += _entries(told, analysis)
    entries.sort(key=lambda entry: str(entry["startedDateTime"]))
    log: dict[str, JsonValue] = {
        "version": "1.2", "creator": {"name": "wiretale", "version": __version__}, "pages": [], "entries": [*entries],
    }
    yield json.dumps({"log": log}, ensure_ascii=True, indent=1) + "\n"


def _entries(told: Told, analysis: Analysis) -> list[dict[str, JsonValue]]:
    """The exchanges of one conversation; the first one on it carries what it took to connect."""
    events = [event for phase in told.phases for event in phase.events]
    exchanges = sorted((event for event in events if isinstance(event, ExchangeEvent)), key=attrgetter("times.begun"))
    entries = []
    for index, exchange in enumerate(exchanges):
        if exchange.request is None or exchange.times.begun < 0:
            continue
        entry = _entry(told, exchange, _before(told, analysis) if index == 0 else Before(exchange.times.begun))
        if index == len(exchanges) - 1:
            messages = _messages(events)
            if messages:
                entry["_resourceType"] = "websocket"
                entry["_webSocketMessages"] = messages
        entries.append(entry)
    return entries


class Before:
    """What came before a request on its connection, in ns; -1 for what there was not. start: when that began."""

    def __init__(self, start: int, dns: int = -1, connect: int = -1, tls: int = -1) -> None:
        self.start = start
        self.dns = dns
        self.connect = connect
        self.tls = tls

    def spent(self) -> int:
        return sum(part for part in (self.dns, self.connect, self.tls) if part > 0)


def _entry(told: Told, exchange: ExchangeEvent, before: Before) -> dict[str, JsonValue]:
    times = exchange.times
    dns, connect, tls = before.dns, before.connect, before.tls
    idle = max(times.begun - before.start - before.spent(), 0)   # the connection stood open before it was used
    send, wait, receive = times.sent_ns(), times.waited_ns(), times.received_ns()
    timings: dict[str, JsonValue] = {
        "blocked": _ms(times.blocked_ns() + idle), "dns": _ms(dns),
        "connect": _ms(connect + max(tls, 0) if connect >= 0 else -1),
        "ssl": _ms(tls), "send": _ms(max(send, 0)), "wait": _ms(max(wait, 0)), "receive": _ms(max(receive, 0)),
    }
    spent = [value for name, value in timings.items() if name != "ssl" and isinstance(value, float) and value > 0]
    conversation = told.conversation
    request, response = exchange.request, exchange.response
    return {
        "startedDateTime": _moment(before.start), "time": round(sum(spent), 6),
        "request": _request(told, request, exchange) if request is not None else {},
        "response": _response(response, exchange.received, exchange.wire[1]),
        "cache": {}, "timings": timings, "serverIPAddress": conversation.responder.address,
        "connection": str(conversation.number), "_conversation": conversation.number, "_stream": exchange.stream,
        "_frames": [*exchange.evidence.frames], "_ended": exchange.ended,
    }


def _before(told: Told, analysis: Analysis) -> Before:
    """Lookup, TCP and TLS handshake of the conversation."""
    conversation = told.conversation
    found = Before(conversation.start_ns)
    for lookup in analysis.lookups:
        if conversation.responder.address in lookup.addresses and lookup.end_ns <= conversation.start_ns:
            found.start, found.dns = lookup.start_ns, lookup.end_ns - lookup.start_ns
    for phase in told.phases:
        if phase.kind == "handshake" and conversation.tcp is not None and conversation.tcp.handshake_rtt_ns >= 0:
            found.connect = phase.end_ns - phase.start_ns
        for event in phase.events:
            if event.name == "tls.established":
                line = event.headline()
                found.tls = line.end_ns - line.start_ns if line is not None else found.tls
    return found


def _request(told: Told, head: Head, exchange: ExchangeEvent) -> dict[str, JsonValue]:
    body, octets = exchange.sent, exchange.wire[0]
    url = head.url()
    if url.startswith("/"):     # it names no host: the address has to do
        scheme = "https" if told.conversation.protocol == "tls" else "http"
        url = f"{scheme}://{told.conversation.responder}{url}"
    out: dict[str, JsonValue] = {
        "method": head.method, "url": url, "httpVersion": head.version, "cookies": [], "headers": _headers(head),
        "queryString": _query(url), "headersSize": _head_size(octets, body), "bodySize": body.octets,
    }
    if body.octets:
        out["postData"] = {"mimeType": body.type, "params": [], "text": "", "comment": body.summary}
    return out


def _response(head: Head | None, body: Body, octets: int) -> dict[str, JsonValue]:
    if head is None:   # as browsers write a request without an answer
        return {
            "status": 0, "statusText": "", "httpVersion": "", "cookies": [], "headers": [],
            "content": {"size": 0, "mimeType": ""}, "redirectURL": "", "headersSize": -1, "bodySize": -1,
        }
    size = body.decoded if body.decoded >= 0 else body.octets
    content: dict[str, JsonValue] = {"size": size, "mimeType": body.type, "comment": body.summary}
    if body.decoded >= 0 and body.codings:
        content["compression"] = body.decoded - body.octets
    return {
        "status": head.status, "statusText": head.reason, "httpVersion": head.version, "cookies": [],
        "headers": _headers(head), "content": content, "redirectURL": as_text(head.get(b"location")),
        "headersSize": _head_size(octets, body), "bodySize": body.octets,
    }


def _headers(head: Head) -> list[JsonValue]:
    return [{"name": as_text(name), "value": as_text(value)} for name, value in head.pairs]


def _query(url: str) -> list[JsonValue]:
    try:
        pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, max_num_fields=MAX_QUERY)
    except ValueError:     # an address that is none, or more parameters than are listed
        return []
    return [{"name": name, "value": value} for name, value in pairs]


def _head_size(octets: int, body: Body) -> int:
    """Octets before the body, framing included; -1 where they are not known."""
    return max(octets - body.octets, 0) if octets >= 0 else -1


def _messages(events: list[Event]) -> list[JsonValue]:
    """As Chrome writes them."""
    found: list[JsonValue] = []
    for event in events:
        if event.name == MESSAGE:
            fields = event.fields()
            found.append({
                "type": "send" if event.direction == 0 else "receive", "time": event.time / 1e9,
                "opcode": fields.get("opcode"), "data": fields.get("text", fields.get("preview", "")),
            })
    return found


def _ms(ns: int) -> float:
    return round(ns / 1e6, 6) if ns >= 0 else -1.0


def _moment(ns: int) -> str:
    """ISO 8601 in UTC with the nanoseconds of the capture."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
