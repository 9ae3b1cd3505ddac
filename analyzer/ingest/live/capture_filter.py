"""Capture filters in tcpdump's language, compiled by libpcap into a program that the kernel runs (pcap-filter(7))."""
from __future__ import annotations

import ctypes
import os
import socket
import struct
from typing import Any, Final

from analyzer.ingest.live.links import COOKED, ETHERNET, RAW_IP, of_link
from analyzer.ingest.source import CaptureError

# Instructions of the classic packet filter (linux/bpf_common.h): code, true and false jump, operand.
INSTRUCTION: Final = struct.Struct("=HBBI")
LOAD_WORD: Final = 0x20          # BPF_LD | BPF_W | BPF_ABS
JUMP: Final = 0x05               # BPF_JMP | BPF_JA
JUMP_EQUAL: Final = 0x15         # BPF_JMP | BPF_JEQ | BPF_K
RETURN: Final = 0x06             # BPF_RET | BPF_K
HARDWARE_TYPE: Final = 0xFFFFF000 + 28      # SKF_AD_OFF + SKF_AD_HATYPE (linux/filter.h)
MAX_INSTRUCTIONS: Final = 4096              # BPF_MAXINSNS

SO_ATTACH_FILTER: Final = 26
LARGEST: Final = 262_144                    # octets of a frame (MAXIMUM_SNAPLEN)
ERROR_BUFFER: Final = 256                   # PCAP_ERRBUF_SIZE

Instruction = tuple[int, int, int, int]


def pass_all(snaplen: int) -> list[Instruction]:
    """Every frame, so many bytes of it."""
    return [(RETURN, 0, 0, snaplen)]


def compiled(text: str, link: int, snaplen: int, interface: str) -> list[Instruction]:
    """The program for interfaces of this link type. interface: one of them, "" where none is at hand.

    Through a handle on the interface, libpcap knows that the kernel keeps VLAN tags beside the frame, and the
    keyword `vlan` finds them there. Without one it looks for them inside the frame.
    Raises CaptureError where the filter is wrong, or there is no libpcap.
    """
    pcap = _libpcap()
    # A cooked interface's program sees the frame from the network header on.
    wanted = RAW_IP if link == COOKED else link
    handle = None
    if interface and link != COOKED:
        errors = ctypes.create_string_buffer(ERROR_BUFFER)
        handle = pcap.pcap_open_live(os.fsencode(interface), snaplen, 0, 100, errors)
        if handle and pcap.pcap_datalink(handle) != _dlt(wanted):
            pcap.pcap_close(handle)
            handle = None
    if not handle:
        handle = pcap.pcap_open_dead(_dlt(wanted), snaplen)
    raw = _program(pcap, handle, text)
    # The program says how many bytes of a frame are kept, which is for us to decide.
    return [
        (code, yes, no, snaplen if code == RETURN and operand else operand)
        for code, yes, no, operand in INSTRUCTION.iter_unpack(raw)
    ]


def _program(pcap: Any, handle: Any, text: str) -> bytes:
    """The instructions, as libpcap and the kernel have them. Closes the handle. Raises CaptureError."""
    program = pcap.bpf_program()
    if pcap.pcap_compile(handle, ctypes.byref(program), ctypes.create_string_buffer(os.fsencode(text)), 1, 0xFFFFFFFF):
        reason = ctypes.string_at(pcap.pcap_geterr(handle)).decode(errors="replace")
        pcap.pcap_close(handle)
        raise CaptureError(f"the capture filter {text!r} is wrong: {reason}")
    raw = ctypes.string_at(program.bf_insns, program.bf_len * INSTRUCTION.size)
    pcap.pcap_freecode(ctypes.byref(program))
    pcap.pcap_close(handle)
    return raw


class FrameFilter:
    """A capture filter for frames that lie in a file: one program for each link type that is met.

    Raises CaptureError where the filter is wrong, cannot be used on a link type, or there is no libpcap.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._pcap = _libpcap()
        self._run = self._pcap._lib.bpf_filter
        self._run.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint]
        self._run.restype = ctypes.c_uint
        self._programs: dict[int, bytes] = {}
        self._of(ETHERNET)

    def _of(self, link: int) -> bytes:
        program = self._programs.get(link)
        if program is None:
            handle = self._pcap.pcap_open_dead(_dlt(link), LARGEST)
            try:
                program = _program(self._pcap, handle, self.text)
            except CaptureError as error:
                if link == ETHERNET:
                    raise
                raise CaptureError(f"{error} (on link type {link})") from error
            self._programs[link] = program
        return program

    def takes(self, link: int, frame: bytes, length: int) -> bool:
        """Whether it lets this frame through, which had so many octets on the wire."""
        return bool(self._run(self._of(link), frame, length, len(frame)))


def _dlt(link: int) -> int:
    """The DLT_ number that stands for a LINKTYPE_: they differ for raw IP, which is 12 here."""
    return 12 if link == RAW_IP else link


def _libpcap() -> Any:
    """libpcap by way of scapy. Raises CaptureError where it is not installed."""
    try:
        from scapy.libs import winpcapy
    except (ImportError, OSError) as error:
        raise CaptureError(
            "a capture filter needs libpcap, which is not installed (Debian: libpcap0.8, Fedora: libpcap); "
            "without one, --capture-filter cannot be used"
        ) from error
    return winpcapy


def for_all(text: str, snaplen: int, ethernet: str) -> list[Instruction]:
    """One program for a socket that hears all interfaces: it asks each frame for its hardware type first.

    Frames of interfaces that are neither Ethernet nor raw IP are left out. ethernet: an interface to compile with.
    """
    programs = [
        (of_link(ETHERNET), compiled(text, ETHERNET, snaplen, ethernet)),
        (of_link(RAW_IP), compiled(text, RAW_IP, snaplen, "")),
    ]
    # A conditional jump reaches 255 instructions, so each goes to one that jumps without a condition.
    head: list[Instruction] = [(LOAD_WORD, 0, 0, HARDWARE_TYPE)]
    size = 1 + sum(len(types) + 2 for types, _program in programs) + 1
    target = size
    for types, program in programs:
        for place, hardware in enumerate(types):
            head.append((JUMP_EQUAL, len(types) - place, 0, hardware))
        head.append((JUMP, 0, 0, 1))                                    # none of these: past the next
        head.append((JUMP, 0, 0, target - len(head) - 1))
        target += len(program)
    head.append((RETURN, 0, 0, 0))
    return head + [instruction for _types, program in programs for instruction in program]


def attach(receiver: socket.socket, program: list[Instruction]) -> None:
    """Give the program to the kernel; frames that came before it was attached are not affected.

    Raises CaptureError where the kernel refuses it.
    """
    if len(program) > MAX_INSTRUCTIONS:
        raise CaptureError(f"the capture filter makes {len(program)} instructions; the kernel takes {MAX_INSTRUCTIONS}")
    code = ctypes.create_string_buffer(b"".join(INSTRUCTION.pack(*each) for each in program))
    try:
        receiver.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(code))
        )
        ctypes.sizeof(code)    # compiled code lets go of a value after its last use: not before the kernel read it
    except OSError as error:
        raise CaptureError(f"the kernel refuses the capture filter ({error.strerror})") from error
