"""HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/): every HTTP exchange with its timings, for browsers' tools.

Times are those of the capture. What a capture cannot know (cache state, pages) is left out; -1 stands for timings that
do not apply, as the format has it. Names of our own begin with an underscore. A body may say anything, so the text of
one is there only where secrets may be shown, and nobody is to be hidden.
"""
from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from operator import attrgetter
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from analyzer import __version__
from analyzer.model import Analysis, Told
from analyzer.report.pseudonyms import Pseudonyms
from analyzer.report.records import verdict_record
from dissectors.kit.event import OPENING, SECURING, Event, JsonValue
from dissectors.kit.units import plural
from dissectors.wire.http.body import Body
from dissectors.wire.http.channel import NO_MESSAGE, ChannelEvent
from dissectors.wire.http.events import ExchangeEvent
from dissectors.wire.http.message import Head, as_text
from dissectors.wire.secrets.data import shown_data
from dissectors.wire.secrets.gate import Said
from dissectors.wire.secrets.named import REDACTED

MAX_QUERY: Final = 200       # parameters of one URL
MAX_HEADERS: Final = 32 << 10    # characters in the fields of one message


def har(analysis: Analysis, names: Pseudonyms | None = None) -> Iterator[str]:
    """The document. names: stand-ins for addresses and host names, where those are not to be shown."""
    entries: list[dict[str, JsonValue]] = []
    for told in analysis.every():
        entries += _entries(told, analysis)
    if names is not None:
        for entry in entries:
            _without_texts(entry)
    entries.sort(key=lambda entry: str(entry["startedDateTime"]))
    log: dict[str, JsonValue] = {
        "_verdict": verdict_record(analysis),
        "version": "1.2", "creator": {"name": "wiretale", "version": __version__}, "pages": [], "entries": [*entries],
    }
    document: JsonValue = {"log": log}
    yield json.dumps(names.value(document) if names is not None else document, ensure_ascii=True, indent=1) + "\n"


def _entries(told: Told, analysis: Analysis) -> list[dict[str, JsonValue]]:
    """The exchanges of one conversation; the first one on it carries what it took to connect."""
    events = [event for phase in told.phases for event in phase.events]
    exchanges = sorted((event for event in events if isinstance(event, ExchangeEvent)), key=attrgetter("times.begun"))
    entries = []
    for index, exchange in enumerate(exchanges):
        if exchange.request is None or exchange.times.begun < 0:
            continue
        begun = exchange.times.begun
        before = _before(told, analysis) if index == 0 else Before(begun)
        entry = _entry(told, exchange, Before(begun) if before.stood_open(begun) else before)
        if _opens(exchange, events):
            _put_messages(entry, exchange, events)
        hidden = shown_data(entry, told.marks)
        entries.append(hidden if isinstance(hidden, dict) else {})
    return entries


def _without_texts(entry: dict[str, JsonValue]) -> None:
    """A body may name anybody, in any way."""
    for side, part in (("request", "postData"), ("response", "content")):
        message = entry.get(side)
        body = message.get(part) if isinstance(message, dict) else None
        if isinstance(body, dict) and body.get("text"):
            body["text"] = ""


class Before:
    """What came before a request on its connection, in ns; -1 for what there was not. start: when that began."""

    def __init__(self, start: int, dns: int = -1, connect: int = -1, tls: int = -1) -> None:
        self.start = start
        self.dns = dns
        self.connect = connect
        self.tls = tls

    def spent(self) -> int:
        return sum(part for part in (self.dns, self.connect, self.tls) if part > 0)

    def stood_open(self, begun: int) -> bool:
        """Whether the connection was there before the request was: browsers open some ahead of need. Nothing shows when
        a request was made, so it is taken for one that waited unless the connection stood open for longer than it took
        to open. Then what it took delayed nobody, and is not of this request, as in the logs of browsers.
        """
        return begun - self.start > 2 * self.spent()


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
        if phase.rank == OPENING and conversation.tcp is not None and conversation.tcp.handshake_rtt_ns >= 0:
            found.connect = phase.end_ns - phase.start_ns
        for event in phase.events:
            if event.rank == SECURING:
                line = Said(event).headline()
                found.tls = line.end_ns - line.start_ns if line is not None else found.tls
    return found


def _request(told: Told, head: Head, exchange: ExchangeEvent) -> dict[str, JsonValue]:
    body, octets = exchange.sent, exchange.wire[0]
    url = head.url()
    secured = any(phase.rank == SECURING for phase in told.phases)
    if url.startswith("/"):     # it names no host: the address has to do
        url = f"{'https' if secured else 'http'}://{told.conversation.responder}{url}"
    elif secured and url.startswith("http://") and not head.scheme:
        url = "https" + url.removeprefix("http")
    out: dict[str, JsonValue] = {
        "method": head.method, "url": url, "httpVersion": head.version, "cookies": _sent_cookies(head),
        "headers": _headers(head), "queryString": _query(url), "headersSize": _head_size(octets, body),
        "bodySize": body.octets,
    }
    if body.octets:
        out["postData"] = {"mimeType": body.type, "params": [], "text": body.content, "comment": body.summary}
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
    if body.content:
        content["text"] = body.content
    return {
        "status": head.status, "statusText": head.reason, "httpVersion": head.version,
        "cookies": _set_cookies(head), "headers": _headers(head), "content": content,
        "redirectURL": as_text(head.get(b"location")), "headersSize": _head_size(octets, body), "bodySize": body.octets,
    }


def _headers(head: Head) -> list[JsonValue]:
    """All fields, up to MAX_HEADERS characters."""
    found: list[JsonValue] = []
    room = MAX_HEADERS
    for name, value in head.pairs:
        room -= len(name) + len(value)
        if room < 0:
            left_out = f"{plural(len(head.pairs) - len(found), 'more field')}: those of one message end here"
            return [*found, {"name": "_left_out", "value": left_out}]
        found.append({"name": as_text(name), "value": as_text(value)})
    return found


def _sent_cookies(head: Head) -> list[JsonValue]:
    """RFC 6265 §4.2.1. Values are redacted like those of the field."""
    pairs = [pair.partition("=") for value in head.all(b"cookie") for pair in as_text(value).split(";")]
    return [{"name": name.strip(), "value": value.strip()} for name, _equals, value in pairs if name.strip()]


def _set_cookies(head: Head) -> list[JsonValue]:
    """RFC 6265 §4.1.1."""
    found: list[JsonValue] = []
    for field in head.all(b"set-cookie"):
        pair, *attributes = [part.strip() for part in as_text(field).split(";")]
        name, _equals, value = pair.partition("=")
        cookie: dict[str, JsonValue] = {"name": name.strip(), "value": value.strip()}
        for attribute in attributes:
            key, _equals, value = attribute.partition("=")
            if key.lower() in ("path", "domain"):
                cookie[key.lower()] = value
            elif key.lower() in ("httponly", "secure"):
                cookie["httpOnly" if key.lower() == "httponly" else "secure"] = True
        found.append(cookie)
    return found


def _query(url: str) -> list[JsonValue]:
    try:
        pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, max_num_fields=MAX_QUERY)
    except ValueError:     # an address that is none, or more parameters than are listed
        return []
    return [{"name": name, "value": value} for name, value in pairs]


def _head_size(octets: int, body: Body) -> int:
    """Octets before the body, framing included; -1 where they are not known."""
    return max(octets - body.octets, 0) if octets >= 0 else -1


def _opens(exchange: ExchangeEvent, events: list[Event]) -> bool:
    """Whether a WebSocket was opened by this exchange: on its stream, and answered as its version does it."""
    response = exchange.response
    if response is None or not (response.status == 101 or (exchange.stream and response.status == 200)):
        return False
    return any(isinstance(one, ChannelEvent) and one.opens() and one.stream == exchange.stream for one in events)


def _put_messages(entry: dict[str, JsonValue], exchange: ExchangeEvent, events: list[Event]) -> None:
    """The messages as Chrome writes them: text as it is, binary data in base64; times in seconds since 1970."""
    found: list[JsonValue] = []
    counted = 0
    for event in events:
        if event.stream != exchange.stream or not isinstance(event, ChannelEvent):
            continue
        counted += event.counted()
        opcode = event.kind_of_message()
        if opcode != NO_MESSAGE:
            fields = Said(event).fields()
            text, octets = fields.get("text"), fields.get("hex")
            if isinstance(octets, str) and REDACTED in octets:
                text, octets = octets, None
            found.append({
                "type": "send" if fields.get("by_client") else "receive", "time": event.time / 1e9, "opcode": opcode,
                "data": base64.b64encode(bytes.fromhex(octets)).decode() if isinstance(octets, str) else text or "",
            })
    request = entry["request"]
    if isinstance(request, dict) and isinstance(request["url"], str) and request["url"].startswith("http"):
        request["url"] = "ws" + request["url"].removeprefix("http")     # RFC 6455 §3
    entry["_resourceType"] = "websocket"
    entry["_webSocketMessages"] = found
    if counted:
        entry["_webSocketMessagesLeftOut"] = counted


def _ms(ns: int) -> float:
    return round(ns / 1e6, 6) if ns >= 0 else -1.0


def _moment(ns: int) -> str:
    """ISO 8601 in UTC with the nanoseconds of the capture."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
