"""A protocol that nobody has heard of, and whose author thought of no secret, is under the gate all the same."""
from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest
from ingest_captures import enhanced, interface, option, pcapng, section
from pcap_bytes import pcap
from secret_kinds import Talk
from test_secrets_everywhere import OUTPUTS, outputs, shown_in

from analyzer.pipeline.run import Options, analyze
from dissectors import registry
from dissectors.kit.event import (
    CORE,
    DissectorFault,
    Event,
    Evidence,
    Headline,
    JsonValue,
    LimitReached,
    Malformed,
    Observed,
)
from dissectors.kit.inputs import Chunk
from dissectors.kit.protocol import YES, Context, Dissector, Output, Protocol
from dissectors.kit.provided import Provided
from dissectors.wire.secrets.gate import Said

NAMED = b"Vy71numbat"         # stands beside a name
MARKED = b"Lh38possum"        # is known by its position alone
GREETING = b"MADE-UP/1 "
METHODS = ("label", "what", "detail", "headline", "phase_title", "phase_facts", "fields", "frame_record")


class Careless(Event):
    """Says what it was given wherever an event can say something."""

    name: ClassVar[str] = "madeup.message"
    phase: ClassVar[str] = "made up"
    importance: ClassVar[str] = CORE

    def __init__(self, observed: Observed, named: str, marked: str) -> None:
        super().__init__(observed.time, observed.direction, observed.evidence)
        self.named = f"password={named}"
        self.marked = marked

    def label(self) -> str:
        return self.marked

    def what(self) -> str:
        return f"It says {self.named} and {self.marked}."

    def detail(self) -> str:
        return f"{self.named} {self.marked}"

    def headline(self) -> Headline | None:
        return Headline(self.marked, f"{self.named}, {self.marked}", self.time, self.time + 1)

    def phase_title(self) -> str:
        return f"Made up with {self.marked}"

    def phase_facts(self) -> list[str]:
        return [self.named, self.marked]

    def fields(self) -> dict[str, JsonValue]:
        return {
            "api_token": self.named.removeprefix("password="), "text": self.named, "list": [self.marked, [self.named]],
            self.marked: 1, "inner": {"secret": {"deep": self.named.removeprefix("password=")}},
        }

    def frame_record(self) -> dict[str, JsonValue] | None:
        return self.fields()


class MadeUp(Dissector):
    """Every chunk is a message; the second word of the line is a secret by its position."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def on_data(self, chunk: Chunk) -> list[Output]:
        words = chunk.data.split()
        if len(words) < 3:
            return []
        self.context.mark(words[2], chunk, chunk.data.index(words[2]))
        named, marked = words[1].decode(), words[2].decode()
        observed = Observed(chunk.time, chunk.direction, Evidence((chunk.frame,)))
        return [
            Careless(observed, named, marked),
            Malformed(observed, "madeup", 0, f"it reads password: {named} and {marked}"),
            LimitReached(observed, "madeup", f"token={named} {marked}", 1),
            DissectorFault(observed, "madeup", f"ValueError: secret={named} {marked!r}"),
        ]


PROTOCOL = Protocol(
    "madeup", "Made up", "A protocol of this test.", (), MadeUp, ("tcp",), {"tcp": (9_999,)}, (Careless,),
    probe=lambda data, direction: YES if data.startswith(GREETING) else 0,
)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    known = (*registry.built_in(), PROTOCOL)
    for module in ("analyzer.pipeline.run", "analyzer.pipeline.live_run"):
        monkeypatch.setattr(f"{module}.protocols", lambda: known)


def frames() -> list[bytes]:
    talk = Talk(40_000, 9_999)
    talk.say(0, GREETING + b"password=" + NAMED + b" " + MARKED + b" end\r\n")
    talk.say(1, b"echo " + MARKED + b"\r\n")
    return talk.end()


@pytest.mark.usefixtures("registered")
def test_it_shows_no_secret_in_any_output() -> None:
    found = outputs([frame.replace(b"password=" + NAMED, NAMED) for frame in frames()], False)
    for name in OUTPUTS:
        if name != "html bytes":       # without its name beside it the octets of the first are nobody's secret
            assert not shown_in(found[name], NAMED), name
        assert not shown_in(found[name], MARKED), name


@pytest.mark.usefixtures("registered")
def test_it_shows_all_when_asked_for() -> None:
    found = outputs(frames(), True)
    for name in OUTPUTS:
        if name != "har":              # which holds exchanges of HTTP only
            assert shown_in(found[name], MARKED), name
            assert name == "svg" or shown_in(found[name], NAMED), name


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("method", METHODS)
def test_each_method_passes(tmp_path: Path, method: str) -> None:
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(frames()))
    told = analyze([str(path)], Options(everything=True)).told[0]
    events = [event for phase in told.phases for event in phase.events if event.name in (
        "madeup.message", "malformed", "limit_reached", "dissector_fault")]
    assert len(events) == 4
    for event in events:
        said = getattr(Said(event), method)()
        text = f"{said.label} {said.text}" if isinstance(said, Headline) else json.dumps(said)
        assert NAMED.decode() not in text
        assert MARKED.decode() not in text


def test_an_event_of_no_conversation_is_shown_without_secrets() -> None:
    event = Careless(Observed(0, 0, Evidence((1,))), NAMED.decode(), "")
    assert Said(event).detail() == "password=[redacted] "


@pytest.mark.parametrize("protocol", registry.protocols(), ids=lambda one: one.name)
def test_no_event_overrides_what_the_gate_needs(protocol: Protocol) -> None:
    """The marks of an event are set by whoever puts it into a conversation, and by nobody else."""
    for event in protocol.events:
        assert "marks" not in vars(event)


@pytest.mark.parametrize("shown", [False, True])
def test_a_comment_in_the_capture_passes_too(tmp_path: Path, shown: bool) -> None:
    path = tmp_path / "capture.pcapng"
    comment = option(1, b"the password: " + NAMED)
    path.write_bytes(pcapng(section(options=comment), interface(), enhanced()))
    provided = Provided()
    provided.show_secrets = shown
    remarks = analyze([str(path)], Options(provided=provided)).capture.remarks
    assert len(remarks) == 1
    assert (NAMED.decode() in remarks[0][1]) == shown
