"""qlog: what a capture says of a connection is what a program of its ends logged of the same one."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.formats import Layout, by_ending, by_name, logs_packets
from dissectors.kit.event import LimitReached
from dissectors.kit.provided import Provided
from dissectors.protocols.quic import trace

QUIC = Path(__file__).parents[3] / "samples" / "quic"
SENT, RECEIVED = "transport:packet_sent", "transport:packet_received"
TICK_MS = 0.008             # of an ACK's delay on the wire: 2^3 microseconds
TOKENS = ("reset_token", "length", "connection_id_length")     # what one of both says of a new connection ID


def told(sample: str) -> Analysis:
    provided = Provided()
    provided.traced = True
    return analyze([str(QUIC / sample / "capture.pcapng")], Options(provided=provided))


def written(analysis: Analysis, name: str = "qlog", *, anonymous: bool = False) -> str:
    form = by_name(name)
    assert form is not None
    return b"".join(form.write(analysis, Layout(anonymous=anonymous))).decode()


def packets(log: dict[str, Any]) -> dict[tuple[str, str, int], dict[str, Any]]:
    """By way, type and number."""
    return {
        (event["name"], event["data"]["header"]["packet_type"], event["data"]["header"]["packet_number"]): event["data"]
        for event in log["traces"][0]["events"] if event["name"] in (SENT, RECEIVED)
    }


def alike(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours["frame_type"] == theirs["frame_type"]
    if ours["frame_type"] == "ack":
        assert ours["ack_delay"] == pytest.approx(theirs["ack_delay"], abs=TICK_MS)
        assert ours["acked_ranges"] == theirs["acked_ranges"]
        return
    left_out = TOKENS if ours["frame_type"] == "new_connection_id" else ()
    assert {key: value for key, value in ours.items() if key not in left_out} == {
        key: value for key, value in theirs.items() if key not in left_out
    }


def test_the_client_logged_the_same() -> None:
    ours = json.loads(written(told("logged")))
    theirs = json.loads((QUIC / "logged" / "client.qlog").read_text())
    assert ours["traces"][0]["common_fields"]["ODCID"] == theirs["traces"][0]["common_fields"]["ODCID"]
    mine, its = packets(ours), packets(theirs)
    assert mine.keys() == its.keys()
    assert len(mine) > 40
    frames = 0
    for key, packet in its.items():
        assert mine[key]["raw"]["length"] == packet["raw"]["length"], key
        assert mine[key]["header"]["dcid"] == packet["header"]["dcid"]
        assert len(mine[key]["frames"]) == len(packet["frames"]), key
        for one, other in zip(mine[key]["frames"], packet["frames"], strict=True):
            alike(one, other)
            frames += 1
    assert frames > 60


def test_the_sequence_says_the_same_by_time() -> None:
    analysis = told("resumed")
    whole = json.loads(written(analysis))
    records = [json.loads(text) for text in written(analysis, "sqlog").split("\x1e")[1:]]
    about, entries = records[0], records[1:]
    assert (about["qlog_format"], about["qlog_version"]) == ("JSON-SEQ", "0.3")
    assert [one["time"] for one in entries] == sorted(one["time"] for one in entries)
    assert len(whole["traces"]) == 2
    for one in whole["traces"]:
        group = one["common_fields"]["group_id"]
        of_it = [{key: value for key, value in entry.items() if key != "group_id"} for entry in entries
                 if entry["group_id"] == group]
        assert of_it == one["events"]


def test_what_is_encrypted_and_what_identifies_is_left_out() -> None:
    hidden = json.loads(written(told("hidden")))["traces"][0]["events"]
    sealed = [event["data"] for event in hidden if event["data"]["header"]["packet_type"] == "1RTT"]
    assert sealed
    assert not [data for data in sealed if "frames" in data or "packet_number" in data["header"]]
    text = written(told("logged"), anonymous=True)
    assert '"frames"' in text
    for name in ("dcid", "scid", "ODCID", "connection_id", "reset_token"):
        assert f'"{name}"' not in text


def test_a_log_is_made_only_where_one_is_asked_for_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = analyze([str(QUIC / "http3" / "capture.pcapng")], Options())
    assert json.loads(written(plain))["traces"] == []
    for ending, wanted in (("x.qlog", True), ("x.sqlog", True), ("x.json", False)):
        form = by_ending(ending)
        assert form is not None
        assert logs_packets(form) is wanted
    monkeypatch.setattr("dissectors.protocols.quic.trace.MAX_ENTRIES", 5)
    if trace.MAX_ENTRIES == 5 and not trace.__file__.endswith(".so"):
        analysis = told("http3")
        assert len(json.loads(written(analysis))["traces"][0]["events"]) == 5
        events = [event for one in analysis.told for phase in one.phases for event in phase.events]
        assert "MAX_ENTRIES" in [event.cap for event in events if isinstance(event, LimitReached)]
