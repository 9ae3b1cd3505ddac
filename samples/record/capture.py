"""dumpcap records, the file loses what says where it was made, and tshark says what it shows."""
from __future__ import annotations

import subprocess
import time
from pathlib import Path

from samples.record.lab import Lab, LabError
from samples.record.network import Capture

BLOCK_SECTION = 0x0A0D0D0A       # draft-ietf-opsawg-pcapng §4
BLOCK_INTERFACE = 1
KEPT_OPTIONS = {
    BLOCK_SECTION: {4},          # shb_userappl
    BLOCK_INTERFACE: {2, 9},     # if_name, if_tsresol
}
BLOCK_SECRETS = 0x0000000A       # §4.7
SECRETS_TLS = 0x544C534B         # "TLSK": an NSS key log
FIXED_PART = {BLOCK_SECTION: 16, BLOCK_INTERFACE: 8}   # body before the options, in bytes
FLUSH_S = 0.6                    # longer than libpcap's read timeout in dumpcap


class Recording:
    """A running dumpcap."""

    def __init__(self, lab: Lab, settings: Capture, name: str = "raw") -> None:
        self.lab = lab
        self.file = lab.scratch / f"{name}.pcapng"
        device = settings.device or "eth0"
        command = ["dumpcap", "-q", "-n", "-p", "-i", device, "-w", str(self.file), "-s", str(settings.snaplen)]
        if settings.linktype:
            command += ["-y", settings.linktype]
        self.process = lab.start(settings.at, command)
        deadline = time.monotonic() + 10
        while not (self.file.exists() and self.file.stat().st_size):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise LabError(f"{lab.key}: dumpcap does not start at {settings.at}")
            time.sleep(0.02)
        time.sleep(0.2)

    def stop(self) -> bytes:
        """Ends it as Ctrl-C would and returns the file, cleaned, with the keys that the programs logged."""
        time.sleep(FLUSH_S)
        self.lab.end(self.process)
        data = cleaned(self.file.read_bytes())
        return with_keys(data, self.lab.keys.read_text()) if self.lab.keys.exists() else data


def cleaned(data: bytes) -> bytes:
    """The same pcapng without operating system, hardware and comments in its section and interface blocks."""
    out = bytearray()
    position = 0
    while position + 12 <= len(data):
        kind = int.from_bytes(data[position:position + 4], "little")
        length = int.from_bytes(data[position + 4:position + 8], "little")
        if length < 12 or position + length > len(data):
            raise LabError(f"the capture is damaged at byte {position}")
        body = data[position + 8:position + length - 4]
        if kind in KEPT_OPTIONS:
            fixed = FIXED_PART[kind]
            body = body[:fixed] + _kept(body[fixed:], KEPT_OPTIONS[kind])
        size = (len(body) + 12).to_bytes(4, "little")
        out += kind.to_bytes(4, "little") + size + body + size
        position += length
    return bytes(out)


def with_keys(data: bytes, log: str) -> bytes:
    """The pcapng with the lines of a key log, each once, in a Decryption Secrets Block before its packets.

    Comments are left out: they name nothing but the library. Without a line the file is as it was.
    """
    lines = dict.fromkeys(line for line in log.splitlines() if line and not line.startswith("#"))
    if not lines:
        return data
    secrets = "".join(f"{line}\n" for line in lines).encode()
    padded = secrets + b"\0" * (-len(secrets) % 4)
    body = SECRETS_TLS.to_bytes(4, "little") + len(secrets).to_bytes(4, "little") + padded
    size = (len(body) + 12).to_bytes(4, "little")
    block = BLOCK_SECRETS.to_bytes(4, "little") + size + body + size
    after = int.from_bytes(data[4:8], "little")          # the section header stands first
    return data[:after] + block + data[after:]


def has_keys(data: bytes) -> bool:
    """Whether with_keys() put a block in."""
    after = int.from_bytes(data[4:8], "little")
    return int.from_bytes(data[after:after + 4], "little") == BLOCK_SECRETS


def _kept(options: bytes, wanted: set[int]) -> bytes:
    out = bytearray()
    position = 0
    while position + 4 <= len(options):
        code = int.from_bytes(options[position:position + 2], "little")
        length = int.from_bytes(options[position + 2:position + 4], "little")
        end = position + 4 + (length + 3) // 4 * 4
        if code == 0:
            break
        if code in wanted:
            out += options[position:end]
        position = end
    return bytes(out + b"\0\0\0\0") if out else b""


def tshark(capture: Path, *arguments: str) -> str:
    """What tshark prints about a capture, without a user's own settings and without asking any network."""
    command = ["tshark", "-n", "-C", "Default", "-r", str(capture), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        complaint = [line for line in done.stderr.splitlines() if not line.startswith("Running as")]
        raise LabError(" ".join(complaint))
    return done.stdout


def frames_where(capture: Path, display_filter: str) -> list[int]:
    """Numbers of the frames a display filter matches, from 1."""
    printed = tshark(capture, "-Y", display_filter, "-T", "fields", "-e", "frame.number")
    return [int(line) for line in printed.split()]
