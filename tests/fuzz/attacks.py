"""Captures made to cost as much as they can: each grows by a scale, at 1 it has a few ten thousand octets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attacks_files as files
import attacks_framed as framed
import attacks_talks as talks
from attacks_talks import Talk
from pcap_bytes import pcap

TALKS: list[Callable[[Talk, int], None]] = [
    talks.one_secret_everywhere,
    talks.a_secret_each,
    talks.many_names,
    talks.bombs_of_brotli,
    talks.bombs_of_gzip,
    talks.bombs_of_zstd,
    talks.small_bombs,
    talks.codings_on_codings,
    talks.fields_of_a_form,
    talks.secrets_of_json,
    talks.parts_of_a_form,
    talks.words_like_secrets,
    talks.one_long_word,
    talks.requests_at_once,
    talks.header_fields,
    talks.chunks_of_one_octet,
    talks.interim_answers,
    talks.events_of_a_stream,
    talks.octets_backwards,
    talks.every_other_octet,
    talks.sent_again_otherwise,
    framed.references,
    framed.references_to_cookies,
    framed.table_of_empty_names,
    framed.rapid_resets,
    framed.continuations,
    framed.open_streams,
    framed.pushes,
    framed.empty_data,
    framed.fragments_of_a_message,
    framed.pings_of_websocket,
    framed.small_messages,
    framed.records_of_tls,
    framed.tickets,
]
FLOODS = {
    "pings": framed.flood(6, bytes(8), 3_000),
    "settings": framed.flood(4, b"\0\4\0\0\xff\xff", 3_000),
    "windows": framed.flood(8, b"\0\0\0\1", 3_000),
    "priorities": framed.flood(2, bytes(5), 3_000),
    "unknown": framed.flood(99, b"", 3_000),
    "goodbyes": framed.flood(7, bytes(8), 3_000),
}


FILES: list[Callable[[int], bytes]] = [
    files.connections,
    files.closed_connections,
    files.requests_of_many,
    files.fragments_of_eight_octets,
    files.fragments_without_end,
    files.fragments_over_each_other,
    files.nested_tunnels,
    files.nested_tags,
    files.tunnels_of_their_own,
    files.names_of_their_own,
    files.pointers,
    files.questions,
    files.errors,
    files.quic_frames,
    files.identifiers_of_quic,
    files.comments,
    files.comments_each,
    files.interfaces,
    files.interfaces_in_use,
    files.sections,
    files.unknown_blocks,
    files.names_of_the_file,
    files.statistics,
    files.key_lines,
]


def _talked(attack: Callable[[Talk, int], None]) -> Callable[[int], bytes]:
    def make(scale: int) -> bytes:
        talk = Talk()
        attack(talk, scale)
        return pcap(talk.frames)

    return make


def attacks() -> Iterator[tuple[str, Callable[[int], bytes]]]:
    """By name: a scale to a capture."""
    for attack in TALKS:
        yield attack.__name__, _talked(attack)
    for name, each in FLOODS.items():
        yield f"flood_of_{name}", _talked(each)
    for make in FILES:
        yield make.__name__, make


ATTACKS = dict(attacks())
