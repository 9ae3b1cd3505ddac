"""The protocol record of QUIC."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import NO, YES, Context, Dissector, Protocol
from dissectors.protocols.quic.dissector import QuicDissector
from dissectors.protocols.quic.events import (
    EarlyPackets,
    HelloPending,
    PacketSeen,
    PacketsHidden,
    ParametersSeen,
    RetrySeen,
    VersionsOffered,
)
from dissectors.protocols.quic.events_connection import (
    AmplificationStall,
    QuicEstablished,
    QuicHidden,
    QuicStalled,
    QuicTotals,
)
from dissectors.protocols.quic.events_flow import FlowWaits, IdleEnd, StreamsHeldUp
from dissectors.protocols.quic.events_packets import KeysUpdated, PathChecked, QuicClosed, ResetPossible, StreamReset
from dissectors.protocols.quic.events_path import Migrated, MovedOn, PathTotals
from dissectors.protocols.quic.paths import resumes
from dissectors.protocols.quic.terms import TERMS
from dissectors.protocols.quic.trace import QuicTrace
from dissectors.protocols.quic.wire import looks_like_quic


def _quic(context: Context) -> Dissector:
    return QuicDissector(context)


def probe(data: bytes, direction: int) -> int:
    """A datagram is asked about by itself, so more of it never comes."""
    return YES if looks_like_quic(data) else NO


QUIC: Final = Protocol(
    name="quic",
    title="QUIC",
    summary="Encrypted connections over UDP with many streams: what carries HTTP/3.",
    specs=("RFC 8999", "RFC 9000", "RFC 9001", "RFC 9002", "RFC 9221", "RFC 9287", "RFC 9368", "RFC 9369"),
    create=_quic,
    carriers=("udp",),
    ports={"udp": (443, 853, 8443)},
    events=(
        PacketSeen, VersionsOffered, RetrySeen, ParametersSeen, EarlyPackets, HelloPending, PacketsHidden,
        QuicEstablished, QuicStalled, AmplificationStall, QuicClosed, ResetPossible, KeysUpdated, StreamReset,
        PathChecked, FlowWaits, StreamsHeldUp, IdleEnd, Migrated, MovedOn, PathTotals, QuicTotals, QuicHidden,
        QuicTrace,
    ),
    terms=TERMS,
    probe=probe,
    phases={
        "quic handshake": "QUIC handshake", "quic packets": "QUIC packets", "quic end": "QUIC end",
        "quic data": "QUIC data",
    },
    encrypts=True,
    resumes=resumes,
)
