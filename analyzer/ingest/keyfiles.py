"""Files that the user names beside a capture: key logs, private keys, certificates that are trusted as roots."""
from __future__ import annotations

import binascii
import os
import re
import select
import stat
import warnings
from typing import TYPE_CHECKING, Final

from analyzer.ingest.keylog import read_key_log
from dissectors.kit.provided import Provided

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MAX_KEY_LOG: Final = 1 << 28        # octets of a key log that are read, 256 MiB
MAX_KEY_FILE: Final = 1 << 20       # octets of a file with one private key
MAX_STORE_FILE: Final = 1 << 24     # octets of a file with certificates
MAX_STORE_FILES: Final = 10_000     # files of a directory with certificates that are looked at
MAX_LONELY: Final = 1.0             # seconds for which a named pipe is given time to find a writer
MAX_SILENCE: Final = 30.0           # seconds for which the writer of a pipe may have nothing: it may ask for a password
PIPE_BLOCK: Final = 1 << 16
PEM_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


class UnusableFile(Exception):
    """A file that the user named and that does not hold what it should; the message is one sentence."""


def add_key_log(path: str, provided: Provided) -> list[str]:
    """Add the secrets of a key log; returns complaints. Raises UnusableFile."""
    before = len(provided.secrets)
    data = contents(path, MAX_KEY_LOG + 1)
    complaints = [f"{path}: {complaint}" for complaint in read_key_log(data[:MAX_KEY_LOG], provided)]
    if len(data) > MAX_KEY_LOG:
        complaints.append(f"{path}: only the first {MAX_KEY_LOG} bytes are read")
    if complaints and len(provided.secrets) == before:
        complaints.append(f"{path}: no secret was read from it")
    return complaints


def add_private_key(path: str, provided: Provided) -> list[str]:
    """Add a private key in PEM or DER, kept as DER; returns complaints. Raises UnusableFile."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    data = contents(path, MAX_KEY_FILE)
    try:
        key = loaded(data)
    except TypeError:
        raise UnusableFile(f"{path}: the private key is protected by a password; give it without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableFile(f"{path}: no private key in PEM or DER") from None
    provided.private_keys.append(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    if isinstance(key, RSAPrivateKey):
        return []
    return [f"{path}: this key can only sign; only an RSA key opens sessions, those with RSA key exchange"]


def loaded(data: bytes) -> PrivateKeyTypes:
    """Raises ValueError, TypeError where a password is missing, UnsupportedAlgorithm."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    return load_pem_private_key(data, None) if b"-----BEGIN" in data else load_der_private_key(data, None)


def add_trusted(path: str, provided: Provided) -> list[str]:
    """Add the certificates of a file (PEM, any number, or DER) or of all files of a directory, each once.

    Returns complaints. Raises UnusableFile where there is no certificate at all.
    """
    complaints: list[str] = []
    known = set(provided.trusted)
    before = len(known)
    found = 0
    for file in files_of(path, complaints):
        certificates, broken = certificates_of(contents(file, MAX_STORE_FILE))
        found += len(certificates)
        if broken and (certificates or file == path):
            complaints.append(f"{file}: {broken} of its certificates cannot be read")
        for certificate in certificates:
            if certificate not in known:
                known.add(certificate)
                provided.trusted.append(certificate)
    if not found:
        raise UnusableFile(f"{path}: no certificate in PEM or DER")
    if len(known) == before:
        complaints.append(f"{path}: holds no certificate that was not named before")
    return complaints


def files_of(path: str, complaints: list[str]) -> list[str]:
    """The file itself, or the files of a directory by name."""
    if not os.path.isdir(path):
        return [path]
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise UnusableFile(f"{path}: {error.strerror}") from error
    found = [each for each in [os.path.join(path, name) for name in names] if os.path.isfile(each)]
    if len(found) > MAX_STORE_FILES:
        complaints.append(f"{path}: only the first {MAX_STORE_FILES} files are looked at")
    return found[:MAX_STORE_FILES]


def certificates_of(data: bytes) -> tuple[list[bytes], int]:
    """The certificates of a file as DER, and how many of it cannot be read."""
    from cryptography.x509 import load_der_x509_certificate

    encoded: list[bytes] = []
    for text in PEM_CERTIFICATE.findall(data):
        try:
            encoded.append(binascii.a2b_base64(text))
        except ValueError:
            encoded.append(b"")
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # what a library thinks of a root is nothing that a user can change
        for each in encoded or [data]:
            try:
                load_der_x509_certificate(each)
            except ValueError:
                continue
            found.append(each)
    return found, max(len(encoded), 1) - len(found)


def contents(path: str, most: int, patience: float = MAX_SILENCE) -> bytes:
    """At most so many octets of a file, or of a pipe that somebody writes to. Raises UnusableFile.

    Neither waits for ever: a named pipe that nobody writes to, and a device that has no end, are refused.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise UnusableFile(f"{path}: {error.strerror}") from error
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(kind):
            return piped(path, descriptor, most, patience)
        if not stat.S_ISREG(kind):
            raise UnusableFile(f"{path}: is a {'directory' if stat.S_ISDIR(kind) else 'device'}, not a file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    except OSError as error:
        raise UnusableFile(f"{path}: {error.strerror}") from error
    finally:
        os.close(descriptor)


def piped(path: str, descriptor: int, most: int, patience: float) -> bytes:
    """The same of a pipe that does not block, to its end. Raises UnusableFile, OSError."""
    found: list[bytes] = []
    size = 0
    met = False
    while size < most:
        try:
            block = os.read(descriptor, min(PIPE_BLOCK, most - size))
        except BlockingIOError:      # somebody writes, and has nothing just now
            met = True
            if not select.select([descriptor], [], [], patience)[0]:
                raise UnusableFile(f"{path}: its writer has neither written nor ended for {patience:g} s") from None
            continue
        if block:
            found.append(block)
            size += len(block)
        elif met or found:
            break
        elif not select.select([descriptor], [], [], MAX_LONELY)[0]:
            raise UnusableFile(f"{path}: is a pipe that nobody writes to")
        else:
            met = True
    return b"".join(found)
