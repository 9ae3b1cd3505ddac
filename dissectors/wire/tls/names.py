"""The numbers of TLS by name, as IANA's registries of TLS parameters and TLS extension types have them."""
from __future__ import annotations

from typing import Final

from dissectors.wire.tls.suites import NAMES

SSL3: Final = 0x0300
TLS10: Final = 0x0301
TLS11: Final = 0x0302
TLS12: Final = 0x0303
TLS13: Final = 0x0304

# Record content types (RFC 8446 §5.1; RFC 6520 §6 for the heartbeat; RFC 9146 §4 for the connection id of DTLS).
CONTENT_TYPES: Final[dict[int, str]] = {
    20: "change_cipher_spec", 21: "alert", 22: "handshake", 23: "application_data", 24: "heartbeat", 25: "tls12_cid",
    26: "ACK",
}
VERSIONS: Final[dict[int, str]] = {
    0x0002: "SSL 2.0", SSL3: "SSL 3.0", TLS10: "TLS 1.0", TLS11: "TLS 1.1", TLS12: "TLS 1.2", TLS13: "TLS 1.3",
    0xFEFF: "DTLS 1.0", 0xFEFD: "DTLS 1.2", 0xFEFC: "DTLS 1.3", 0x0101: "TLCP 1.1",
}
# Cipher kinds of SSL 2.0 (RFC 6101 appendix E); those of three octets that begin with a zero are cipher suites.
SSL2_KINDS: Final[dict[int, str]] = {
    0x010080: "SSL_CK_RC4_128_WITH_MD5", 0x020080: "SSL_CK_RC4_128_EXPORT40_WITH_MD5",
    0x030080: "SSL_CK_RC2_128_CBC_WITH_MD5", 0x040080: "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5",
    0x050080: "SSL_CK_IDEA_128_CBC_WITH_MD5", 0x060040: "SSL_CK_DES_64_CBC_WITH_MD5",
    0x0700C0: "SSL_CK_DES_192_EDE3_CBC_WITH_MD5", 0x080080: "SSL_CK_RC4_64_WITH_MD5",
}
COMPRESSIONS: Final[dict[int, str]] = {1: "zlib", 2: "brotli", 3: "zstd"}   # of certificates, RFC 8879 §7.3

# TLS HandshakeType.
HANDSHAKES: Final[dict[int, str]] = {
    0: "hello_request", 1: "client_hello", 2: "server_hello", 3: "hello_verify_request", 4: "new_session_ticket",
    5: "end_of_early_data", 6: "hello_retry_request (draft)", 8: "encrypted_extensions", 9: "request_connection_id",
    10: "new_connection_id", 11: "certificate", 12: "server_key_exchange", 13: "certificate_request",
    14: "server_hello_done", 15: "certificate_verify", 16: "client_key_exchange", 17: "client_certificate_request",
    20: "finished", 21: "certificate_url", 22: "certificate_status", 23: "supplemental_data", 24: "key_update",
    25: "compressed_certificate", 26: "ekt_key", 67: "next_protocol", 254: "message_hash",
}

# TLS Alerts.
ALERTS: Final[dict[int, str]] = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed", 22: "record_overflow",
    30: "decompression_failure", 40: "handshake_failure", 41: "no_certificate", 42: "bad_certificate",
    43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown",
    47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error", 51: "decrypt_error",
    52: "too_many_cids_requested", 60: "export_restriction", 70: "protocol_version", 71: "insufficient_security",
    80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation",
    109: "missing_extension", 110: "unsupported_extension", 111: "certificate_unobtainable", 112: "unrecognized_name",
    113: "bad_certificate_status_response", 114: "bad_certificate_hash_value", 115: "unknown_psk_identity",
    116: "certificate_required", 117: "general_error", 120: "no_application_protocol", 121: "ech_required",
}

# TLS ExtensionType Values, and those of drafts that were widely used.
EXTENSIONS: Final[dict[int, str]] = {
    0: "server_name", 1: "max_fragment_length", 2: "client_certificate_url", 3: "trusted_ca_keys",
    4: "truncated_hmac", 5: "status_request", 6: "user_mapping", 7: "client_authz", 8: "server_authz", 9: "cert_type",
    10: "supported_groups", 11: "ec_point_formats", 12: "srp", 13: "signature_algorithms", 14: "use_srtp",
    15: "heartbeat", 16: "application_layer_protocol_negotiation", 17: "status_request_v2",
    18: "signed_certificate_timestamp", 19: "client_certificate_type", 20: "server_certificate_type", 21: "padding",
    22: "encrypt_then_mac", 23: "extended_master_secret", 24: "token_binding", 25: "cached_info", 26: "tls_lts",
    27: "compress_certificate", 28: "record_size_limit", 29: "pwd_protect", 30: "pwd_clear", 31: "password_salt",
    32: "ticket_pinning", 33: "tls_cert_with_extern_psk", 34: "delegated_credentials", 35: "session_ticket",
    36: "TLMSP", 37: "TLMSP_proxying", 38: "TLMSP_delegate", 39: "supported_ekt_ciphers", 40: "key_share (draft)",
    41: "pre_shared_key", 42: "early_data", 43: "supported_versions", 44: "cookie", 45: "psk_key_exchange_modes",
    46: "ticket_early_data_info (draft)", 47: "certificate_authorities", 48: "oid_filters", 49: "post_handshake_auth",
    50: "signature_algorithms_cert", 51: "key_share", 52: "transparency_info", 53: "connection_id (draft)",
    54: "connection_id", 55: "external_id_hash", 56: "external_session_id", 57: "quic_transport_parameters",
    58: "ticket_request", 59: "dnssec_chain", 60: "sequence_number_encryption_algorithms", 61: "rrc",
    62: "tls_flags",
    13172: "next_protocol_negotiation", 17513: "application_settings", 17613: "application_settings (new)",
    30031: "channel_id_old", 30032: "channel_id", 64768: "ech_outer_extensions", 65037: "encrypted_client_hello",
    65281: "renegotiation_info", 65445: "quic_transport_parameters (draft)", 65486: "encrypted_server_name (draft)",
}

# TLS Supported Groups.
GROUPS: Final[dict[int, str]] = {
    0x0001: "sect163k1", 0x0002: "sect163r1", 0x0003: "sect163r2", 0x0004: "sect193r1", 0x0005: "sect193r2",
    0x0006: "sect233k1", 0x0007: "sect233r1", 0x0008: "sect239k1", 0x0009: "sect283k1", 0x000a: "sect283r1",
    0x000b: "sect409k1", 0x000c: "sect409r1", 0x000d: "sect571k1", 0x000e: "sect571r1", 0x000f: "secp160k1",
    0x0010: "secp160r1", 0x0011: "secp160r2", 0x0012: "secp192k1", 0x0013: "secp192r1", 0x0014: "secp224k1",
    0x0015: "secp224r1", 0x0016: "secp256k1", 0x0017: "secp256r1", 0x0018: "secp384r1", 0x0019: "secp521r1",
    0x001a: "brainpoolP256r1", 0x001b: "brainpoolP384r1", 0x001c: "brainpoolP512r1", 0x001d: "x25519", 0x001e: "x448",
    0x001f: "brainpoolP256r1tls13", 0x0020: "brainpoolP384r1tls13", 0x0021: "brainpoolP512r1tls13", 0x0022: "GC256A",
    0x0023: "GC256B", 0x0024: "GC256C", 0x0025: "GC256D", 0x0026: "GC512A", 0x0027: "GC512B", 0x0028: "GC512C",
    0x0029: "curveSM2", 0x0100: "ffdhe2048", 0x0101: "ffdhe3072", 0x0102: "ffdhe4096", 0x0103: "ffdhe6144",
    0x0104: "ffdhe8192", 0x0200: "MLKEM512", 0x0201: "MLKEM768", 0x0202: "MLKEM1024", 0x11eb: "SecP256r1MLKEM768",
    0x11ec: "X25519MLKEM768", 0x11ed: "SecP384r1MLKEM1024", 0x11ee: "curveSM2MLKEM768", 0x6399: "X25519Kyber768Draft00",
    0x639a: "SecP256r1Kyber768Draft00", 0xff01: "arbitrary_explicit_prime_curves",
    0xff02: "arbitrary_explicit_char2_curves",
}

# TLS SignatureScheme; those of TLS 1.2 are pairs of a hash and a signature (RFC 5246 §7.4.1.4.1).
SCHEMES: Final[dict[int, str]] = {
    0x0101: "rsa_pkcs1_md5", 0x0201: "rsa_pkcs1_sha1", 0x0202: "dsa_sha1", 0x0203: "ecdsa_sha1",
    0x0301: "rsa_pkcs1_sha224", 0x0302: "dsa_sha224", 0x0303: "ecdsa_sha224", 0x0401: "rsa_pkcs1_sha256",
    0x0402: "dsa_sha256", 0x0403: "ecdsa_secp256r1_sha256", 0x0420: "rsa_pkcs1_sha256_legacy",
    0x0501: "rsa_pkcs1_sha384", 0x0502: "dsa_sha384", 0x0503: "ecdsa_secp384r1_sha384",
    0x0520: "rsa_pkcs1_sha384_legacy", 0x0601: "rsa_pkcs1_sha512", 0x0602: "dsa_sha512",
    0x0603: "ecdsa_secp521r1_sha512", 0x0620: "rsa_pkcs1_sha512_legacy", 0x0708: "sm2sig_sm3",
    0x0704: "eccsi_sha256", 0x0705: "iso_ibs1", 0x0706: "iso_ibs2", 0x0707: "iso_chinese_ibs",
    0x0709: "gostr34102012_256a", 0x070a: "gostr34102012_256b", 0x070b: "gostr34102012_256c",
    0x070c: "gostr34102012_256d", 0x070d: "gostr34102012_512a", 0x070e: "gostr34102012_512b",
    0x070f: "gostr34102012_512c",
    0x0804: "rsa_pss_rsae_sha256", 0x0805: "rsa_pss_rsae_sha384", 0x0806: "rsa_pss_rsae_sha512", 0x0807: "ed25519",
    0x0808: "ed448", 0x0809: "rsa_pss_pss_sha256", 0x080a: "rsa_pss_pss_sha384", 0x080b: "rsa_pss_pss_sha512",
    0x081a: "ecdsa_brainpoolP256r1tls13_sha256", 0x081b: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081c: "ecdsa_brainpoolP512r1tls13_sha512", 0x0904: "mldsa44", 0x0905: "mldsa65", 0x0906: "mldsa87",
}


def is_grease(value: int) -> bool:
    """Whether a number of 16 bits is reserved to be offered at random, so that nobody may choke on it (RFC 8701 §2)."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def is_draft13(version: int) -> bool:
    """TLS 1.3 before it was final: drafts by their number (0x7F12), experiments with them (0x7E02, 0xFB1A)."""
    return version >> 8 in (0x7E, 0x7F, 0xFB)


def _name(table: dict[int, str], number: int, digits: int) -> str:
    found = table.get(number)
    if found is not None:
        return found
    if digits == 4 and is_grease(number):
        return f"GREASE (0x{number:04X})"
    return f"unknown (0x{number:0{digits}X})" if digits else f"unknown ({number})"


def version_name(number: int) -> str:
    """`TLS 1.3`; a draft of it says which, as drafts numbered themselves (0x7F00 and the draft)."""
    if number >> 8 == 0x7F:
        return f"TLS 1.3 draft {number & 0xFF}"
    if is_draft13(number):
        return f"TLS 1.3 experiment 0x{number:04X}"
    return _name(VERSIONS, number, 4)


def suite_name(number: int) -> str:
    """`TLS_AES_128_GCM_SHA256`; of three octets: a cipher kind of SSL 2.0."""
    if number > 0xFFFF:
        return SSL2_KINDS.get(number, f"unknown (0x{number:06X})")
    name = NAMES.get(number)
    return "TLS_" + name if name is not None else _name({}, number, 4)


def group_name(number: int) -> str:
    return _name(GROUPS, number, 4)


def scheme_name(number: int) -> str:
    return _name(SCHEMES, number, 4)


def extension_name(number: int) -> str:
    """`server_name`; GREASE and unknown ones with their number."""
    found = EXTENSIONS.get(number)
    if found is not None:
        return found
    return f"GREASE ({number})" if is_grease(number) else f"unknown ({number})"


def alert_name(number: int) -> str:
    return _name(ALERTS, number, 0)


def handshake_name(number: int) -> str:
    return _name(HANDSHAKES, number, 0)


def content_type_name(number: int) -> str:
    return _name(CONTENT_TYPES, number, 0)


def compression_name(number: int) -> str:
    return _name(COMPRESSIONS, number, 0)
