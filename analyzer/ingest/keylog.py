"""Key logs of TLS (RFC 9850, and the lines that came before it), from files and from blocks of a capture.

A complaint is one sentence that names a line, and never quotes a secret.
"""
from __future__ import annotations

import re
from binascii import unhexlify
from typing import Final

from analyzer.ingest.source import Source
from dissectors.kit.provided import Provided

TLS_KEY_LOG: Final = 0x544C534B    # the type of a secrets block, draft-ietf-opsawg-pcapng §4.7
KINDS: Final[dict[int, str]] = {0x57474B4C: "WireGuard", 0x5353484B: "SSH", 0x5A4E574B: "ZigBee", 0x5A415053: "ZigBee"}

MAX_SECRETS: Final = 1_000_000     # secrets held at once; a browser logs five for a connection
MAX_COMPLAINTS: Final = 5          # lines of one key log that are named; the others are counted
MAX_BAD: Final = 500_000           # lines of one key log that hold no secret; one with more is none
MAX_BLOCK_COMPLAINTS: Final = 20   # about secrets blocks of a capture; the others are counted
MAX_SECRET: Final = 4_096          # octets of one secret; those of TLS have 48, an ECH configuration some hundreds

RANDOM: Final = 32                 # octets: RFC 8446 §4.1.2
MASTER: Final = 48                 # octets: RFC 5246 §8.1
ENCRYPTED_START: Final = 8         # octets of an encrypted premaster secret that name it
TRAFFIC_LABELS: Final = (          # RFC 9850 §2.1; their secrets are as long as a hash
    b"CLIENT_EARLY_TRAFFIC_SECRET", b"EARLY_EXPORTER_SECRET", b"CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    b"SERVER_HANDSHAKE_TRAFFIC_SECRET", b"CLIENT_TRAFFIC_SECRET_0", b"SERVER_TRAFFIC_SECRET_0", b"EXPORTER_SECRET",
)
MASTER_LABEL: Final = b"CLIENT_RANDOM"    # RFC 9850 §2.2


LINE: Final = re.compile(rb"[^\r\n]+")      # lines end with CR LF, CR or LF: RFC 9850 §2
MOST_PARTS: Final = 3              # of a line, and the rest of it


class BadLine(Exception):
    """A line that holds no secret; the message says why."""


def read_key_log(data: bytes, provided: Provided) -> list[str]:
    """Add the secrets of a key log to `provided`; returns complaints, each with its line number.

    Keys are label + b" " + what follows it: the client random; for `RSA` the first 8 octets of the encrypted
    premaster secret; for `RSA Session-ID:` the label `Session-ID` and the session id. Of two values for one key
    the later one counts. Labels that are not known are kept as they are: the registry grows (RFC 9850 §4.2).
    """
    complaints: list[str] = []
    more = 0
    for match in LINE.finditer(data):       # one at a time: a list of all would be many times as large as the log
        line = match.group()
        if line[0] == 0x23:
            continue
        parts = line.split(None, MOST_PARTS)
        if not parts:
            continue
        try:
            key, secret = entry(parts)
        except BadLine as reason:
            if len(complaints) < MAX_COMPLAINTS:
                complaints.append(f"line {line_number(data, match.start())}: {reason}")
            else:
                more += 1
                if more >= MAX_BAD:
                    complaints.append(
                        f"line {line_number(data, match.start())}: more than {MAX_BAD} lines that hold no secret; what "
                        "comes after is not read"
                    )
                    break
            continue
        if len(provided.secrets) >= MAX_SECRETS and key not in provided.secrets:
            complaints.append(
                f"line {line_number(data, match.start())}: more than {MAX_SECRETS} secrets; those from here on are not "
                "read"
            )
            break
        provided.secrets[key] = secret
    if more:
        complaints.append(f"{more} more {'line' if more == 1 else 'lines'} that hold no secret")
    return complaints


def line_number(data: bytes, at: int) -> int:
    """Of the line that begins at data[at], from 1."""
    return 1 + data.count(b"\n", 0, at) + data.count(b"\r", 0, at) - data.count(b"\r\n", 0, at)


def entry(parts: list[bytes]) -> tuple[bytes, bytes]:
    """What one line holds: (its key in Provided.secrets, the secret). Raises BadLine."""
    label = parts[0]
    if len(parts) != 3:
        raise BadLine("not the three parts of a key log: a label, what it belongs to, a secret")
    if label == b"RSA":
        if parts[1].startswith(b"Session-ID:"):
            if not parts[2].startswith(b"Master-Key:"):
                raise BadLine("a session id without its master key")
            session = octets(parts[1][11:], "session id")
            return b"Session-ID " + session, sized(octets(parts[2][11:], "master key"), MASTER, "master key")
        start = sized(octets(parts[1], "encrypted secret's start"), ENCRYPTED_START, "encrypted secret's start")
        return b"RSA " + start, sized(octets(parts[2], "secret"), MASTER, "premaster secret")
    if not is_label(label):
        raise BadLine("it does not begin with a label")
    random = sized(octets(parts[1], "client random"), RANDOM, "client random")
    secret = octets(parts[2], "secret")
    if label in TRAFFIC_LABELS and len(secret) not in (32, 48):
        raise BadLine(f"the secret has {len(secret)} octets, and not the 32 or 48 of a hash")
    if label == MASTER_LABEL:
        sized(secret, MASTER, "master secret")
    if not secret:
        raise BadLine("the secret is empty")
    return label + b" " + random, secret


def is_label(label: bytes) -> bool:
    """Capital letters, digits and underscores."""
    return label.isascii() and label.isupper() and label.replace(b"_", b"").isalnum()


def octets(text: bytes, what: str) -> bytes:
    """From hexadecimal digits of either case. Raises BadLine."""
    if len(text) > 2 * MAX_SECRET:
        raise BadLine(f"the {what} is longer than {MAX_SECRET} octets")
    try:
        return unhexlify(text)
    except ValueError:
        raise BadLine(f"the {what} is not hexadecimal") from None


def sized(value: bytes, length: int, what: str) -> bytes:
    if len(value) != length:
        raise BadLine(f"the {what} has {len(value)} octets, and not {length}")
    return value


def take_secrets(source: Source, taken: int, provided: Provided, complaints: list[str]) -> None:
    """Add what the secrets blocks of a capture hold, from the one with that index on."""
    for index in range(taken, len(source.secrets)):
        block = source.secrets[index]
        if block.kind != TLS_KEY_LOG:
            count(source, f"secrets block of {KINDS.get(block.kind, f'type 0x{block.kind:08X}')}")
            continue
        for complaint in read_key_log(block.data, provided):
            if len(complaints) < MAX_BLOCK_COMPLAINTS:
                complaints.append(f"{source.name}: secrets block {index + 1}, {complaint}")
            else:
                count(source, "further lines of secrets blocks")


def count(source: Source, what: str) -> None:
    source.skipped_blocks[what] = source.skipped_blocks.get(what, 0) + 1
