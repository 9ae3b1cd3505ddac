"""Opening captures: what a path is, what it was compressed with, and which format it holds."""
from __future__ import annotations

import os
import stat
import sys
from typing import Final

from analyzer.ingest.compressed import GZIP, LZ4, ZSTD, GzipStream, Lz4Stream, ZstdStream
from analyzer.ingest.merged import MergedSource
from analyzer.ingest.pcap import PcapSource, is_pcap
from analyzer.ingest.pcapng import MAGIC as PCAPNG
from analyzer.ingest.pcapng import PcapngSource
from analyzer.ingest.snoop import MAGIC as SNOOP
from analyzer.ingest.snoop import SnoopSource
from analyzer.ingest.source import CaptureError, Damage, Source
from analyzer.ingest.streams import FileStream, PipeStream, Spool, Stream, settle_allocator

STANDARD_INPUT: Final = "-"
# The longest magic number of those below.
MAGIC_BYTES: Final = 16

# What is recognised and not read: first bytes, what it is.
FOREIGN: Final = (
    (b"BZh", "compressed with bzip2; unpack it first"),
    (b"\xfd7zXZ\x00", "compressed with xz; unpack it first"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"\x02\x21\x4c\x18", "compressed with lz4's old format; unpack it first"),
    (b"btsnoop\x00", "a btsnoop capture of Bluetooth, which is not supported"),
    (b"RTSS", "a Network Monitor 1 capture, which is not supported; Wireshark's editcap can convert it to pcapng"),
    (b"GMBU", "a Network Monitor 2 capture, which is not supported; Wireshark's editcap can convert it to pcapng"),
    (b"TRSNIFF data", "a Sniffer capture, which is not supported; Wireshark's editcap can convert it to pcapng"),
    (b"XCP\x00", "a NetXRay capture, which is not supported; Wireshark's editcap can convert it to pcapng"),
    (b"\x30\x82", "a DER file, such as a certificate"),
    (b"-----BEGIN", "a PEM file, such as a key or a certificate"),
    (b"CLIENT_RANDOM", "a TLS key log"),
    (b"<?xml", "an XML file"),
    (b"{", "a JSON file"),
    (b"\x7fELF", "a program"),
)


def open_capture(paths: list[str], rewindable: bool = True, spool: str = "") -> Source:
    """One source for these captures, merged by time where there are several; "-" is standard input.

    rewindable: keep what comes through a pipe, so that `reopen()` works. Without it a pipe is never written down.
    spool: the folder for what comes through a pipe and is too much for memory; "" for the one of temporary files.
    Raises CaptureError where nothing can be told. Of several captures, one that cannot be opened is damage.
    """
    if not paths:
        raise CaptureError("no capture was named")
    settle_allocator()
    if paths.count(STANDARD_INPUT) > 1:
        raise CaptureError("standard input can be read only once")
    if len(paths) == 1:
        return open_one(paths[0], rewindable, spool)
    sources: list[Source] = []
    refused: list[Damage] = []
    for path in paths:
        try:
            sources.append(open_one(path, rewindable, spool))
        except CaptureError as error:
            refused.append(Damage(shown(path), 0, f"not read: {error}", 0))
    if not sources:
        raise CaptureError("; ".join(damage.reason.removeprefix("not read: ") for damage in refused))
    return MergedSource(sources, refused)


def open_one(path: str, rewindable: bool, spool: str = "") -> Source:
    name = shown(path)
    stream = open_stream(path, name, rewindable, spool)
    try:
        return recognise(name, stream)
    except CaptureError:
        stream.close()
        raise


def shown(path: str) -> str:
    return "standard input" if path == STANDARD_INPUT else path


def open_stream(path: str, name: str, rewindable: bool, spool: str = "") -> Stream:
    try:
        if path == STANDARD_INPUT:
            descriptor = os.dup(sys.stdin.fileno() if sys.stdin is not None else 0)
        else:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        status = os.fstat(descriptor)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CaptureError(f"{name}: cannot be opened ({reason})") from error
    if stat.S_ISDIR(status.st_mode) or os.isatty(descriptor):
        os.close(descriptor)
        raise CaptureError(f"{name}: is a {'directory' if stat.S_ISDIR(status.st_mode) else 'terminal'}, not a capture")
    if stat.S_ISREG(status.st_mode):
        return FileStream(descriptor, status.st_size)
    return PipeStream(Spool(descriptor, rewindable, spool))


def begin(name: str, stream: Stream) -> bytes:
    """Enough bytes to know the format by, where there are as many."""
    head = b""
    while len(head) < MAGIC_BYTES:
        block = stream.read()
        if not block:
            break
        head += block
    if not head:
        raise CaptureError(f"{name}: {stream.trouble}" if stream.trouble else f"{name}: is empty")
    return head


def unpacked(name: str, stream: Stream) -> tuple[Stream, bytes]:
    """The stream without its compression, and its first bytes. Raises CaptureError where it is empty."""
    head = begin(name, stream)
    inside: Stream | None = None
    if head.startswith(GZIP):
        inside = GzipStream(stream, head)
    elif head.startswith(ZSTD) or is_skippable(head):
        inside = ZstdStream(stream, head)
    elif head.startswith(LZ4):
        inside = Lz4Stream(stream, head)
    return (stream, head) if inside is None else (inside, begin(name, inside))


def recognise(name: str, stream: Stream) -> Source:
    """The reader for what this stream holds, by its first bytes; a name's suffix is not asked."""
    content, head = unpacked(name, stream)
    if head.startswith(PCAPNG):
        return PcapngSource(name, content, head)
    if is_pcap(head):
        return PcapSource(name, content, head)
    if head.startswith(SNOOP):
        return SnoopSource(name, content, head)
    for magic, what in FOREIGN:
        if head.startswith(magic):
            raise CaptureError(f"{name}: {'is' if content is stream else 'holds'} {what}")
    raise CaptureError(
        f"{name}: is no capture of a kind that is read: pcap, pcapng or snoop, also compressed (it begins with "
        f"{head[:8].hex(' ')})"
    )


def is_skippable(head: bytes) -> bool:
    """A skippable frame, which may stand before the data (RFC 8878 §3.1.2)."""
    return head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50
