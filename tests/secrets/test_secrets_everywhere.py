"""No secret is shown in any format unless it is asked for; then it is, wherever the thing itself is shown."""
from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from live_feeds import Fed, timed
from pcap_bytes import pcap
from secret_kinds import KINDS, UNREAD, conversation, in_pieces, marker_of, txt
from test_report_html import data_of

from analyzer.live.json_lines import JsonLines
from analyzer.live.lines import LogLines
from analyzer.live.output import LineOutput
from analyzer.model import Analysis
from analyzer.pipeline.live_run import Plan, Sniffer
from analyzer.pipeline.live_view import Viewer
from analyzer.pipeline.run import Frames, Options, analyze
from analyzer.report.comments import packet_comments, summary_of
from analyzer.report.diagrams import DIAGRAMS
from analyzer.report.formats import FORMATS, Layout
from analyzer.report.tables import TABLES
from dissectors.kit.provided import Provided

UDP = len(KINDS)            # the marker of the datagram
LIVE = ("live lines", "live JSON", "live screen")
OUTPUTS = (
    "text", "json", "jsonl", "markdown", "csv", "svg", "har", "html", "html bytes", "comments", "frames", *LIVE,
)


def provided(shown: bool) -> Provided:
    found = Provided()
    found.show_secrets = shown
    return found


def written(analysis: Analysis, name: str) -> str:
    form = next(form for form in FORMATS if form.name == name)
    if name == "csv":
        layouts = [Layout("teach", table) for table in TABLES]
    elif name == "svg":
        layouts = [Layout("teach", diagram=one) for one in DIAGRAMS]
    else:
        layouts = [Layout("teach", width=2_000)]
    return "".join(b"".join(form.write(analysis, layout)).decode() for layout in layouts)


def live(frames: list[bytes], shown: bool) -> dict[str, str]:
    found = {}
    with TemporaryDirectory() as folder:
        for name, kind in (("live lines", LogLines), ("live JSON", JsonLines)):
            place = Path(folder) / "out"
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            output = LineOutput(descriptor)
            sniffer = Sniffer(Fed(timed(frames)), kind(output, "teach"), Plan(), provided(shown))
            sniffer.run()
            output.close(20)
            os.close(descriptor)
            found[name] = place.read_text()
        viewer = Viewer(sniffer.live)
        details = [viewer.detail(number) for number in sniffer.live.finished]
        found["live screen"] = json.dumps(details, ensure_ascii=False)
    return found


def outputs(frames: list[bytes], shown: bool) -> dict[str, str]:
    """Everything that leaves the program, by name."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "capture.pcap"
        path.write_bytes(pcap(frames))
        analysis = analyze([str(path)], Options(everything=True, graphs=True, provided=provided(shown)))
        found = {name: written(analysis, name) for name in ("text", "json", "jsonl", "markdown", "csv", "svg", "har")}
        page = data_of(written(analysis, "html"))
        octets = page.pop("octets")
        found["html"] = json.dumps(page, ensure_ascii=False)
        found["html bytes"] = " ".join(one["hex"] for one in octets.values())
        found["comments"] = json.dumps([packet_comments(analysis, "teach"), summary_of(analysis)], ensure_ascii=False)
        found["frames"] = b"".join(Frames([str(path)], provided=provided(shown))).decode()
    return found | live(frames, shown)


@cache
def everything(shown: bool) -> dict[str, str]:
    frames = [frame for index in range(len(KINDS)) for frame in conversation(index)]
    return outputs(frames + txt(marker_of(UDP)), shown)


@cache
def forms(marker: bytes) -> list[str]:
    """The marker as it is, in hex, and in base64 at each of the three places that it can have; and that in hex."""
    found = [marker.decode(), marker.hex()]
    for ahead in range(3):
        whole = b64encode(bytes(ahead) + marker + bytes(2)).decode()
        first = (8 * ahead + 5) // 6
        found.append(whole[first:first + (8 * len(marker) - 6) // 6])
    return found + [form.encode().hex() for form in found[2:]]


@cache
def flat(text: str) -> str:
    """Without white space and the borders of tables: what is wrapped, or hex with spaces, is in one piece."""
    return re.sub(r"[\s│]+", "", text)


def shown_in(text: str, marker: bytes) -> bool:
    return any(form in flat(text) for form in forms(marker))


@pytest.mark.parametrize("index", range(len(KINDS) + 1), ids=[name for name, _port, _make in KINDS] + ["DNS"])
def test_a_secret_is_not_shown(index: int) -> None:
    found = [name for name in OUTPUTS if shown_in(everything(False)[name], marker_of(index))]
    assert found == []


@pytest.mark.parametrize("index", range(len(KINDS) + 1), ids=[name for name, _port, _make in KINDS] + ["DNS"])
def test_a_secret_is_shown_when_asked_for(index: int) -> None:
    """In the bytes of the page at least, where no octet is hidden then."""
    texts = everything(True)
    assert any(shown_in(texts[name], marker_of(index)) for name in ("html bytes", "html"))


def test_the_table_is_told() -> None:
    """Without redaction most of these secrets stand in words: the table tests what it seems to."""
    texts = everything(True)
    read = len(KINDS) - len(UNREAD)      # of the others nothing but bytes is shown
    told = [index for index in range(read) if any(
        shown_in(texts[name], marker_of(index)) for name in OUTPUTS if name != "html bytes"
    )]
    assert len(told) > read * 0.7
    for name in OUTPUTS:
        assert any(shown_in(texts[name], marker_of(index)) for index in range(len(KINDS))), name
    assert "·" not in texts["html bytes"]
    assert "[redacted]" not in "".join(texts.values())


def test_what_is_hidden_is_said() -> None:
    texts = everything(False)
    assert "··" in texts["html bytes"]
    for name in OUTPUTS:
        assert "[redacted]" in texts[name].replace("\\", "") or name == "html bytes", name


@pytest.mark.parametrize("again", [False, True], ids=["in two segments", "sent again"])
@pytest.mark.parametrize("cut", [1, 6, 13])
def test_pieces_are_hidden_too(cut: int, again: bool) -> None:
    """A part of six octets is enough to know it by."""
    frames = [frame for index in range(len(KINDS)) for frame in in_pieces(index, cut, again)]
    found = outputs(frames, False)
    for index, (name, _port, _make) in enumerate(KINDS):
        marker = marker_of(index)
        parts = [part for part in (marker[:cut], marker[cut:]) if len(part) >= 6]
        for output in OUTPUTS:
            text = found[output]
            assert not any(part.decode() in text or part.hex() in text for part in parts), (name, output)
