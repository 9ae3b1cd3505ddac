"""Transport parameters: what each side allows and announces in its first flight (RFC 9000 §18, and extensions)."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.cursor import WireError
from dissectors.kit.units import duration, plural, size
from dissectors.protocols.quic.versions import version_title
from dissectors.protocols.quic.wire import Reader

EXTENSION: Final = 57            # of TLS (RFC 9001 §8.2)
EXTENSION_DRAFT: Final = 0xFFA5  # up to draft 32

ORIGINAL_ID: Final = 0x00
IDLE_TIMEOUT: Final = 0x01
RESET_TOKEN: Final = 0x02
LARGEST_PAYLOAD: Final = 0x03
ACK_EXPONENT: Final = 0x0A
ACK_DELAY: Final = 0x0B
PREFERRED_ADDRESS: Final = 0x0D
VERSION_INFORMATION: Final = 0x11
GREASE_BIT: Final = 0x2AB2
RESERVED_EVERY, RESERVED_FIRST = 31, 27      # RFC 9000 §18.1
MAX_PARAMETERS: Final[i64] = 128     # of one side that are read
MAX_SHOWN: Final = 8                 # octets of a value that is not understood
LARGEST_EXPONENT: Final = 20         # RFC 9000 §18.2
DEFAULT_EXPONENT: Final = 3          # RFC 9000 §18.2

# By number: the name, and what a value means, with {} for it. Those of IANA's registry.
INTEGERS: Final[dict[int, tuple[str, str]]] = {
    IDLE_TIMEOUT: ("max_idle_timeout", "gives up after {} of silence"),
    LARGEST_PAYLOAD: ("max_udp_payload_size", "takes datagrams of up to {}"),
    0x04: ("initial_max_data", "lets the peer send {} in all at first"),
    0x05: ("initial_max_stream_data_bidi_local", "takes {} on each stream that it opens itself"),
    0x06: ("initial_max_stream_data_bidi_remote", "takes {} on each stream that the peer opens"),
    0x07: ("initial_max_stream_data_uni", "takes {} on each stream of one direction"),
    0x08: ("initial_max_streams_bidi", "lets the peer open {} at first"),
    0x09: ("initial_max_streams_uni", "lets the peer open {} of one direction at first"),
    ACK_EXPONENT: ("ack_delay_exponent", "counts the delay of its ACKs in units of {}"),
    ACK_DELAY: ("max_ack_delay", "delays its ACKs by at most {}"),
    0x0E: ("active_connection_id_limit", "keeps up to {} of the peer"),
    0x20: ("max_datagram_frame_size", "takes DATAGRAM frames of up to {}"),          # RFC 9221 §3
    0xFF04_DE1B: ("min_ack_delay", "can delay ACKs as the peer asks (ACK frequency, a draft)"),
    0x1057: ("loss_bits", "uses two bits of short headers for measuring losses (a draft)"),
    0x3127: ("initial_rtt", "remembers a round trip of {} to this server (Google)"),
}
OCTETS: Final = (LARGEST_PAYLOAD, 0x04, 0x05, 0x06, 0x07, 0x20)
MILLISECONDS: Final = (IDLE_TIMEOUT, ACK_DELAY)
COUNTED: Final[dict[int, str]] = {0x08: "stream", 0x09: "stream", 0x0E: "connection ID"}
FLAGS: Final[dict[int, tuple[str, str]]] = {
    0x0C: ("disable_active_migration", "does not want the peer to change its address"),
    GREASE_BIT: ("grease_quic_bit", "does not mind packets whose QUIC bit is 0"),        # RFC 9287 §3
}
OTHERS: Final[dict[int, tuple[str, str]]] = {
    ORIGINAL_ID: ("original_destination_connection_id", "confirms the connection ID that the client chose for it"),
    RESET_TOKEN: ("stateless_reset_token", "names the token of a stateless reset"),
    PREFERRED_ADDRESS: ("preferred_address", "asks the client to move to another address of it"),
    0x0F: ("initial_source_connection_id", "confirms the connection ID that it chose for itself"),
    0x10: ("retry_source_connection_id", "confirms the connection ID of its Retry"),
    VERSION_INFORMATION: ("version_information", "names the versions that it can speak"),      # RFC 9368 §3
    0xFF73_DB: ("version_information", "names the versions that it can speak (a draft)"),
    0x3128: ("google_connection_options", "names options of Google's programs"),
    0x3129: ("user_agent", "names its program (Google)"),
    0x4752: ("google_version", "names the versions that it can speak (Google)"),
}
# Who knows the token of a stateless reset can end the connection (RFC 9000 §10.3); octets of an address say little.
UNSHOWN: Final = (RESET_TOKEN, PREFERRED_ADDRESS)
LARGEST_MS: Final = 1 << 40      # a longer time is none that anybody means


class Parameter:
    """One of them. value: of an integer, -1 for another kind."""

    def __init__(self, number: int, data: bytes) -> None:
        self.number = number
        self.data = data
        self.value = -1
        if number in INTEGERS:
            try:
                self.value = int(Reader(data, 0, len(data)).varint())
            except WireError:
                self.value = -1

    @property
    def name(self) -> str:
        for table in (INTEGERS, FLAGS, OTHERS):
            if self.number in table:
                return table[self.number][0]
        return "reserved (GREASE)" if is_reserved(self.number) else f"unknown (0x{self.number:x})"

    def text(self) -> str:
        """Its value in the shortest form; "" where its being there is all."""
        if self.value >= 0:
            return self._measured()
        if self.number in FLAGS or self.number in UNSHOWN:
            return ""
        if self.number == VERSION_INFORMATION:
            return ", ".join([version_title(version) for version in self.versions()])
        shown = self.data[:MAX_SHOWN].hex()
        return f"{shown}… ({plural(len(self.data), 'octet')})" if len(self.data) > MAX_SHOWN else shown

    def _measured(self) -> str:
        if self.number in MILLISECONDS and self.value < LARGEST_MS:
            return duration(self.value * 1_000_000)
        if self.number == 0x3127 and self.value < LARGEST_MS:
            return duration(self.value * 1_000)
        if self.number == ACK_EXPONENT and self.value <= LARGEST_EXPONENT:
            return f"{1 << self.value} µs"
        if self.number in OCTETS:
            return size(self.value)
        return plural(self.value, COUNTED[self.number]) if self.number in COUNTED else str(self.value)

    def says(self) -> str:
        """What it means, to stand behind the one who says it: `gives up after 30.0 s of silence`; "" where nobody
        knows."""
        if self.number == IDLE_TIMEOUT and self.value == 0:
            return "does not give up for silence"        # RFC 9000 §18.2
        for table in (INTEGERS, FLAGS, OTHERS):
            if self.number in table:
                return table[self.number][1].replace("{}", self.text())
        return ""

    def versions(self) -> list[int]:
        """Of version_information: the chosen one first, then those that are available (RFC 9368 §3)."""
        data = self.data
        return [int.from_bytes(data[at:at + 4], "big") for at in range(0, min(len(data), 256) - 3, 4)]


class Parameters:
    """Of one side, in its order. problem: what broke, "" for nothing."""

    def __init__(self, data: bytes) -> None:
        self.all: list[Parameter] = []
        self.problem = ""
        reader = Reader(data, 0, len(data))
        try:
            while reader.at < reader.end and len(self.all) < MAX_PARAMETERS:
                number = reader.varint()
                self.all.append(Parameter(int(number), reader.take(reader.varint())))
        except WireError as error:
            self.problem = error.reason

    def get(self, number: int) -> Parameter | None:
        return next((one for one in self.all if one.number == number), None)

    def ack_exponent(self) -> int:
        """By which the delays in its ACKs are to be shifted (RFC 9000 §18.2)."""
        return min(self.number(ACK_EXPONENT, DEFAULT_EXPONENT), LARGEST_EXPONENT)

    def number(self, number: int, default: int) -> int:
        """The value of an integer, or what it is where it is not named."""
        found = self.get(number)
        return found.value if found is not None and found.value >= 0 else default


def is_reserved(number: int) -> bool:
    """One that nobody understands, on purpose (RFC 9000 §18.1)."""
    return number % RESERVED_EVERY == RESERVED_FIRST
