"""The capture again, as pcapng, with comments on its packets (draft-ietf-opsawg-pcapng).

A pcapng file keeps every block as it is: interfaces, names, statistics, secrets, custom blocks and what is not known
here. Of other formats, and of several captures, the packets are written anew with nanoseconds.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from analyzer.ingest import pcapng_write as ng
from analyzer.ingest.open import STANDARD_INPUT, open_capture, open_stream, shown, unpacked
from analyzer.ingest.pcapng import MAGIC
from analyzer.ingest.pcapng_blocks import (
    BYTE_ORDER_MAGIC,
    ENHANCED,
    NUMBERED,
    OPT_COMMENT,
    PACKET,
    SECRETS,
    SECTION,
    SIMPLE,
)
from analyzer.ingest.pcapng_write import ByteOrder
from analyzer.ingest.source import CaptureError, Interface
from analyzer.ingest.streams import Stream

MAX_COMMENT_BYTES: Final = 2_000     # of one comment, cut at a character
MAX_BLOCK: Final = 1 << 28           # bytes; a longer one is taken for damage
TLS_KEY_LOG: Final = 0x544C534B

Change = Callable[[int, bytes], bytes]      # (link type, a frame) -> what is to be kept of it


def annotated(
    paths: list[str], comments: dict[int, list[str]], summary: list[str], inject: bytes = b"", strip: bool = False,
    change: Change | None = None,
) -> Iterator[bytes]:
    """The annotated capture in pieces.

    comments: by frame number, in plain text without controls; summary: likewise, of the capture.
    inject: a TLS key log, put into a secrets block.     strip: leave out the secrets blocks of the capture.
    change: what is to be kept of a frame, where that is not all of it; then nothing else of the capture is: neither
    its comments, nor the names of interfaces and hosts, nor secrets.
    Raises CaptureError where it cannot be read a second time.
    """
    if STANDARD_INPUT in paths:
        raise CaptureError("standard input cannot be read a second time; save the capture into a file first")
    if len(paths) == 1 and change is None:
        stream = open_stream(paths[0], shown(paths[0]), False)
        stream, head = unpacked(shown(paths[0]), stream)
        if head.startswith(MAGIC):
            return _copied(Blocks(stream, head), comments, summary, inject, strip)
        stream.close()
    return _written(paths, comments, summary, inject, change)


class Blocks:
    """The blocks of a pcapng stream as raw bytes. order: of the section in hand."""

    def __init__(self, stream: Stream, head: bytes) -> None:
        self.stream = stream
        self.held = head
        self.at = 0             # in `held`: what is before it was handed out
        self.order: ByteOrder = "little"

    def next(self) -> tuple[int, bytes]:
        """(type, the whole block); (-1, bytes that are no block) at damage; (-1, b"") at the end."""
        if not self._has(12):
            return self._rest()
        at = self.at
        kind = int.from_bytes(self.held[at:at + 4], self.order)
        if self.held.startswith(MAGIC, at):
            kind = SECTION
            self.order = "big" if int.from_bytes(self.held[at + 8:at + 12], "big") == BYTE_ORDER_MAGIC else "little"
        size = int.from_bytes(self.held[at + 4:at + 8], self.order)
        if not 12 <= size <= MAX_BLOCK or size % 4 or not self._has(size):
            return self._rest()
        block = self.held[self.at:self.at + size]
        self.at += size
        return kind, block

    def _has(self, size: int) -> bool:
        """Whether so many bytes are there, once more were read where that is needed."""
        have = len(self.held) - self.at
        if have >= size:
            return True
        parts = [self.held[self.at:]]
        while have < size:
            more = self.stream.read()
            if not more:
                break
            parts.append(more)
            have += len(more)
        self.held = b"".join(parts)
        self.at = 0
        return have >= size

    def _rest(self) -> tuple[int, bytes]:
        held, self.held, self.at = self.held[self.at:], b"", 0
        if not held:
            held = self.stream.read()
        return -1, held


def _copied(
    blocks: Blocks, comments: dict[int, list[str]], summary: list[str], inject: bytes, strip: bool
) -> Iterator[bytes]:
    """Every block as it is, with comments added where its kind has room for them."""
    frame = 0
    first = True
    while True:
        kind, block = blocks.next()
        if not block:
            break
        if kind == SECTION:
            yield _section(block, summary if first else [], blocks.order)
            if first and inject:
                yield ng.secrets(TLS_KEY_LOG, inject, blocks.order)
            first = False
            continue
        if kind in (ENHANCED, PACKET, SIMPLE) or kind in NUMBERED:
            frame += 1
            texts = comments.get(frame, [])
            yield _commented(kind, block, texts, blocks.order) if texts else block
        elif kind != SECRETS or not strip:
            yield block
    blocks.stream.close()


def _section(block: bytes, summary: list[str], order: ByteOrder) -> bytes:
    """The section header with the summary; its length is not known any more, which the format allows."""
    if len(block) < 28:
        return block
    return _with_options(block[:16] + ng.UNKNOWN_LENGTH + block[24:], 24, summary, order)


def _commented(kind: int, block: bytes, texts: list[str], order: ByteOrder) -> bytes:
    """A packet block with comments; a simple one has no options, so it stays as it is."""
    if kind not in (ENHANCED, PACKET) or len(block) < 32:
        return block
    captured = int.from_bytes(block[20:24], order)
    return _with_options(block, 28 + captured + -captured % 4, texts, order)


def _with_options(block: bytes, at: int, texts: list[str], order: ByteOrder) -> bytes:
    """The block with comments in front of its options; as it is where its lengths do not fit."""
    end = len(block) - 4
    if at > end or not texts:
        return block
    options = b"".join(_comment(text, order) for text in texts) + (block[at:end] or ng.END_OF_OPTIONS)
    size = (at + len(options) + 4).to_bytes(4, order)
    return block[:4] + size + block[8:at] + options + size


def _comment(words: str, order: ByteOrder) -> bytes:
    return ng.option(OPT_COMMENT, ng.text(words, MAX_COMMENT_BYTES), order)


def _written(
    paths: list[str], comments: dict[int, list[str]], summary: list[str], inject: bytes, change: Change | None
) -> Iterator[bytes]:
    """The packets of any capture, one interface for each link type, times in nanoseconds."""
    source = open_capture(paths, rewindable=False)
    yield _with_options(ng.section("", "", []), 24, summary, "little")
    logs = [one.data for one in source.secrets if one.kind == TLS_KEY_LOG] if change is None else []
    for log in [*logs, inject] if inject else logs:
        yield ng.secrets(TLS_KEY_LOG, log)
    interfaces: dict[int, int] = {}
    while source.next():
        link = int(source.link)
        if link not in interfaces:
            interfaces[link] = len(interfaces)
            yield ng.interface(Interface(link, 0))
        data = source.data[source.start:source.end]
        data = data if change is None else change(link, data)
        body = (
            interfaces[link].to_bytes(4, "little") + ng.time_halves(int(source.time)) + len(data).to_bytes(4, "little")
            + min(int(source.length), 0xFFFFFFFF).to_bytes(4, "little") + data + bytes(-len(data) % 4)
        )
        yield _commented(ENHANCED, ng.block(ENHANCED, body), comments.get(int(source.number), []), "little")
    source.close()
