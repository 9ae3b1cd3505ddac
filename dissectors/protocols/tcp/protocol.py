"""TCP in the registry: its events and its terms. The conversation table feeds the narrator itself."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Flag, Protocol
from dissectors.protocols.tcp.events import HANDSHAKE, TEARDOWN, TRANSFER
from dissectors.protocols.tcp.events_answers import AnswerReset, OldAnswer
from dissectors.protocols.tcp.events_congestion import CongestionCourse
from dissectors.protocols.tcp.events_handshake import (
    EcnNegotiation,
    FastOpen,
    HalfOpen,
    Midstream,
    OptionsExplained,
    SimultaneousOpen,
    Syn,
    SynAck,
    SynCookie,
    TcpEstablished,
    TcpRefused,
    TcpUnanswered,
)
from dissectors.protocols.tcp.events_holes import Conflict, SackOutside, StreamGap, Unrepaired
from dissectors.protocols.tcp.events_hops import HopsChanged
from dissectors.protocols.tcp.events_loss import (
    CaptureLoss,
    FastRetransmit,
    Loss,
    LossSummary,
    OldTimestamps,
    Reordering,
    SpuriousRetransmission,
    TailLossProbe,
    Timeout,
)
from dissectors.protocols.tcp.events_teardown import (
    ChallengeAck,
    Fin,
    FinAcknowledged,
    HalfClose,
    LateSegments,
    NotEnded,
    TcpClosed,
    TcpReset,
)
from dissectors.protocols.tcp.events_transfer import (
    CongestionMarks,
    Duplicates,
    KeepAlive,
    Limits,
    Transfer,
    Turns,
    Urgent,
    WindowFull,
    WindowShrunk,
    ZeroWindow,
)
from dissectors.protocols.tcp.events_windows import AckAwaited, WindowOverrun, WindowUnscaled
from dissectors.protocols.tcp.flags import RULES
from dissectors.protocols.tcp.phases import summarise
from dissectors.protocols.tcp.terms import TERMS

TCP: Final = Protocol(
    name="tcp",
    title="TCP",
    summary="Streams of bytes in order: handshake, transfer with its losses and windows, teardown.",
    specs=(
        "RFC 9293", "RFC 5681", "RFC 6298", "RFC 7323", "RFC 2018", "RFC 2883", "RFC 3168", "RFC 3522", "RFC 5961",
        "RFC 7413", "RFC 8985", "RFC 4987",
    ),
    create=None,
    carriers=("ip",),
    ports={},
    events=(
        Syn, SynAck, OptionsExplained, TcpEstablished, SimultaneousOpen, TcpRefused, OldAnswer, AnswerReset,
        TcpUnanswered, HalfOpen, SynCookie, FastOpen, EcnNegotiation, Midstream, Transfer, Turns, ZeroWindow,
        WindowFull, WindowShrunk, WindowOverrun, WindowUnscaled, AckAwaited, KeepAlive, CongestionMarks, Limits,
        CongestionCourse, Duplicates, HopsChanged, Urgent, Loss, FastRetransmit, Timeout, TailLossProbe,
        SpuriousRetransmission, OldTimestamps, Reordering, LossSummary, Unrepaired, SackOutside, CaptureLoss,
        StreamGap, Conflict, Fin, FinAcknowledged, HalfClose, TcpClosed, TcpReset, LateSegments, ChallengeAck, NotEnded,
    ),
    terms=TERMS,
    phases={HANDSHAKE: "Handshake", TRANSFER: "Data transfer", TEARDOWN: "Teardown"},
    summarise=summarise,
    flags=tuple([Flag(rule.display_filter(), rule.text, rule.severity, rule.term) for rule in RULES]),
)
