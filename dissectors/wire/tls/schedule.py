"""From a secret of the handshake to keys: the pseudorandom functions of SSL 3.0 to TLS 1.3, and what they derive.

Everything here is a pure function of octets. Versions are those of the wire (0x0300 to 0x0304), secrets and
hashes are octets, and hashes go by the names of hashlib. b"" comes back where a suite is not known.
"""
from __future__ import annotations

import hashlib
import hmac
from typing import Final

from dissectors.wire.tls.ciphers import parameters

SSL30: Final = 0x0300
TLS10: Final = 0x0301
TLS12: Final = 0x0303
TLS13: Final = 0x0304

MASTER_SECRET: Final = 48     # octets, RFC 5246 §8.1
VERIFY_DATA: Final = 12       # octets of Finished up to TLS 1.2, RFC 5246 §7.4.9
MESSAGE_HASH: Final = 254     # handshake type that stands for a first ClientHello, RFC 8446 §4.4.1
MAX_EXPANSION: Final = 255    # blocks of HKDF-Expand, RFC 5869 §2.3


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def hashed(hash_name: str, data: bytes) -> bytes:
    return hashlib.new(hash_name, data, usedforsecurity=False).digest()


# -- TLS 1.3 -----------------------------------------------------------------------------------------------


def hkdf_expand(hash_name: str, secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand, RFC 5869 §2.3."""
    found = block = b""
    for counter in range(1, MAX_EXPANSION + 1):
        if len(found) >= length:
            break
        block = hmac.digest(secret, block + info + bytes((counter,)), hash_name)
        found += block
    return found[:length]


def hkdf_expand_label(hash_name: str, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label, RFC 8446 §7.1: the label gets its prefix "tls13 " here."""
    full = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes((len(full),)) + full + bytes((len(context),)) + context
    return hkdf_expand(hash_name, secret, info, length)


def next_traffic_secret(hash_name: str, secret: bytes) -> bytes:
    """The application traffic secret after a KeyUpdate, RFC 8446 §7.2."""
    return hkdf_expand_label(hash_name, secret, b"traffic upd", b"", len(secret))


def message_hash(suite: int, first_hello: bytes) -> bytes:
    """What stands for the first ClientHello in the transcript after a HelloRetryRequest, RFC 8446 §4.4.1."""
    digest = handshake_hash(suite, TLS13, first_hello)
    return bytes((MESSAGE_HASH, 0, 0, len(digest))) + digest if digest else b""


# -- SSL 3.0 to TLS 1.2 ------------------------------------------------------------------------------------


def p_hash(hash_name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    """P_hash, RFC 5246 §5."""
    found = b""
    step = seed
    while len(found) < length:
        step = hmac.digest(secret, step, hash_name)
        found += hmac.digest(secret, step + seed, hash_name)
    return found[:length]


def prf(hash_name: str, version: int, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """The PRF of TLS 1.2 (RFC 5246 §5), or of TLS 1.0 and 1.1 (RFC 2246 §5), which halves the secret."""
    seed = label + seed
    if version >= TLS12:
        return p_hash(hash_name, secret, seed, length)
    half = (len(secret) + 1) // 2     # the halves share the middle octet of an odd number, RFC 2246 §5
    by_md5 = p_hash("md5", secret[:half], seed, length)
    by_sha1 = p_hash("sha1", secret[len(secret) - half:], seed, length)
    return xor(by_md5, by_sha1)


def ssl30_expansion(secret: bytes, seed: bytes, length: int) -> bytes:
    """MD5 over SHA-1 with the salts "A", "BB", "CCC", ..., RFC 6101 §6.1 and §6.2.2."""
    found = b""
    times = 1
    while len(found) < length and times <= 26:
        salt = bytes((64 + times,)) * times
        found += md5(secret + sha1(salt + secret + seed))
        times += 1
    return found[:length]


def xor(left: bytes, right: bytes) -> bytes:
    """Of two strings of one length."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def master_secret(premaster: bytes, client_random: bytes, server_random: bytes, version: int, suite: int) -> bytes:
    """RFC 5246 §8.1, RFC 6101 §6.1."""
    if version == SSL30:
        return ssl30_expansion(premaster, client_random + server_random, MASTER_SECRET)
    found = parameters(suite)
    if found is None:
        return b""
    return prf(found.prf_hash, version, premaster, b"master secret", client_random + server_random, MASTER_SECRET)


def extended_master_secret(premaster: bytes, session_hash: bytes, version: int, suite: int) -> bytes:
    """RFC 7627 §4; session_hash: handshake_hash() of all messages up to and including ClientKeyExchange."""
    found = parameters(suite)
    if found is None:
        return b""
    return prf(found.prf_hash, version, premaster, b"extended master secret", session_hash, MASTER_SECRET)


def key_block(
    hash_name: str, version: int, master: bytes, client_random: bytes, server_random: bytes, length: int
) -> bytes:
    """RFC 5246 §6.3, RFC 6101 §6.2.2: here the server's random comes first."""
    if version == SSL30:
        return ssl30_expansion(master, server_random + client_random, length)
    return prf(hash_name, version, master, b"key expansion", server_random + client_random, length)


# -- the transcript ----------------------------------------------------------------------------------------


def handshake_hash(suite: int, version: int, messages: bytes) -> bytes:
    """The hash over handshake messages, headers included: of the suite since TLS 1.2, MD5 and SHA-1 before.

    RFC 8446 §4.4.1, RFC 5246 §7.4.9, RFC 2246 §7.4.9, RFC 7627 §3.
    """
    if version < TLS12:
        return md5(messages) + sha1(messages)
    found = parameters(suite)
    return b"" if found is None else hashed(found.prf_hash, messages)


def finished(suite: int, version: int, secret: bytes, from_client: bool, messages: bytes) -> bytes:
    """The verify_data that a Finished must hold.

    secret: the master secret up to TLS 1.2, the sender's handshake traffic secret in TLS 1.3.
    messages: all handshake messages before this Finished (RFC 5246 §7.4.9, RFC 8446 §4.4.4, RFC 6101 §5.6.9).
    """
    if version == SSL30:
        return ssl30_finished(secret, from_client, messages)
    found = parameters(suite)
    if found is None:
        return b""
    digest = handshake_hash(suite, version, messages)
    if version >= TLS13:
        key = hkdf_expand_label(found.prf_hash, secret, b"finished", b"", len(digest))
        return hmac.digest(key, digest, found.prf_hash)
    label = b"client finished" if from_client else b"server finished"
    return prf(found.prf_hash, version, secret, label, digest, VERIFY_DATA)


def ssl30_finished(master: bytes, from_client: bool, messages: bytes) -> bytes:
    """RFC 6101 §5.6.9: both hashes, each keyed by the master secret inside and outside."""
    sender = b"CLNT" if from_client else b"SRVR"
    inner = messages + sender + master
    return (
        md5(master + b"\x5c" * 48 + md5(inner + b"\x36" * 48))
        + sha1(master + b"\x5c" * 40 + sha1(inner + b"\x36" * 40))
    )
