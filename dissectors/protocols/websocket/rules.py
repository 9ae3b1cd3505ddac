"""What is wrong with a frame, given what was agreed. Predicates only: state changes elsewhere."""
from __future__ import annotations

from dissectors.protocols.websocket.codes import CLOSE, close_name, may_be_sent, opcode_name
from dissectors.protocols.websocket.events_rules import COMPRESSION, CONTROL, LENGTH, MASKING, RESERVED
from dissectors.protocols.websocket.frames import (
    CONTROL_FRAGMENTED,
    CONTROL_LONG,
    LENGTH_TOO_LARGE,
    NOT_MINIMAL,
    RESERVED_OPCODE,
    FrameCutter,
)


def faults_of(cutter: FrameCutter, by_client: bool, compressible: bool, extended: bool) -> list[tuple[str, str]]:
    """(rule, what was seen) for each rule that this header breaks.

    compressible: permessage-deflate was agreed, or may have been.   extended: other extensions were.
    """
    found: list[tuple[str, str]] = []
    name = opcode_name(int(cutter.opcode))
    if by_client and not cutter.masked:
        found.append((MASKING, f"a {name} frame of the client is not masked"))
    elif cutter.masked and not by_client:
        found.append((MASKING, f"a {name} frame of the server is masked"))
    found += _reserved(cutter, name, compressible, extended)
    faults = int(cutter.faults)
    if faults & RESERVED_OPCODE and not extended:
        found.append((RESERVED, f"a frame has the {name}"))
    if faults & LENGTH_TOO_LARGE:
        found.append((LENGTH, "a length of 64 bits has its topmost bit set; frames cannot be told from here on"))
    elif faults & NOT_MINIMAL:
        found.append((LENGTH, f"the length {int(cutter.length)} stands in a longer form than it needs"))
    if faults & CONTROL_FRAGMENTED:
        found.append((CONTROL, f"a {name} frame says that it is to be continued"))
    if faults & CONTROL_LONG:
        found.append((CONTROL, f"a {name} frame holds {int(cutter.length)} bytes; 125 are allowed"))
    return found


def _reserved(cutter: FrameCutter, name: str, compressible: bool, extended: bool) -> list[tuple[str, str]]:
    """The three bits (RFC 6455 §5.2); RSV1 is that of permessage-deflate (RFC 7692 §6)."""
    if not cutter.reserved or extended:
        return []
    bits = " and ".join([f"RSV{index + 1}" for index in range(3) if cutter.reserved & 4 >> index])
    if cutter.reserved == 4 and compressible:
        if 0 < cutter.opcode < CLOSE:
            return []
        kind = "control frame" if cutter.opcode >= CLOSE else "continuation"
        return [(COMPRESSION, f"RSV1 is set in a {kind}, where compression has no meaning")]
    are = "are" if " " in bits else "is"
    return [(RESERVED, f"{bits} of a {name} frame {are} set, and no extension was agreed that gives a meaning to it")]


def close_of(payload: bytes) -> tuple[int, str, str]:
    """(code or -1, reason, what is wrong with it or "") of a Close frame's payload (RFC 6455 §5.5.1)."""
    if not payload:
        return -1, "", ""
    if len(payload) == 1:
        return -1, "", "a Close frame holds one byte, half a code"
    code = payload[0] << 8 | payload[1]
    reason = payload[2:].decode("utf-8", "replace")
    fault = ""
    if not may_be_sent(code):
        fault = f"a Close frame holds the code {code} ({close_name(code)}), which must not be sent"
    else:
        try:
            payload[2:].decode("utf-8")
        except UnicodeDecodeError:
            fault = "the reason of a Close frame is not UTF-8"
    return code, reason, fault
