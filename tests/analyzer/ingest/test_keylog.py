"""Key logs: what is read, what is complained about, and how those inside a capture reach the dissectors."""
from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_captures import Opener, block, enhanced, interface, section

from analyzer.ingest import keylog
from analyzer.ingest.keylog import TLS_KEY_LOG, read_key_log, take_secrets
from analyzer.ingest.source import Secrets, Source
from analyzer.pipeline.frames import FrameLines
from analyzer.pipeline.run import Frames, Options, analyze
from dissectors.kit.provided import Provided

RANDOM = bytes(range(32))
OTHER = bytes(range(32, 64))
MASTER = bytes(range(100, 148))
LABELS = [
    "CLIENT_EARLY_TRAFFIC_SECRET", "EARLY_EXPORTER_SECRET", "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET",
]


def line(label: str, random: bytes = RANDOM, secret: bytes = MASTER) -> str:
    return f"{label} {random.hex()} {secret.hex()}"


def read(text: str) -> tuple[Provided, list[str]]:
    provided = Provided()
    return provided, read_key_log(text.encode(), provided)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("length", [32, 48])
def test_every_label_of_tls_1_3(label: str, length: int) -> None:
    provided, complaints = read(line(label, secret=MASTER[:length]))
    assert complaints == []
    assert provided.secret(label.encode(), RANDOM) == MASTER[:length]
    assert provided.secret(label.encode(), OTHER) == b""


def test_lines_of_before_tls_1_3() -> None:
    provided, complaints = read("\n".join([
        line("CLIENT_RANDOM"),
        f"RSA 0102030405060708 {MASTER.hex()}",
        f"RSA Session-ID:{OTHER.hex()} Master-Key:{MASTER.hex()}",
        line("PMS_CLIENT_RANDOM", OTHER, MASTER[:20]),
    ]))
    assert complaints == []
    assert provided.secret(b"CLIENT_RANDOM", RANDOM) == MASTER
    assert provided.secret(b"RSA", bytes(range(1, 9))) == MASTER
    assert provided.secret(b"Session-ID", OTHER) == MASTER
    assert provided.secret(b"PMS_CLIENT_RANDOM", OTHER) == MASTER[:20]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_either_case_every_line_end_comments_and_empty_lines(end: str) -> None:
    text = end.join([
        "# SSL/TLS secrets log file — étoile", "", line("CLIENT_RANDOM"),
        f"CLIENT_RANDOM {OTHER.hex().upper()} {MASTER.hex().upper()}", "   ", "",
    ])
    provided, complaints = read(text)
    assert complaints == []
    assert len(provided.secrets) == 2
    assert provided.secret(b"CLIENT_RANDOM", OTHER) == MASTER


def test_labels_yet_to_come_are_kept_and_the_later_of_two_counts() -> None:
    provided, complaints = read("\n".join([
        line("CLIENT_TRAFFIC_SECRET_1", secret=b"a"), line("CLIENT_RANDOM"), line("CLIENT_RANDOM", secret=bytes(48)),
    ]))
    assert complaints == []
    assert provided.secret(b"CLIENT_TRAFFIC_SECRET_1", RANDOM) == b"a"
    assert provided.secret(b"CLIENT_RANDOM", RANDOM) == bytes(48)


@pytest.mark.parametrize(("broken", "why"), [
    ("CLIENT_RANDOM", "three parts"),
    (line("CLIENT_RANDOM") + " more", "three parts"),
    ("<html> <body> hello", "begin with a label"),
    (line("client_random"), "begin with a label"),
    (line("CLIENT_RANDOM", RANDOM[:31]), "31 octets, and not 32"),
    (line("CLIENT_RANDOM", secret=MASTER[:47]), "47 octets, and not 48"),
    (line("CLIENT_TRAFFIC_SECRET_0", secret=MASTER[:33]), "33 octets"),
    (f"CLIENT_RANDOM {RANDOM.hex()} {MASTER.hex()[:-1]}", "not hexadecimal"),
    (f"CLIENT_RANDOM {RANDOM.hex()[:-2]}zz {MASTER.hex()}", "not hexadecimal"),
    (f"CLIENT_RANDOM {RANDOM.hex()} {'ab' * 5000}", "longer than"),
    (f"RSA 01020304 {MASTER.hex()}", "4 octets, and not 8"),
    (f"RSA Session-ID:01 {MASTER.hex()}", "without its master key"),
    ("RSA Session-ID:01 Master-Key:01", "1 octets, and not 48"),
])
def test_a_broken_line_is_named_and_no_secret_is_quoted(broken: str, why: str) -> None:
    provided, complaints = read("\n".join(["# one", line("EXPORTER_SECRET"), broken, line("CLIENT_RANDOM", OTHER)]))
    assert len(complaints) == 1
    assert complaints[0].startswith("line 3: ")
    assert why in complaints[0]
    assert len(provided.secrets) == 2
    assert MASTER.hex()[:8] not in complaints[0]


def test_many_broken_lines_are_counted() -> None:
    _, complaints = read("\n".join(["nonsense"] * 5 + ["more nonsense"] * 95))
    assert len(complaints) == 6
    assert complaints[-1] == "95 more lines that hold no secret"


def test_the_cap_on_secrets_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (keylog.__file__ or "").endswith(".py"):
        pytest.skip("a constant of a compiled module cannot be changed")
    monkeypatch.setattr(keylog, "MAX_SECRETS", 2)
    provided, complaints = read("\n".join(line("CLIENT_RANDOM", bytes([number]) * 32) for number in range(4)))
    assert complaints == ["line 3: more than 2 secrets; those from here on are not read"]
    assert len(provided.secrets) == 2


@given(st.binary(max_size=300))
def test_no_octets_break_the_reader(data: bytes) -> None:
    for prefix in (b"", b"CLIENT_RANDOM " + RANDOM.hex().encode() + b" ", b"RSA Session-ID:"):
        for complaint in read_key_log(prefix + data, Provided()):
            assert complaint


def secrets_block(text: str, kind: int = TLS_KEY_LOG) -> bytes:
    data = text.encode()
    return block(10, struct.pack("<II", kind, len(data)) + data)


def test_blocks_of_a_capture_are_taken_once_each(opened: Opener) -> None:
    source = opened(
        section() + interface() + secrets_block(line("CLIENT_RANDOM")) + enhanced()
        + secrets_block("junk\n" + line("EXPORTER_SECRET")) + secrets_block("x", 0x57474B4C) + enhanced()
    )
    provided = Provided()
    complaints: list[str] = []
    assert source.next()
    take_secrets(source, 0, provided, complaints)
    assert list(provided.secrets) == [b"CLIENT_RANDOM " + RANDOM]
    while source.next():
        pass
    take_secrets(source, 1, provided, complaints)
    assert len(provided.secrets) == 2
    assert [complaint.partition(": ")[2] for complaint in complaints] == [
        "secrets block 2, line 1: not the three parts of a key log: a label, what it belongs to, a secret"
    ]
    assert source.skipped_blocks == {"secrets block of WireGuard": 1}


def test_complaints_about_blocks_are_capped() -> None:
    source = Source("many.pcapng")
    source.secrets = [Secrets(TLS_KEY_LOG, b"junk")] * 50
    complaints: list[str] = []
    take_secrets(source, 0, Provided(), complaints)
    assert len(complaints) == keylog.MAX_BLOCK_COMPLAINTS
    assert source.skipped_blocks == {"further lines of secrets blocks": 50 - keylog.MAX_BLOCK_COMPLAINTS}


def test_the_pipeline_takes_them_before_anything_is_told(tmp_path: Path) -> None:
    path = tmp_path / "keys.pcapng"
    path.write_bytes(section() + interface() + enhanced() + secrets_block(line("CLIENT_RANDOM") + "\njunk"))
    options = Options()
    analysis = analyze([str(path)], options)
    assert options.provided.secret(b"CLIENT_RANDOM", RANDOM) == MASTER
    assert analysis.capture.damage == [
        f"{path}: secrets block 1, line 2: not the three parts of a key log: a label, what it belongs to, a secret"
    ]
    provided = Provided()
    lines = Frames([str(path)], 0, provided)
    assert len(b"".join(lines).splitlines()) == 1
    assert lines.damage == analysis.capture.damage


class TwoFrames(Source):
    """Between its frames it meets a secrets block, and notes what had been taken of it when it is asked again."""

    def __init__(self, provided: Provided) -> None:
        super().__init__("two")
        self.provided = provided
        self.taken: list[int] = []

    def next(self) -> bool:
        self.taken.append(len(self.provided.secrets))
        number = len(self.taken)
        self.data = bytes(60)
        self.end = self.length = 60
        self.link = 1
        self.number = number
        if number == 2:
            self.secrets.append(Secrets(TLS_KEY_LOG, line("CLIENT_RANDOM").encode()))
        return number < 4


def test_frames_take_a_block_as_soon_as_it_is_met() -> None:
    provided = Provided()
    source = TwoFrames(provided)
    FrameLines(source, (), 0, provided).block()
    assert source.taken == [0, 0, 1, 1]


def test_a_file_of_other_lines_is_not_read_to_its_end() -> None:
    bad = keylog.MAX_BAD + keylog.MAX_COMPLAINTS
    provided, complaints = read("x\n" * (bad + 10) + line("CLIENT_RANDOM"))
    assert provided.secrets == {}
    said = f"line {bad}: more than {keylog.MAX_BAD} lines that hold no secret; what comes after is not read"
    assert said in complaints
    provided, complaints = read("x\n" * (bad - 1) + line("CLIENT_RANDOM"))
    assert len(provided.secrets) == 1
