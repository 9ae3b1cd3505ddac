"""Key logs, private keys and trusted roots, as options and from the environment."""
from __future__ import annotations

import datetime
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from analyzer.cli.main import run
from analyzer.ingest import keyfiles

ROOT = Path(__file__).parents[3]
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def pem(key: Key, protection: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection or NoEncryption())


def certificate(key: Key, name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2024, 1, 1)
    return (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(7).not_valid_before(start).not_valid_after(start + datetime.timedelta(99)).sign(
            key, hashes.SHA256()
        )
    )


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def log(folder: Path, name: str, octet: int, *more: str) -> str:
    path = folder / name
    path.write_text("\n".join([f"CLIENT_RANDOM {(bytes([octet]) * 32).hex()} {bytes(48).hex()}", *more]))
    return str(path)


def provided(pipeline: Any) -> Any:
    return pipeline.last.provided


def test_key_logs_of_options_and_of_the_environment(
    tmp_path: Path, pipeline: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", log(tmp_path, "c.log", 3))
    assert run([
        "analyze", "x.pcap", "--keylog", log(tmp_path, "a.log", 1), "--keylog", log(tmp_path, "b.log", 2, "junk"),
    ]) == 0
    assert sorted(key[-1] for key in provided(pipeline).secrets) == [1, 2, 3]
    assert not provided(pipeline).show_secrets
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "b.log: line 2: " in error


def test_frames_get_them_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = sys.modules["analyzer.pipeline.run"].Frames
    assert run(["frames", "x.pcap", "--keylog", log(tmp_path, "a.log", 1), "--show-secrets"]) == 0
    assert len(frames.provided.secrets) == 1
    assert frames.provided.show_secrets
    assert capsys.readouterr().err == ""


def test_a_missing_key_log(
    tmp_path: Path, pipeline: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "missing.log")
    assert run(["analyze", "x.pcap", "--keylog", missing]) == 2
    assert "missing.log" in capsys.readouterr().err
    monkeypatch.setenv("SSLKEYLOGFILE", missing)
    assert run(["analyze", "x.pcap"]) == 0
    assert "named by SSLKEYLOGFILE, and not there" in capsys.readouterr().err
    assert provided(pipeline).secrets == {}


def test_a_log_without_a_secret_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "page.html"
    path.write_text("<!doctype html>\x1b[2J")
    assert run(["analyze", "x.pcap", "--keylog", str(path)]) == 0
    error = capsys.readouterr().err
    assert "no secret was read from it" in error
    assert "\x1b" not in error


def command(name: str, option: str, path: str, folder: Path) -> list[str]:
    words = [name, "x.pcap", option, path]
    return [*words, "-o", str(folder / "out.json")] if name == "report" else words


@pytest.mark.parametrize(("name", "option"), [
    ("analyze", "--keylog"), ("report", "--keylog"), ("frames", "--keylog"), ("analyze", "--private-key"),
    ("analyze", "--trust"), ("report", "--inject-keys"),
])
def test_neither_a_pipe_without_a_writer_nor_a_device_keeps_anybody_waiting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, option: str
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, why in ((str(pipe), "is a pipe that nobody writes to"), ("/dev/zero", "is a device, not a file")):
        assert run(command(name, option, path, tmp_path)) == 2
        error = capsys.readouterr().err
        assert f"{path}: {why}" in error
        assert error.count("\n") == 1
    assert run(command(name, option, str(tmp_path), tmp_path)) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_pipe_with_a_writer_is_read_to_its_end(tmp_path: Path, pipeline: Any) -> None:
    """As `--keylog <(gpg -d keys.gpg)` makes one: nothing comes at first, and then in pieces."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = Path(log(tmp_path, "a.log", 1)).read_bytes() + b"\n" + Path(log(tmp_path, "b.log", 2)).read_bytes()

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:
            for at in range(0, len(content), 100):
                time.sleep(0.05)
                file.write(content[at:at + 100])

    writer = threading.Thread(target=write)
    writer.start()
    assert run(["analyze", "x.pcap", "--keylog", str(pipe)]) == 0
    writer.join()
    assert sorted(key[-1] for key in provided(pipeline).secrets) == [1, 2]


def test_a_writer_who_says_nothing_is_left_after_a_while(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    both = os.open(pipe, os.O_RDWR)
    with pytest.raises(keyfiles.UnusableFile, match="has neither written nor ended"):
        keyfiles.contents(str(pipe), 1000, 0.1)
    os.write(both, bytes(2000))
    assert len(keyfiles.contents(str(pipe), 1000)) == 1000, "no more than is asked for"
    os.close(both)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_the_environment_may_name_what_is_no_file(
    tmp_path: Path, pipeline: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = {"pipe": tmp_path / "pipe", "folder": tmp_path, "device": Path("/dev/zero")}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    assert run(["analyze", "x.pcap"]) == 0
    assert "named by SSLKEYLOGFILE, and no regular file, so not read" in capsys.readouterr().err
    assert provided(pipeline).secrets == {}


def test_private_keys(
    tmp_path: Path, pipeline: Any, capsys: pytest.CaptureFixture[str], rsa_key: rsa.RSAPrivateKey,
    ec_key: ec.EllipticCurvePrivateKey,
) -> None:
    server, curve = tmp_path / "server.pem", tmp_path / "curve.pem"
    server.write_bytes(certificate(rsa_key, "a").public_bytes(Encoding.PEM) + pem(rsa_key))
    curve.write_bytes(pem(ec_key))
    assert run(["analyze", "x.pcap", "--private-key", str(server), "--private-key", str(curve)]) == 0
    assert provided(pipeline).private_keys[0] == rsa_key.private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )
    assert "curve.pem: this key can only sign" in capsys.readouterr().err


def test_private_keys_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rsa_key: rsa.RSAPrivateKey
) -> None:
    path = tmp_path / "key.pem"
    for content, why in (
        (pem(rsa_key, BestAvailableEncryption(b"secret")), "protected by a password"),
        (certificate(rsa_key, "a").public_bytes(Encoding.PEM), "no private key"),
        (b"\x30\x82\xff\xff", "no private key"), (b"", "no private key"),
        (pem(rsa_key)[:900], "no private key"),
    ):
        path.write_bytes(content)
        assert run(["analyze", "x.pcap", "--private-key", str(path)]) == 2
        captured = capsys.readouterr()
        assert why in captured.err
        assert captured.out == ""


def test_trusted_roots_of_files_and_directories(
    tmp_path: Path, pipeline: Any, capsys: pytest.CaptureFixture[str], rsa_key: rsa.RSAPrivateKey,
    ec_key: ec.EllipticCurvePrivateKey,
) -> None:
    one, two, three = certificate(rsa_key, "one"), certificate(ec_key, "two"), certificate(ec_key, "three")
    store = tmp_path / "store"
    store.mkdir()
    (store / "bundle.pem").write_bytes(b"# both\n" + one.public_bytes(Encoding.PEM) + two.public_bytes(Encoding.PEM))
    (store / "again.0").write_bytes(two.public_bytes(Encoding.DER))
    (store / "README").write_text("not one")
    single = tmp_path / "three.der"
    single.write_bytes(three.public_bytes(Encoding.DER))
    assert run(["analyze", "x.pcap", "--trust", str(store), "--trust", str(single)]) == 0
    trusted = provided(pipeline).trusted
    assert sorted(trusted) == sorted(each.public_bytes(Encoding.DER) for each in (one, two, three))
    assert capsys.readouterr().err == ""


def test_a_store_without_certificates_or_with_a_broken_one(
    tmp_path: Path, pipeline: Any, capsys: pytest.CaptureFixture[str], rsa_key: rsa.RSAPrivateKey
) -> None:
    path = tmp_path / "store.pem"
    path.write_text("nothing")
    assert run(["analyze", "x.pcap", "--trust", str(path)]) == 2
    assert "no certificate" in capsys.readouterr().err
    path.write_bytes(
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        + certificate(rsa_key, "one").public_bytes(Encoding.PEM)
    )
    assert run(["analyze", "x.pcap", "--trust", str(path)]) == 0
    assert "1 of its certificates cannot be read" in capsys.readouterr().err
    assert len(provided(pipeline).trusted) == 1


def test_a_capture_without_tls_loads_no_library_of_ciphers() -> None:
    code = (
        "import sys; from analyzer.cli.main import run; code = run(['analyze', 'sample:tcp/clean']);"
        "print(code, [name for name in sys.modules if name.startswith('cryptography')], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "SSLKEYLOGFILE": ""},
    )
    assert done.stderr.splitlines()[-1] == "0 []"
