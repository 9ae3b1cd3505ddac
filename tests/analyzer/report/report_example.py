"""An analysis built by hand: a lookup, a transfer with a loss, a refusal; what a report needs of each kind."""
from __future__ import annotations

from typing import ClassVar

from analyzer.explain.verdict import judge
from analyzer.model import (
    Analysis,
    CaptureSummary,
    Conversation,
    Endpoint,
    Finding,
    Phase,
    StoryRow,
    TcpSummary,
    Told,
)
from dissectors.kit.course import Course
from dissectors.kit.event import (
    BACKWARD,
    BASE,
    CLOSING,
    CORE,
    EXTRA,
    FORWARD,
    NEITHER,
    OPENING,
    SUMMED,
    TRANSFER,
    Event,
    Evidence,
    Malformed,
    Observed,
)

MS = 1_000_000
START = 1_700_000_000_000_000_000


class Said(Event):
    """An event that says what it is told to."""

    importance: ClassVar[str] = BASE

    def __init__(
        self, at: int, direction: int, frames: tuple[int, ...], label: str, what: str, detail: str = ""
    ) -> None:
        super().__init__(START + at, direction, Evidence(frames))
        self._label = label
        self._what = what
        self._detail = detail

    def label(self) -> str:
        return self._label

    def what(self) -> str:
        return self._what

    def detail(self) -> str:
        return self._detail


class Query(Said):
    name: ClassVar[str] = "dns.query"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 1035 §4.1.2"
    WHY: ClassVar[str] = "People remember names and packets need addresses, so a name is looked up first."


class Answer(Said):
    name: ClassVar[str] = "dns.answer"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 1035 §4.1.3"


class Handshake(Said):
    name: ClassVar[str] = "tcp.syn"
    normally: ClassVar[str] = SUMMED
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 9293 §3.5"
    WHY: ClassVar[str] = (
        "Both sides must agree from which number each counts its bytes, so that lost, late and repeated segments can "
        "be told apart."
    )


class Loss(Said):
    name: ClassVar[str] = "tcp.fast_retransmit"
    importance: ClassVar[str] = CORE
    spec: ClassVar[str] = "RFC 5681 §3.2"


class Window(Said):
    name: ClassVar[str] = "tcp.window_update"
    importance: ClassVar[str] = EXTRA
    spec: ClassVar[str] = "RFC 9293 §3.8.6"


class Close(Said):
    name: ClassVar[str] = "tcp.fin"
    normally: ClassVar[str] = SUMMED
    spec: ClassVar[str] = "RFC 9293 §3.6"


def lookup() -> Told:
    conversation = Conversation(1, "udp", Endpoint("10.0.0.1", 40112), Endpoint("10.0.0.53", 53, "ns.shop.test"))
    conversation.protocol = "dns"
    conversation.first_frame, conversation.last_frame = 1, 2
    conversation.start_ns, conversation.end_ns = START, START + 12 * MS + 100_000
    conversation.frames, conversation.octets, conversation.payload = [1, 1], [69, 85], [27, 43]
    conversation.state, conversation.history = "SF", "Dd"
    conversation.community_id = "1:d/FP5EW3wiY1vCndhwleRRKHowQ="
    phase = Phase("lookup", "Lookup", START, START + 12 * MS + 100_000)
    phase.facts = ["answered"]
    phase.events = [
        Query(
            0, FORWARD, (1,), "A query", "The client asks for the IPv4 address of shop.test.", "id 0x1a2b, recursion"
        ),
        Answer(
            12 * MS + 100_000, BACKWARD, (2,), "A answer",
            "shop.test is at 10.0.0.2; the answer may be kept for 5 min 0 s. It took 12.1 ms.",
        ),
    ]
    return Told(conversation, [phase])


def transfer() -> Told:
    conversation = Conversation(
        2, "tcp", Endpoint("10.0.0.1", 51034), Endpoint("10.0.0.2", 443, "shop.test")
    )
    conversation.protocol = "http"
    conversation.first_frame, conversation.last_frame = 3, 410
    conversation.start_ns, conversation.end_ns = START + 20 * MS, START + 730 * MS
    conversation.frames, conversation.octets, conversation.payload = [120, 286], [9_040, 1_270_112], [1_204, 1_251_208]
    conversation.state, conversation.history = "SF", "ShADadTtFf"
    conversation.community_id = "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
    tcp = TcpSummary()
    tcp.handshake_rtt_ns = tcp.initial_rtt_ns = 24 * MS + 300_000
    tcp.rtt_min_ns, tcp.rtt_max_ns = [24 * MS, 60_000], [61 * MS, 190_000]
    tcp.rtt_sum_ns, tcp.rtt_samples = [30 * 80 * MS, 200 * 100_000], [80, 200]
    tcp.flags = [{"duplicate_ack": 3}, {"fast_retransmission": 1, "retransmission": 2}]
    conversation.tcp = tcp
    told = Told(conversation, [handshake(), data(), teardown()])
    told.courses = [Course(), course()]
    return told


def course() -> Course:
    """1.2 MB in segments of 16 kB: the window is filled, once it falls to a quarter, and one segment is sent twice."""
    made = Course()
    sent = octets = acked = 0
    for index in range(75):
        at = START + (45 + 8 * index) * MS
        window = min(65_536, 4_096 * (index + 8)) if index % 40 < 30 else 16_384
        sent, octets = sent + 16_384, octets + (32_768 if index == 35 else 16_384)
        made.sample(at, octets, sent, acked, 0, acked + window)
        acked = sent - 4_096 * (index % 3)
        made.sample(at + 4 * MS, octets, sent, acked, sent - acked if index % 3 == 2 else 0, acked + window)
        made.trip(at + 4 * MS, 4 * MS)
    return made


def handshake() -> Phase:
    phase = Phase("handshake", "Three-way handshake", START + 20 * MS, START + 44 * MS + 300_000, OPENING)
    phase.facts = ["one round trip"]
    phase.events = [
        Handshake(
            20 * MS, FORWARD, (3,), "SYN",
            "The client asks to open a connection and names the number its bytes start from.",
            "seq 2914221007, window 64240, MSS 1460, scale ×128, SACK, timestamps",
        ),
        Handshake(
            44 * MS + 100_000, BACKWARD, (4,), "SYN-ACK",
            "The server agrees and sends its own number; ack = the client's + 1. The 24.1 ms since the SYN are the "
            "first measure of the round trip.",
            "seq 77, ack 2914221008, window 65160, MSS 1460, scale ×128, SACK, timestamps",
        ),
        Handshake(
            44 * MS + 300_000, FORWARD, (5,), "ACK",
            "Established. Both sides have proved that they can send and receive.",
        ),
    ]
    return phase


def data() -> Phase:
    start, end = START + 45 * MS, START + 657 * MS
    phase = Phase("transfer", "Data transfer", start, end, TRANSFER)
    phase.facts = ["1.25 MB ←", "limited by the receiver's window for 71 % of the time"]
    phase.events = [
        Window(120 * MS, FORWARD, (40,), "window", "The client has room again: 65 536 bytes."),
        Loss(
            330 * MS, BACKWARD, (201, 202, 203, 204, 205), "fast retransmit",
            "3 duplicate ACKs, then #205 resends seq 84001: one segment was lost; fast retransmit repaired it in "
            "25 ms, without waiting for a timeout.",
        ),
        Malformed(
            Observed(START + 400 * MS, BACKWARD, Evidence((231, 240))), "http", 17, "header line without a colon"
        ),
    ]
    phase.left_out = ["383 data segments and 112 plain ACKs are not shown"]
    return phase


def teardown() -> Phase:
    phase = Phase("teardown", "Teardown", START + 657 * MS, START + 730 * MS, CLOSING)
    phase.facts = ["both sides finished in order", "the client holds TIME_WAIT"]
    phase.events = [
        Close(657 * MS, BACKWARD, (407,), "FIN", "The server has sent everything and closes its direction."),
        Close(730 * MS, FORWARD, (408, 409, 410), "FIN", "The client closes as well, and the server confirms it."),
    ]
    return phase


def refused() -> Told:
    conversation = Conversation(3, "tcp", Endpoint("2001:db8::10", 51040), Endpoint("2001:db8:0:1::22", 8443))
    conversation.first_frame, conversation.last_frame = 411, 412
    conversation.start_ns, conversation.end_ns = START + 1_800 * MS, START + 1_840 * MS
    conversation.frames, conversation.octets = [1, 1], [94, 74]
    conversation.state, conversation.history, conversation.scope = "REJ", "Sr", "VLAN 12"
    conversation.tcp = TcpSummary()
    phase = Phase("handshake", "Refused", START + 1_800 * MS, START + 1_840 * MS, OPENING)
    phase.events = [
        Handshake(1_800 * MS, FORWARD, (411,), "SYN", "The client asks to open a connection.", "seq 1, window 64800"),
        Close(1_840 * MS, BACKWARD, (412,), "RST", "Nobody listens on port 8443: the host answers with a reset."),
        Said(1_840 * MS, NEITHER, (412,), "", "The connection never existed."),
    ]
    return Told(conversation, [phase])


def example() -> Analysis:
    """412 frames, three conversations, a finding of each severity but chat."""
    capture = CaptureSummary(["captures/shop.pcapng"])
    capture.frames, capture.octets = 412, 1_279_474
    capture.start_ns, capture.end_ns = START, START + 1_840 * MS
    capture.links = ["Ethernet"]
    capture.seen_from = "the client's side (the SYN leaves 24 ms before its answer)"
    capture.damage = ["captures/shop.pcapng: damaged at byte 1279998: the last block ends early (frames read: 412)"]
    capture.remarks = [(0, "customer case 7"), (205, "here it gets slow")]
    capture.undecoded = {"LLDP": 2, "EtherType 0x88cc": 12_480}
    capture.truncated_frames, capture.dropped = 2, 7
    capture.conversations = 3
    capture.neighbours = ["ARP: 10.0.0.1 asks who has 10.0.0.2; 02:00:00:00:00:02 answers (#3, #4)."]
    analysis = Analysis(capture)
    analysis.told = [lookup(), transfer(), refused()]
    analysis.conversations = [told.conversation for told in analysis.told]
    analysis.story = [
        StoryRow(1, "DNS", "shop.test A → 10.0.0.2, valid 300 s", START, START + 12 * MS + 100_000),
        StoryRow(2, "TCP", "10.0.0.1:51034 → 10.0.0.2:443", START + 20 * MS, START + 44 * MS + 300_000),
        StoryRow(2, "TLS 1.3", "X25519 · AES-128-GCM · h2 · shop.test", START + 45 * MS, START + 71 * MS),
        StoryRow(2, "HTTP/2", "GET /big.bin → 200, 1.2 MB", START + 71 * MS, START + 657 * MS),
        StoryRow(3, "TCP", "[2001:db8::10]:51040 → port 8443 refused", START + 1_800 * MS, START + 1_840 * MS),
    ]
    analysis.findings = [
        Finding(
            "tcp.loss", "note", "certain", "One segment was lost and resent after 3 duplicate ACKs.", 2,
            (201, 202, 203, 204, 205), "tcp.stream eq 0 && frame.number >= 201 && frame.number <= 205",
            "One loss is ordinary. Look at the path if they come often.", "A reordering that only looks like a loss.",
        ),
        Finding(
            "tcp.refused", "error", "certain", "Port 8443 of 2001:db8:0:1::22 refused the connection.", 3, (411, 412),
            "tcp.flags.reset == 1", "Check that the service runs and listens on this address.", "",
            "an RST answered the SYN",
        ),
        Finding(
            "tcp.window_limited", "warn", "likely", "The receiver's window held the transfer back.", 2,
            (40, 300, 380), "tcp.window_size < 20000", "Raise the receive buffer of the client.",
            "A sender that had nothing to send.", "bytes in flight stayed within one segment of the window",
        ),
    ]
    judge(analysis)
    analysis.left_out = [
        "1 240 conversations are not told: the 3 with findings and the most bytes are; --all tells all"
    ]
    return analysis
