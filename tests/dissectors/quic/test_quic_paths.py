"""Connections that go on between other addresses and ports: joined by their connection IDs, and by nothing else."""
from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from dissectors.kit.event import Event, LimitReached
from dissectors.kit.inputs import Datagram
from dissectors.kit.marks import Marks
from dissectors.kit.protocol import Context, Output, Shared
from dissectors.protocols.http3.events import H3Exchange
from dissectors.protocols.quic.dissector import QuicDissector
from dissectors.protocols.quic.events_connection import QuicTotals
from dissectors.protocols.quic.events_path import MIGRATION, REBINDING, Migrated, MovedOn, PathTotals
from dissectors.protocols.quic.index import MAX_INDEXED, IdIndex
from dissectors.protocols.quic.paths import MAX_ROAMING, resumes, roaming_in

SAMPLES = Path(__file__).parents[3] / "samples" / "quic"


def told(sample: str) -> Analysis:
    return analyze([str(SAMPLES / sample / "capture.pcapng")], Options())


def events(analysis: Analysis, number: int) -> list[Event]:
    return [
        event for one in analysis.told if one.conversation.number == number
        for phase in one.phases for event in phase.events
    ]


@pytest.mark.parametrize(("sample", "kind"), [
    ("migration", MIGRATION), ("rebinding", REBINDING), ("rebinding-hidden", REBINDING),
    ("migration-failed", MIGRATION),
])
def test_the_connection_is_told_where_it_goes_on(sample: str, kind: str) -> None:
    analysis = told(sample)
    first, second = events(analysis, 1), events(analysis, 2)
    moved = [event for event in second if isinstance(event, Migrated)]
    assert [(event.move.kind, event.move.conversation) for event in moved] == [(kind, 1)]
    ends = analysis.told[1].conversation.originator
    assert moved[0].move.new == f"{ends.address}:{ends.port}"
    assert [event.conversation_number for event in first if isinstance(event, MovedOn)] == [2]
    totals = [event for event in first + second if isinstance(event, QuicTotals)]
    assert len(totals) == 1
    assert totals[0] in second
    assert not [event for event in first if isinstance(event, (Migrated, PathTotals))]


@pytest.mark.parametrize(("sample", "status"), [("migration", 200), ("rebinding", 200), ("migration-failed", -1)])
def test_keys_and_streams_come_along(sample: str, status: int) -> None:
    analysis = told(sample)
    exchanges = [event for event in events(analysis, 2) if isinstance(event, H3Exchange)]
    assert [event.response.status if event.response is not None else -1 for event in exchanges] == [status]
    totals = [event for event in events(analysis, 2) if isinstance(event, QuicTotals)]
    assert totals[0].hidden == 0
    assert not totals[0].sides[0].holes


def test_an_answer_that_spans_both_paths_is_whole() -> None:
    exchange = next(event for event in events(told("rebinding"), 2) if isinstance(event, H3Exchange))
    assert exchange.received.octets == 60_000
    assert exchange.facts.missing == (0, 0)


def test_the_path_is_checked_or_not_answered() -> None:
    checked = [event.move for event in events(told("migration"), 2) if isinstance(event, PathTotals)]
    assert checked[0].server > 0
    assert checked[0].answered_ns > checked[0].challenged_ns > 0
    analysis = told("migration-failed")
    silent = [event.move for event in events(analysis, 2) if isinstance(event, PathTotals)]
    assert silent[0].server == 0
    assert silent[0].client >= 4
    assert [finding.code for finding in analysis.findings if finding.severity == "warn"] == ["quic.migration_failed"]


def test_a_packet_without_a_known_id_is_nobodys() -> None:
    context = Context("udp", 50_000, 443)
    packet = b"\x40" + b"unknown!" + bytes(30)
    assert not resumes(context, packet, 0)
    roaming = roaming_in(context)
    roaming.index.add(b"unknown!", 1, 0)      # an ID of a connection that is over
    assert not resumes(context, packet, 0)
    assert not resumes(context, b"", 0)


def test_issued_ids_are_capped_and_forgotten() -> None:
    index = IdIndex()
    for number in range(MAX_INDEXED + 10):
        index.add(number.to_bytes(8, "big"), 1, 0)
    assert len(index.ids) == MAX_INDEXED
    assert index.full
    index.add(bytes(8), 2, 0)
    index.forget(bytes(8), 2)
    assert bytes(8) in index.ids              # it is that of the first who issued it
    index.forget(bytes(8), 1)
    assert bytes(8) not in index.ids


def test_connections_that_may_come_elsewhere_are_capped() -> None:
    """Nobody says of them that they are over: the oldest is no longer looked for."""
    shared = Shared()
    out: list[Output] = []
    for number in range(MAX_ROAMING + 5):
        dcid = number.to_bytes(8, "big")
        data = b"\xe3\0\0\0\1\x08" + dcid + b"\x04abcd" + b"\x40\x20" + bytes(32)
        observer = QuicDissector(Context("udp", 50_000, 443, shared=shared))
        out += observer.on_datagram(Datagram(number + 1, number, 0, data, len(data)))
    context = Context("udp", 50_001, 443, shared=shared)
    roaming = roaming_in(context)
    assert len(roaming.watched) == MAX_ROAMING
    assert [one.cap for one in out if isinstance(one, LimitReached)] == ["MAX_ROAMING"]
    assert not resumes(context, b"\x40" + bytes(8) + bytes(30), 0)
    assert resumes(context, b"\x40" + MAX_ROAMING.to_bytes(8, "big") + bytes(30), 0)
    assert len(roaming.index.ids) <= 2 * MAX_ROAMING


def test_what_is_secret_in_one_conversation_is_secret_in_the_other() -> None:
    one, other = Marks(), Marks()
    one.mark(b"before")
    other.join(one)
    one.mark(b"after one")
    other.mark(b"after the other")
    assert set(one.values) == set(other.values) == {b"before", b"after one", b"after the other"}
