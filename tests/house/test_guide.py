"""The guide to adding a protocol is right: its protocol is run word for word, reached in each way that it names."""
from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from event_checks import check_events, signature
from pcap_bytes import ethernet, ipv4, pcap, tcp
from test_websocket_subprotocol import Talk
from websocket_wire import SERVER, frame

from analyzer.cli.main import cli
from analyzer.flows.router import Router
from dissectors.kit import protocol as kit
from dissectors.kit.event import Event, LimitReached, Malformed
from dissectors.kit.inputs import Chunk, Gap
from dissectors.kit.protocol import BENEATH, YES, Context, Dissector, Handoff, Output, Protocol

GUIDE = Path(__file__).parents[2] / "docs" / "explanation" / "protocols.md"
TEXT = GUIDE.read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
DIALOGUE = b"HELLO postkutsche\nBYE\n"
TOLD = ["hello.greeting", "hello.goodbye"]


@pytest.fixture
def hello(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Protocol]:
    """The guide's module as an installed package brings it in, by the guide's own lines for pyproject.toml."""
    section, name, value = re.findall(r'\[project\.entry-points\."(.*?)"\]\n(\w+) = "(.*?)"', TEXT)[0]
    module, record = value.split(":")
    (tmp_path / f"{module}.py").write_text(CODE[0], encoding="utf-8")
    about = tmp_path / f"{module}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{section}]\n{name} = {value}\n")
    monkeypatch.syspath_prepend(tmp_path)
    made = getattr(import_module(module), record)
    assert isinstance(made, Protocol)
    yield made
    del sys.modules[module]


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


def fed(hello: Protocol, data: bytes, step: int, midstream: bool = False) -> list[Event]:
    router = Router((hello,), Context("tcp", 50_000, 7777, midstream), 1)
    events: list[Event] = []
    for number, at in enumerate(range(0, len(data), step), 1):
        events += router.chunk(Chunk(number, number, 1, data[at:at + step], at))
    check_events(events, len(data), hello.events, f"in steps of {step}")
    return events


def test_it_is_one_module() -> None:
    assert [code for code in CODE if "Protocol(" in code] == CODE[:1]


def test_the_pieces_mean_nothing(hello: Protocol) -> None:
    for data in (DIALOGUE, DIALOGUE + b"WHAT is this?\n" + b"x" * 2_000 + b"\nBYE\n"):
        whole = fed(hello, data, len(data))
        for step in (1, 3, 700):
            assert [signature(event) for event in fed(hello, data, step)] == [signature(event) for event in whole]
    assert names(whole) == [*TOLD, Malformed.name, LimitReached.name, "hello.goodbye"]


def test_it_goes_on_after_a_gap_and_in_the_middle(hello: Protocol) -> None:
    router = Router((hello,), Context("tcp", 50_000, 7777), 1)
    events = router.chunk(Chunk(1, 0, 1, b"HELLO post", 0)) + router.gap(Gap(2, 0, 1, 10, 4))
    assert names(events + router.chunk(Chunk(3, 0, 1, b"sche\nBYE\n", 14))) == ["hello.goodbye"]
    assert names(fed(hello, b"HELLO kutsche\nBYE\n", 40, midstream=True)) == ["hello.goodbye"]


def test_it_is_reached_by_alpn(hello: Protocol) -> None:
    class Carrier(Dissector):
        def on_data(self, chunk: Chunk) -> list[Output]:
            inner = Chunk(chunk.frame, chunk.time, chunk.direction, chunk.data[5:], 0)
            return [Handoff((kit.ALPN, "hello/1"), chunk.direction, BENEATH), inner]

    carrier = Protocol("outer", "Outer", "Made.", ("RFC 1",), lambda context: Carrier(), ("tcp",), {}, (),
                       probe=lambda data, direction: YES if data.startswith(b"outer") else 0)
    router = Router((carrier, hello), Context("tcp", 50_000, 443), 1)
    assert names(router.chunk(Chunk(1, 0, 1, b"outer" + DIALOGUE, 0))) == TOLD


def test_it_is_reached_by_subprotocol(hello: Protocol) -> None:
    talk = Talk(hello, token=b"hello.v1")
    talk.send(SERVER, frame(1, DIALOGUE[:9]) + frame(1, DIALOGUE[9:]))
    assert [name for name in names(talk.events) if name.startswith("hello.")] == TOLD


def test_it_is_told_shown_and_anonymized_like_ours(hello: Protocol, tmp_path: Path) -> None:
    def segment(payload: bytes, back: bool, seq: int, ack: int, flags: int) -> bytes:
        ends = (7777, 50_000) if back else (50_000, 7777)
        ways = (b"\x0a\0\0\2", b"\x0a\0\0\1") if back else (b"\x0a\0\0\1", b"\x0a\0\0\2")
        return ethernet(ipv4(tcp(payload, *ends, seq, ack, flags), 6, *ways))

    capture = tmp_path / "hello.pcap"
    capture.write_bytes(pcap([
        segment(b"", False, 0, 0, 2), segment(b"", True, 0, 1, 18), segment(b"", False, 1, 1, 16),
        segment(DIALOGUE, True, 1, 1, 24), segment(b"BYE\n", False, 1, 1 + len(DIALOGUE), 24),
    ]))
    shown = CliRunner().invoke(cli, ["analyze", "--level", "teach", str(capture)]).output
    assert "Hello dialogue" in shown
    assert "with postkutsche" in shown
    assert "The server greets, and calls itself postkutsche." in shown
    assert re.search(r"Hello +greeted by postkutsche", shown), "its row in the story"
    frames = CliRunner().invoke(cli, ["frames", str(capture)]).output
    assert '"hello":[{"host":"postkutsche"}]' in frames
    assert "Hello" in CliRunner().invoke(cli, ["protocols"]).output
    report = tmp_path / "report.txt"
    assert CliRunner().invoke(cli, ["report", str(capture), "--anonymize", "-o", str(report)]).exit_code == 0
    assert "calls itself name1." in report.read_text()
    assert "postkutsche" not in report.read_text()


def test_every_way_is_in_the_guide() -> None:
    listed = re.findall(r"^\| `([A-Z]+)` \|", TEXT, re.MULTILINE)
    assert [getattr(kit, name) for name in listed] == list(kit.WAYS)
