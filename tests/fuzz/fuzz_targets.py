"""What is fuzzed: each registered protocol, each format of a file, and what is told and written of whole captures.

A target has seeds, a way to change them that knows their structure, and a run that ends in `Broken` where we are at
fault: a traceback, a fault that was contained and told, or more time than `SECONDS` and `EACH` allow.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import tempfile
import time
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from types import FrameType

import lz4.frame
import zstandard
from event_checks import check_events, declared_by
from fuzz_inputs import changed_capture, changed_feed, feed_octets, items_of, recorded, unpacked
from fuzz_mutators import HOSTILE, edge
from pcap_bytes import pcap
from sample_feeds import Feed, feeds_by_protocol, run, sample_captures
from variations import damaged_bytes

from analyzer import faults
from analyzer.cli.report import with_comments
from analyzer.filter.errors import FilterError
from analyzer.filter.expression import read_filter
from analyzer.filter.fields import fields
from analyzer.ingest.keylog import read_key_log
from analyzer.ingest.open import open_capture
from analyzer.ingest.source import CaptureError
from analyzer.model import Analysis
from analyzer.pipeline.run import Frames, Options, analyze
from analyzer.report.diagrams import DIAGRAMS
from analyzer.report.formats import FORMATS, Layout
from analyzer.report.tables import TABLES
from dissectors.kit.cursor import WireError
from dissectors.kit.event import DissectorFault, Event
from dissectors.kit.inputs import Chunk, Close, Fields, Gap
from dissectors.kit.protocol import Context, Readers
from dissectors.kit.provided import Provided
from dissectors.registry import protocols

SECONDS = 4.0  # of this process for an input of any size, interpreted
EACH = 0.0004  # ... and for each octet of it
HANGS = 120  # seconds after which a run is ended
SMALL = 60_000  # octets of a sample that is a seed
ALL = protocols()
READERS = Readers(ALL)


class Broken(Exception):
    """A fault of ours. key: what makes it the same as another one."""

    def __init__(self, key: str, words: str) -> None:
        super().__init__(words)
        self.key = key


class Target:
    """seeds: valid inputs.     change: one more like it.     run: reads it; raises whatever goes wrong in us."""

    def __init__(
        self,
        name: str,
        seeds: Callable[[], list[bytes]],
        change: Callable[[bytes, Random], bytes],
        run: Callable[[bytes], None],
    ) -> None:
        self.name = name
        self.seeds = seeds
        self.change = change
        self.run = run


def place_of(error: BaseException) -> str:
    """The last line of ours that the error came through."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if f"{os.sep}analyzer{os.sep}" in name or f"{os.sep}dissectors{os.sep}" in name:
            place = f"{Path(name).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _ring(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"no answer within {HANGS} s")


def tried(target: Target, data: bytes) -> None:
    """Run a target once. Raises Broken."""
    faults.SEEN.clear()
    allowed = SECONDS + EACH * len(data)
    for attempt in range(2):
        begun = time.process_time()
        before = signal.signal(signal.SIGALRM, _ring)
        signal.setitimer(signal.ITIMER_REAL, HANGS)
        try:
            target.run(data)
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            raise Broken(f"{type(error).__name__} {place_of(error) or words[:40]}", words) from error
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        if faults.SEEN:
            raise Broken(faults.SEEN[0].rpartition(" at ")[2], faults.SEEN[0])
        taken = time.process_time() - begun
        if taken <= allowed:
            return
        if attempt:  # once can be the machine
            raise Broken(f"slow {target.name}", f"{taken:.1f} s for {len(data)} octets, of {allowed:.1f} s")


# -- conversations ---------------------------------------------------------------------------


@cache
def known_feeds() -> list[Feed]:
    return [feed for feeds in feeds_by_protocol().values() for feed in feeds]


def seeds_of(name: str) -> list[bytes]:
    """Conversations of a protocol; where no sample has one, of those that could carry it."""
    (protocol,) = [one for one in ALL if one.name == name]
    fitting = [at for at, feed in enumerate(known_feeds()) if feed.protocol == name and feed.octets < SMALL]
    if not fitting:
        fitting = [
            at
            for at, feed in enumerate(known_feeds())
            if not feed.inner and feed.context.transport in protocol.carriers and feed.octets < 2_000
        ][:60]
    return [feed_octets(at, known_feeds()[at]) for at in fitting]


def context_of(number: int) -> tuple[Context, bool]:
    """A fresh one with the ports and keys of a sample's conversation, and whether it is within another."""
    feed = known_feeds()[number % len(known_feeds())]
    like = feed.context
    context = Context(
        like.transport,
        like.originator_port,
        like.responder_port,
        like.midstream,
        provided=like.provided,
        beneath=like.beneath,
    )
    context.readers = READERS
    return context, feed.inner


def check(events: list[Event], frames: int, declared: tuple[type[Event], ...], what: str) -> None:
    for event in events:
        if isinstance(event, DissectorFault):
            raise Broken(event.error.rpartition(" at ")[2], event.error)
    check_events(events, frames, declared, what)


def read_by(name: str) -> Callable[[bytes], None]:
    """Straight to the dissector of a protocol, and through the router where it is the outermost."""
    (protocol,) = [one for one in ALL if one.name == name]

    def read(data: bytes) -> None:
        number, parts = unpacked(data)
        context, inner = context_of(number)
        items = items_of(parts, (context.originator_port, context.responder_port))
        assert protocol.create is not None
        dissector = protocol.create(context)
        said: list[Event] = []
        for item in items:
            try:
                out = (
                    dissector.on_data(item)
                    if isinstance(item, Chunk)
                    else dissector.on_gap(item)
                    if isinstance(item, Gap)
                    else dissector.on_close(item)
                    if isinstance(item, Close)
                    else dissector.on_fields(item)
                    if isinstance(item, Fields)
                    else dissector.on_datagram(item)
                )
            except WireError:
                continue
            said += [one for one in out if isinstance(one, Event)]
        check(said, len(parts), protocol.events, name)
        if not inner:
            feed = Feed("fuzzed", 1, context_of(number)[0])
            check(run(feed.router(), items), len(parts), declared_by(ALL), name)

    return read


# -- files ---------------------------------------------------------------------------


@cache
def own_file() -> Path:
    return Path(tempfile.mkdtemp(prefix="wiretale-fuzz-")) / "input"


def on_disk(data: bytes) -> Path:
    own_file().write_bytes(data)
    return own_file()


def small_samples() -> list[Path]:
    return [path for path in sample_captures() if path.stat().st_size < SMALL]


def snoop(frames: list[tuple[int, bytes, int]]) -> bytes:
    """RFC 1761, over Ethernet."""
    out = [b"snoop\0\0\0" + (2).to_bytes(4, "big") + (4).to_bytes(4, "big")]
    for when, data, length in frames:
        second, rest = divmod(when, 10**9)
        padded = data + bytes(-len(data) % 4)
        numbers = (length, len(data), 24 + len(padded), 0, second & 0xFFFFFFFF, rest // 1000)
        out.append(b"".join(number.to_bytes(4, "big") for number in numbers) + padded)
    return b"".join(out)


def files() -> list[bytes]:
    """A few recordings in each format that is read."""
    found: list[bytes] = []
    for path in small_samples()[::40]:
        whole, frames = path.read_bytes()[:SMALL], recorded(path).frames[:40]
        classic = pcap([data for _time, data, _length in frames])
        found += [whole, classic, snoop(frames), gzip.compress(classic), zstandard.compress(classic)]
        found.append(lz4.frame.compress(classic))
    return found


def changed_file(data: bytes, random: Random) -> bytes:
    """Lengths of blocks and records (all of them are 32 bits wide and aligned to 4), or any octets."""
    if data[:2] == b"\x1f\x8b" and random.randrange(2):
        try:
            return gzip.compress(changed_file(gzip.decompress(data), random))
        except (OSError, EOFError, ValueError, zlib.error):
            return damaged_bytes(data, random)
    for _ in range(random.choice((1, 2, 5))):
        if len(data) < 8 or random.randrange(3) == 0:
            data = damaged_bytes(data, random)
            continue
        at = random.randrange(len(data) // 4) * 4
        number = edge(random, 4) if random.randrange(2) else (random.randrange(200) * 4).to_bytes(4, "big")
        data = data[:at] + (number[::-1] if random.randrange(4) else number) + data[at + 4 :]
    return data


def read_file(data: bytes) -> None:
    """Every frame of a file, the comments and secrets in it."""
    try:
        source = open_capture([str(on_disk(data))])
        while source.next():
            assert 0 <= source.start <= source.end <= len(source.data)
        source.close()
    except CaptureError:
        return


def key_logs() -> list[bytes]:
    random, word = "ab" * 32, "cd" * 48
    return [
        f"CLIENT_RANDOM {random} {word}\nRSA {'0' * 16} {word}\r\n# x\n".encode(),
        f"CLIENT_HANDSHAKE_TRAFFIC_SECRET {random} {'ef' * 32}\rECH_SECRET {random} {'00' * 60}\n".encode(),
        f"RSA Session-ID:{'aa' * 16} Master-Key:{word}\n".encode(),
    ]


def changed_text(data: bytes, random: Random) -> bytes:
    words = data.split(b" ")
    at = random.randrange(len(words))
    kind = random.randrange(4)
    if kind == 0:
        return damaged_bytes(data, random)
    words[at] = random.choice((*HOSTILE, b"", words[random.randrange(len(words))], words[at] * 3, edge(random, 4)))
    return b" ".join(words)[:100_000]


def read_keys(data: bytes) -> None:
    provided = Provided()
    for complaint in read_key_log(data, provided):
        assert complaint


def filters() -> list[bytes]:
    wholes = (
        "tcp.port == 80 and not (http or dns)",
        "frame.len in {1..9, 70} || ip.addr == 10.0.0.0/8",
        'any tls.* matches "[a-z]+x"',
    )
    return [text.encode() for text in (*wholes, *(f"{name} == 1" for name in list(fields())[::7]))]


def read_words(data: bytes) -> None:
    try:
        read_filter(data.decode("utf-8", "replace"))
    except FilterError as error:
        error.lines()


def changed_recording(data: bytes, random: Random) -> bytes:
    """Frame by frame where the file can be read; else any octets."""
    try:
        return changed_capture(on_disk(data), random)
    except CaptureError:
        return damaged_bytes(data, random)


def sound(event: Event, last: int) -> None:
    """Less than a dissector keeps: the frames of a capture can be in another order than they were on the wire."""
    if isinstance(event, DissectorFault):
        raise Broken(event.error.rpartition(" at ")[2], event.error)
    frames = event.evidence.frames
    assert frames, f"{event.name} has no frames"
    assert 0 < min(frames) <= max(frames) <= last, f"{event.name} is proven by frames that are not there"
    assert event.what().strip(), f"{event.name} says nothing"
    json.dumps(event.fields(), allow_nan=False)


def told(data: bytes) -> Analysis | None:
    """What is told of a capture; none of it is a fault."""
    try:
        analysis = analyze([str(on_disk(data))], Options(graphs=True, limit=12))
    except CaptureError:
        return None
    for conversation in analysis.told:
        for phase in conversation.phases:
            for event in phase.events:
                sound(event, int(analysis.capture.frames))
    return analysis


def read_capture(data: bytes) -> None:
    """Lines of frames, and the story with its findings."""
    if told(data) is not None:
        for block in Frames([str(own_file())]):
            for line in block.splitlines():
                json.loads(line)


def write_reports(data: bytes) -> None:
    """Every format, table and diagram of the story; half of them without names."""
    analysis = told(data)
    if analysis is None:
        return
    for anonymous in (False, True):
        layout = Layout("teach", anonymous=anonymous, rewrite=with_comments([str(own_file())], b"", False))
        for form in FORMATS:
            if form.name != "parquet" and not (form.packets and anonymous):
                assert b"".join(form.write(analysis, layout)) or form.name in ("csv", "har", "svg")
        for table in TABLES:
            _written("csv", analysis, Layout("normal", table, anonymous=anonymous))
        for diagram in DIAGRAMS:
            _written("svg", analysis, Layout("normal", diagram=diagram, anonymous=anonymous))


def _written(name: str, analysis: Analysis, layout: Layout) -> None:
    (form,) = [one for one in FORMATS if one.name == name]
    for _piece in form.write(analysis, layout):
        pass


def recordings() -> list[bytes]:
    return [path.read_bytes() for path in small_samples()]


def of_protocol(name: str) -> Target:
    return Target(f"protocol-{name}", lambda: seeds_of(name), changed_feed, read_by(name))


TARGETS: tuple[Target, ...] = (
    *(of_protocol(one.name) for one in ALL if one.create is not None),
    Target("file", files, changed_file, read_file),
    Target("keylog", key_logs, changed_text, read_keys),
    Target("filter", filters, changed_text, read_words),
    Target("capture", recordings, changed_recording, read_capture),
    Target("report", recordings, changed_recording, write_reports),
)
