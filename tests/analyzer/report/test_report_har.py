"""HAR: what the format prescribes, timings that add up, WebSocket messages as browsers write them."""
from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from sample_feeds import SAMPLES, sample_captures, sample_name

from analyzer.pipeline.run import Options, analyze
from analyzer.report.har import har
from analyzer.report.pseudonyms import Pseudonyms
from dissectors.kit.provided import Provided
from dissectors.protocols.websocket.events import WsMessageRun
from dissectors.protocols.websocket.runs import WsRun
from dissectors.wire.http.events import ExchangeEvent


def record(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object with these fields and no others but comments and names of our own, which begin with _."""
    return {
        "type": "object", "properties": {**required, **(optional or {}), "comment": {"type": "string"}},
        "required": [*required], "patternProperties": {"^_": {}}, "additionalProperties": False,
    }


TEXT = {"type": "string"}
NUMBER = {"type": "number"}
SIZE = {"type": "integer", "minimum": -1}
LENGTH = {"type": "number", "minimum": 0}
MAYBE = {"type": "number", "minimum": -1}
PAIRS = {"type": "array", "items": record({"name": TEXT, "value": TEXT})}
COOKIES = {"type": "array", "items": record({"name": TEXT, "value": TEXT}, {
    "path": TEXT, "domain": TEXT, "expires": TEXT, "httpOnly": {"type": "boolean"}, "secure": {"type": "boolean"},
})}
# http://www.softwareishard.com/blog/har-12-spec/, field by field.
ENTRY = record({
    "startedDateTime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"},
    "time": LENGTH,
    "request": record({
        "method": TEXT, "url": {"type": "string", "minLength": 1}, "httpVersion": TEXT, "cookies": COOKIES,
        "headers": PAIRS, "queryString": PAIRS, "headersSize": SIZE, "bodySize": SIZE,
    }, {"postData": record({"mimeType": TEXT, "params": {"type": "array"}, "text": TEXT})}),
    "response": record({
        "status": {"type": "integer"}, "statusText": TEXT, "httpVersion": TEXT, "cookies": COOKIES, "headers": PAIRS,
        "content": record({"size": SIZE, "mimeType": TEXT}, {"compression": {"type": "integer"}, "text": TEXT,
                                                             "encoding": TEXT}),
        "redirectURL": TEXT, "headersSize": SIZE, "bodySize": SIZE,
    }),
    "cache": record({}, {"beforeRequest": {}, "afterRequest": {}}),
    "timings": record({"send": LENGTH, "wait": LENGTH, "receive": LENGTH}, {
        "blocked": MAYBE, "dns": MAYBE, "connect": MAYBE, "ssl": MAYBE,
    }),
}, {"pageref": TEXT, "serverIPAddress": TEXT, "connection": TEXT})
SCHEMA = jsonschema_rs.Draft202012Validator(record({"log": record({
    "version": {"const": "1.2"}, "creator": record({"name": TEXT, "version": TEXT}),
    "entries": {"type": "array", "items": ENTRY},
}, {"browser": record({"name": TEXT, "version": TEXT}), "pages": {"type": "array"}})}))


def entries(name: str) -> list[dict[str, Any]]:
    found = json.loads("".join(har(analyze([str(SAMPLES / name / "capture.pcapng")], Options()))))
    return list(found["log"]["entries"])


def web(capture: Path) -> bool:
    return capture.parent.parent.name in ("http1", "http2", "websocket", "grpc") or "http" in capture.parent.name


@pytest.mark.parametrize("capture", [one for one in sample_captures() if web(one)], ids=sample_name)
def test_every_document_follows_the_format_and_its_timings_add_up(capture: Path) -> None:
    document = json.loads("".join(har(analyze([str(capture)], Options()))))
    SCHEMA.validate(document)
    moments = [datetime.fromisoformat(entry["startedDateTime"]) for entry in document["log"]["entries"]]
    assert moments == sorted(moments)
    for entry in document["log"]["entries"]:
        timings = entry["timings"]
        # ssl is part of connect, as the format has it; -1 is no time.
        total = sum(value for name, value in timings.items() if name != "ssl" and value > 0)
        assert entry["time"] == pytest.approx(total, abs=1e-3)
        if timings["ssl"] >= 0 and timings["connect"] >= 0:
            assert timings["ssl"] <= timings["connect"]


def test_the_first_exchange_of_a_connection_carries_lookup_and_handshake() -> None:
    first, *others = entries("http1/keep-alive")
    assert first["timings"]["connect"] > 0
    assert others
    assert all(entry["timings"]["connect"] == -1 for entry in others)
    assert {entry["connection"] for entry in others} == {first["connection"]}
    looked_up = next(entry for entry in entries("dns/dns-then-http") if entry["timings"]["dns"] > 0)
    assert looked_up["request"]["url"].startswith("http://shop.test/")


def test_a_tls_handshake_is_part_of_connecting() -> None:
    entry = entries("tls/download-http2")[0]
    assert 0 < entry["timings"]["ssl"] < entry["timings"]["connect"]
    assert entry["request"]["url"].startswith("https://www.shop.test")


def test_streams_of_http2_are_exchanges_of_one_connection() -> None:
    found = entries("http2/multiplexed")
    assert [entry["_stream"] for entry in found] == [13, 15, 17, 19, 21]
    assert {entry["connection"] for entry in found} == {"1"}
    assert [entry["response"]["status"] for entry in found] == [200] * 5
    assert [entry["response"]["content"]["size"] for entry in found] == [1500, 9000, 14000, 20000, 400]
    assert {entry["request"]["httpVersion"] for entry in found} == {"HTTP/2"}


def test_messages_of_a_websocket_are_those_that_a_browser_would_show() -> None:
    entry = next(entry for entry in entries("websocket/text") if entry["response"]["status"] == 101)
    assert entry["_resourceType"] == "websocket"
    assert entry["request"]["url"] == "ws://www.shop.test/feed"
    messages = entry["_webSocketMessages"]
    assert [(one["type"], one["opcode"]) for one in messages] == [
        ("send", 1), ("receive", 1), ("send", 1), ("receive", 1),
    ]
    assert messages[0]["data"] == messages[1]["data"] == "Grüße"
    assert [one["time"] for one in messages] == sorted(one["time"] for one in messages)


def test_binary_messages_are_in_base64() -> None:
    entry = next(entry for entry in entries("websocket/binary") if entry.get("_resourceType") == "websocket")
    assert {one["opcode"] for one in entry["_webSocketMessages"]} == {2}
    assert all(base64.b64decode(one["data"], validate=True) for one in entry["_webSocketMessages"])


def test_a_websocket_in_a_stream_of_http2_has_its_messages() -> None:
    entry, = entries("http2/websocket")
    assert entry["request"]["url"].endswith("://www.shop.test/feed")
    assert [one["data"] for one in entry["_webSocketMessages"]] == ["hello", "hello", "and good-bye", "and good-bye"]


def test_messages_that_are_only_counted_are_said_to_be_left_out() -> None:
    analysis = analyze([str(SAMPLES / "websocket" / "text" / "capture.pcapng")], Options())
    phase = next(phase for phase in analysis.told[0].phases if phase.kind == "websocket")
    message = next(event for event in phase.events if event.name == "websocket.message")
    run = WsRun()
    for direction in [0] * 40 + [1] * 2:
        run.add(direction, 10, message.time, message.time, message.evidence.frames[-1])
    phase.events.append(WsMessageRun(run, 0))
    entry = json.loads("".join(har(analysis)))["log"]["entries"][0]
    assert entry["_webSocketMessagesLeftOut"] == 42


def test_inside_tls_the_scheme_says_so() -> None:
    assert entries("tls/tls13-full")[0]["request"]["url"] == "https://10.0.1.20:443/page.txt"
    assert entries("websocket/secure")[0]["request"]["url"] == "wss://www.shop.test/feed"


def test_cookies_are_listed_with_their_values_redacted() -> None:
    found = entries("http1/cookies")
    assert {"name": "session", "value": "[redacted]", "path": "/", "httpOnly": True} in [
        cookie for entry in found for cookie in entry["response"]["cookies"]
    ]
    assert [{"name": "session", "value": "[redacted]"}] in [entry["request"]["cookies"] for entry in found]


def test_a_request_without_an_answer_has_status_0() -> None:
    entry = next(entry for entry in entries("http2/reset") if entry["response"]["status"] == 0)
    assert entry["response"]["headersSize"] == -1
    assert entry["timings"]["receive"] == 0


def test_a_redirect_names_its_target() -> None:
    assert any(entry["response"]["redirectURL"] for entry in entries("http1/redirects"))


def test_parameters_of_a_query_are_listed() -> None:
    analysis = analyze([str(SAMPLES / "http1" / "keep-alive" / "capture.pcapng")], Options())
    for phase in analysis.told[0].phases:
        for event in phase.events:
            if isinstance(event, ExchangeEvent) and event.request is not None:
                event.request.target = "/search?q=a%20b&empty=&q=2"
    entry = json.loads("".join(har(analysis)))["log"]["entries"][0]
    assert [(one["name"], one["value"]) for one in entry["request"]["queryString"]] == [
        ("q", "a b"), ("empty", ""), ("q", "2"),
    ]


BROWSERS = sorted((Path(__file__).parent / "har").glob("*/*/browser.har"))
LATE_MS = 8.0       # of a browser's clock behind the wire, and of what it does between the two


def entries_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return list(document["log"]["entries"])


def fields_of(message: dict[str, Any]) -> list[tuple[str, str]]:
    """Without what HTTP/2 says in fields of its own, and what is hidden."""
    return sorted((one["name"].lower(), one["value"]) for one in message["headers"] if one["name"][0] != ":")


def started(entry: dict[str, Any]) -> float:
    return datetime.fromisoformat(entry["startedDateTime"]).timestamp() * 1e3


def of_captured(path: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each exchange of the browser's log (written by `samples.record.har`), and ours of the capture beside it."""
    analysis = analyze([str(path.with_name("capture.pcapng"))], Options())
    ours = entries_of(json.loads("".join(har(analysis))))
    theirs = entries_of(json.loads(path.read_text(encoding="utf-8")))
    found = []
    for one in theirs:
        same = [mine for mine in ours if mine["request"]["url"] == one["request"]["url"]]
        assert same, one["request"]["url"]
        found.append((one, same[0]))        # later ones are asked for again, to keep what they held
    return found


@pytest.mark.parametrize("path", BROWSERS, ids=[path.parent.parent.name for path in BROWSERS])
def test_it_says_what_the_browser_says_of_the_same_page(path: Path) -> None:
    pairs = of_captured(path)
    assert pairs
    for theirs, ours in pairs:
        for side in ("request", "response"):
            assert fields_of(ours[side]) == fields_of(theirs[side])
            assert float(ours[side]["httpVersion"].split("/")[1]) == float(theirs[side]["httpVersion"].split("/")[1])
        asked, answered = ours["request"], ours["response"]
        for name in ("method", "queryString"):
            assert asked[name] == theirs["request"][name]
        assert (answered["status"], answered["content"]["size"], answered["content"]["mimeType"]) == (
            theirs["response"]["status"], theirs["response"]["content"]["size"],
            theirs["response"]["content"]["mimeType"])
        assert ours["serverIPAddress"] == theirs["serverIPAddress"]


def test_texts_of_bodies_are_there_only_where_secrets_may_be_shown() -> None:
    path = next(path for path in BROWSERS if "http1" in path.parts)
    theirs = {one["request"]["url"]: one["response"]["content"]["text"] for one in
              entries_of(json.loads(path.read_text(encoding="utf-8")))}
    shown = Provided()
    shown.show_secrets = True
    capture = [str(path.with_name("capture.pcapng"))]
    analysis = analyze(capture, Options(provided=shown))
    found = [one for one in entries_of(json.loads("".join(har(analysis)))) if "text" in one["response"]["content"]]
    assert len(found) == len(theirs) == 10
    for one in found:
        assert one["response"]["content"]["text"] == theirs[one["request"]["url"]]
    for entries in (har(analyze(capture, Options())), har(analysis, Pseudonyms())):
        assert not any(one["response"]["content"].get("text") for one in entries_of(json.loads("".join(entries))))


@pytest.mark.parametrize("path", BROWSERS, ids=[path.parent.parent.name for path in BROWSERS])
def test_bars_are_drawn_where_the_browser_draws_them(path: Path) -> None:
    for theirs, ours in of_captured(path):
        assert (ours["timings"]["connect"] >= 0) == (theirs["timings"]["connect"] >= 0), ours["request"]["url"]
        assert started(ours) >= started(theirs) - LATE_MS
        mine, other = ours["timings"], theirs["timings"]        # in which queueing counts as waiting, or not at all
        assert mine["wait"] + mine["receive"] <= other["wait"] + other["receive"] + LATE_MS
        if ours["timings"]["connect"] >= 0:
            assert abs(ours["timings"]["connect"] - theirs["timings"]["connect"]) < 30
    connected = [ours["connection"] for _theirs, ours in of_captured(path) if ours["timings"]["connect"] >= 0]
    assert len(connected) == len(set(connected)) > 0
