"""A message of DNS without the names and addresses in it, octet for octet as long (RFC 1035 §4)."""
from __future__ import annotations

from typing import Final

from dissectors.kit.stand_ins import StandIns, hidden

HEADER: Final = 12
MAX_LABELS: Final = 128         # of a name (RFC 1035 §2.3.4: 255 octets)
MAX_RECORDS: Final = 1_000      # of a message
# Types by what their data hold: how many octets, then names, then octets that are numbers (RFC 1035 §3.3, RFC 2782).
NAMES: Final = {
    2: (0, 1, 0), 5: (0, 1, 0), 6: (0, 2, 20), 12: (0, 1, 0), 15: (2, 1, 0), 33: (6, 1, 0), 39: (0, 1, 0),
}
A, TXT, AAAA, OPT = 1, 16, 28, 41
PADDING: Final = 12             # an option of EDNS that says nothing (RFC 7830 §3)


class _Cut(Exception):
    """What comes is not understood."""


def disguise(payload: bytes, carrier: str, on_port: bool, names: StandIns) -> bytes:
    """So much of it as is understood. Over TCP, a message that begins in this segment (RFC 1035 §4.2.2)."""
    if not on_port:
        return b""
    if carrier == "tcp":
        if len(payload) < 2 + HEADER or int.from_bytes(payload[:2], "big") != len(payload) - 2:
            return b""
        return payload[:2] + _Message(payload[2:], names).told()
    return _Message(payload, names).told()


class _Message:
    def __init__(self, data: bytes, names: StandIns) -> None:
        self.data = data
        self.out = bytearray(data)
        self.names = names
        self.at = HEADER

    def told(self) -> bytes:
        """Up to the first record that is not understood."""
        data = self.data
        if len(data) < HEADER:
            return b""
        questions, *records = [int.from_bytes(data[at:at + 2], "big") for at in (4, 6, 8, 10)]
        if questions + sum(records) > MAX_RECORDS:
            return b""
        kept = HEADER
        try:
            for _question in range(questions):
                self._name()
                self._skip(4)
                kept = self.at
            for _record in range(sum(records)):
                self._record()
                kept = self.at
        except _Cut:
            return bytes(self.out[:kept])
        return bytes(self.out[:kept])

    def _skip(self, octets: int) -> int:
        at = self.at
        if at + octets > len(self.data):
            raise _Cut
        self.at = at + octets
        return at

    def _record(self) -> None:
        self._name()
        at = self._skip(10)
        kind, length = int.from_bytes(self.data[at:at + 2], "big"), int.from_bytes(self.data[at + 8:at + 10], "big")
        start = self._skip(length)
        end = self.at
        if kind in NAMES:
            before, names, behind = NAMES[kind]
            self.at = start + before
            for _name in range(names):
                self._name()
            if self.at + behind != end:
                raise _Cut
        elif kind == A and length == 4:
            self.out[start:end] = self.names.v4(self.data[start:end])
        elif kind == AAAA and length == 16:
            self.out[start:end] = self.names.v6(self.data[start:end])
        elif kind == TXT:
            self._texts(start, end)
        elif kind == OPT and length >= 4:       # an address of a client may stand there (RFC 7871)
            self.out[start:end] = PADDING.to_bytes(2, "big") + (length - 4).to_bytes(2, "big") + bytes(length - 4)
        elif length:
            raise _Cut
        self.at = end

    def _texts(self, at: int, end: int) -> None:
        while at < end:
            size = self.data[at]
            if at + 1 + size > end:
                raise _Cut
            self.out[at + 1:at + 1 + size] = hidden(self.data[at + 1:at + 1 + size])
            at += 1 + size

    def _name(self) -> None:
        """The name that begins here: its labels, of which some may stand elsewhere (RFC 1035 §4.1.4)."""
        places: list[int] = []
        labels: list[str] = []
        at, behind = self.at, -1
        while True:
            if at >= len(self.data) or len(labels) > MAX_LABELS:
                raise _Cut
            size = self.data[at]
            if size >= 0xC0:
                if at + 2 > len(self.data):
                    raise _Cut
                behind = at + 2 if behind < 0 else behind
                target = int.from_bytes(self.data[at:at + 2], "big") & 0x3FFF
                if target >= at:
                    raise _Cut
                at = target
                continue
            if size >= 0x40 or at + 1 + size > len(self.data):
                raise _Cut
            at += 1
            if size == 0:
                break
            places.append(at if behind < 0 else -1)
            labels.append(self.data[at:at + size].decode("latin-1"))
            at += size
        self.at = behind if behind >= 0 else at
        for place, stand_in in zip(places, self._stand_ins(labels), strict=True):
            if place >= 0:
                self.out[place:place + len(stand_in)] = stand_in.encode("latin-1")

    def _stand_ins(self, labels: list[str]) -> list[str]:
        if not labels:
            return []
        own, ends = labels[:-2], labels[-2:]
        if ends[-1].lower() == "arpa" and all(_of_address(one) for one in own):     # an address (RFC 1035 §3.5)
            return ["0" * len(one) for one in own] + ends
        return self.names.name(labels)


def _of_address(label: str) -> bool:
    return len(label) < 4 and all(one in "0123456789abcdefABCDEF" for one in label)
