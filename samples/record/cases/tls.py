"""Handshakes that succeed: versions, key exchanges, suites, client certificates."""
from __future__ import annotations

from samples.record.case import Case, Shows
from samples.record.cases.hosts import Act
from samples.record.cases.tls_hosts import (
    CERTIFICATE,
    CLIENT_HELLO,
    CLOSED,
    FINISHED,
    REQUEST,
    RESPONSE,
    SERVER_HELLO,
    asking,
    case,
    openssl_client,
    openssl_server,
    serving,
)
from samples.record.certificates import Authority
from samples.record.lab import Lab

HELLO_RETRY_REQUEST = (       # the random that makes a ServerHello one (RFC 8446 §4.1.3)
    "cf:21:ad:74:e5:9a:61:11:be:1d:8c:02:1e:65:b8:91:c2:a2:11:16:7a:bb:8c:5e:07:9e:09:e2:c8:a8:33:9c")
LEGACY = "ALL:@SECLEVEL=0"    # OpenSSL's words for: also what is no longer thought safe
WHOLE = (CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, FINISHED, REQUEST, RESPONSE, CLOSED)


def chosen(suite: int, says: str) -> Shows:
    return Shows(f"tls.handshake.type == 2 && tls.handshake.ciphersuite == 0x{suite:04x}", says, 1, 1)


def _mutual(*options: str) -> Act:
    def prepare(lab: Lab) -> None:
        authority = Authority(lab.scratch)
        ann = authority.identity("ann@shop.test")
        ann.leaf.rename(lab.scratch / "ann.pem")
        ann.key.rename(lab.scratch / "ann.key")
        openssl_server(lab, "-Verify", "2", "-verify_return_error", "-CAfile", str(authority.root), *options,
                       identity=authority.identity())
    return prepare


def _as_ann(*options: str) -> Act:
    def drive(lab: Lab) -> None:
        openssl_client(lab, "-cert", str(lab.scratch / "ann.pem"), "-key", str(lab.scratch / "ann.key"),
                       "-cert_chain", str(lab.scratch / "shop-test-issuing.pem"), *options)
    return drive


def suite(name: str, title: str, summary: str, number: int, options: str, *shows: Shows, kind: str = "ec",
          client: str = "") -> Case:
    """A case of one suite: options for both programs, further ones for the client."""
    both = options.split()
    return case(name, title, summary, serving(*both, kind=kind), asking(*both, *client.split()),
                chosen(number, "ServerHello chooses the suite"), *shows, FINISHED, REQUEST, RESPONSE, CLOSED)


VERSIONS = (
    case("tls12-full", "version 1.2, a full handshake",
         "openssl s_client fetches a page over TLS 1.2: two round trips before the request, an ephemeral key exchange "
         "(ECDHE) signed with the key of the certificate, AES-128-GCM.",
         serving("-tls1_2"), asking("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"),
         *WHOLE, chosen(0xC02B, "It chooses ECDHE-ECDSA with AES-128-GCM"),
         Shows("tls.handshake.type == 12", "ServerKeyExchange", 1, 1),
         Shows("tls.handshake.type == 16", "ClientKeyExchange", 1, 1),
         Shows("tls.handshake.type == 4", "A session ticket", 1, 1)),
    case("tls13-full", "version 1.3, a full handshake",
         "openssl s_client fetches a page over TLS 1.3: one round trip before the request. Everything after the "
         "ServerHello is encrypted, the certificate too; two session tickets follow the handshake.",
         serving("-tls1_3"), asking("-tls1_3"), *WHOLE,
         Shows("tls.handshake.type == 2 && tls.handshake.extensions.supported_version == 0x0304",
               "It chooses version 1.3", 1, 1),
         Shows("tls.handshake.type == 8", "EncryptedExtensions", 1, 1),
         Shows("tls.handshake.type == 15", "CertificateVerify", 1, 1),
         Shows("tls.handshake.type == 4", "Session tickets", 1, 2)),
    case("tls10-full", "version 1.0",
         "Client and server are told to speak TLS 1.0, which RFC 8996 forbids since 2021: AES-CBC whose first "
         "vector is the last block of the record before, SHA-1 in the MAC.",
         serving("-tls1", "-cipher", LEGACY), asking("-tls1", "-cipher", LEGACY), *WHOLE,
         Shows("tls.handshake.type == 2 && tls.handshake.version == 0x0301", "Version 1.0 is chosen", 1, 1)),
    case("tls11-full", "version 1.1",
         "Client and server are told to speak TLS 1.1, which RFC 8996 forbids since 2021.",
         serving("-tls1_1", "-cipher", LEGACY, kind="rsa"), asking("-tls1_1", "-cipher", LEGACY), *WHOLE,
         Shows("tls.handshake.type == 2 && tls.handshake.version == 0x0302", "Version 1.1 is chosen", 1, 1)),
    case("tls13-hello-retry", "HelloRetryRequest",
         "The client sends a key share for X25519, but the server takes P-256 alone. It asks for another ClientHello "
         "with a share for that group, which costs one more round trip.",
         serving("-tls1_3", "-groups", "P-256"), asking("-tls1_3", "-groups", "X25519:P-256"),
         Shows("tls.handshake.type == 1", "ClientHello twice", 2, 2),
         Shows(f"tls.handshake.random == {HELLO_RETRY_REQUEST}", "HelloRetryRequest", 1, 1),
         Shows("tls.handshake.type == 1 && tls.handshake.extensions_key_share_group == 23",
               "The second ClientHello has a share for P-256", 1, 1),
         FINISHED, REQUEST, RESPONSE),
    case("client-certificate-12", "a client certificate, version 1.2",
         "The server asks for a certificate of the client and gets one. In TLS 1.2 both certificates can be read by "
         "whoever captures.",
         _mutual("-tls1_2"), _as_ann("-tls1_2"),
         Shows("tls.handshake.type == 13", "CertificateRequest", 1, 1),
         Shows("tls.handshake.type == 11", "Certificates of the server, then of the client", 2, 2),
         Shows("tls.handshake.type == 15", "The client proves that it has the key", 1, 1),
         FINISHED, REQUEST, RESPONSE),
    case("client-certificate-13", "a client certificate, version 1.3",
         "The server asks for a certificate of the client and gets one, all of it encrypted.",
         _mutual("-tls1_3"), _as_ann("-tls1_3"),
         Shows("tls.handshake.type == 13", "CertificateRequest", 1, 1),
         Shows("tls.handshake.type == 11", "Certificates of the server, then of the client", 2, 2),
         Shows("tls.handshake.type == 15", "Both prove that they have the key", 2, 2),
         FINISHED, REQUEST, RESPONSE),
)

SUITES = (
    suite("tls12-rsa-key-exchange", "RSA key exchange",
          "The client encrypts the premaster secret to the RSA key of the certificate. No forward secrecy: who gets "
          "that key later reads this recording.", 0x009C, "-tls1_2 -cipher AES128-GCM-SHA256",
          Shows("tls.handshake.type == 12", "No ServerKeyExchange", 0, 0),
          Shows("tls.handshake.epms", "The encrypted premaster secret", 1, 1), kind="rsa"),
    suite("tls12-dhe", "finite field Diffie-Hellman",
          "An ephemeral key exchange in a finite field of 2048 bits (DHE), signed with RSA.", 0x009E,
          "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256",
          Shows("tls.handshake.type == 12 && tls.handshake.p_len == 256", "A prime of 256 bytes", 1, 1), kind="rsa"),
    suite("tls12-cbc-encrypt-then-mac", "CBC, encrypt-then-MAC",
          "AES-CBC with HMAC-SHA256; both sides offer encrypt_then_mac (RFC 7366), so the MAC covers the ciphertext.",
          0xC023, "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256",
          Shows("tls.handshake.type == 2 && tls.handshake.extension.type == 22", "Encrypt-then-MAC is agreed", 1, 1)),
    suite("tls12-cbc-mac-then-encrypt", "CBC, MAC-then-encrypt",
          "AES-CBC with HMAC-SHA1 in the original order: the MAC covers the plaintext and is encrypted with it. That "
          "order made the padding oracle attacks possible.", 0xC009,
          "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA -no_etm",
          Shows("tls.handshake.type == 2 && tls.handshake.extension.type == 22", "No encrypt-then-MAC", 0, 0)),
    suite("tls12-chacha20", "ChaCha20-Poly1305, version 1.2",
          "TLS 1.2 with the ChaCha20-Poly1305 suite, whose nonce is made of the record's number (RFC 7905).", 0xCCA9,
          "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305"),
    suite("tls12-ccm", "AES-CCM, version 1.2",
          "TLS 1.2 with AES-128-CCM, a suite of small devices (RFC 7251).", 0xC0AC,
          "-tls1_2 -cipher ECDHE-ECDSA-AES128-CCM"),
    suite("tls12-aes256-gcm", "AES-256-GCM, version 1.2",
          "TLS 1.2 with ECDHE-RSA and AES-256-GCM; the handshake is hashed with SHA-384.", 0xC030,
          "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384", kind="rsa"),
    suite("tls13-chacha20", "ChaCha20-Poly1305, version 1.3",
          "TLS 1.3 with the suite that machines without AES instructions prefer.", 0x1303,
          "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256"),
    suite("tls13-aes128-gcm", "AES-128-GCM, version 1.3",
          "TLS 1.3 with the suite that every implementation must have (RFC 8446 §9.1).", 0x1301,
          "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256"),
    suite("tls13-ccm8", "AES-CCM with a short tag, version 1.3",
          "TLS 1.3 with AES-128-CCM-8, whose tags are eight bytes long.", 0x1305,
          "-tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256"),
    suite("tls12-null-cipher", "no encryption at all",
          "A suite of TLS 1.2 that only authenticates: the request can be read by everybody on the way.", 0xC006,
          "-tls1_2 -cipher ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"),
    suite("tls12-anonymous", "nobody is authenticated",
          "An anonymous key exchange: no certificate is shown, so anybody in the middle could have answered.", 0xC018,
          "-tls1_2 -cipher AECDH-AES128-SHA:@SECLEVEL=0",
          Shows("tls.handshake.type == 11", "No certificate", 0, 0)),
    suite("tls12-psk", "a shared key instead of certificates",
          "Client and server share a key beforehand; the client names it, the server shows no certificate.", 0x00A8,
          "-tls1_2 -cipher PSK-AES128-GCM-SHA256 -psk 0f1e2d3c4b5a69788796a5b4c3d2e1f0",
          Shows("tls.handshake.type == 16 && tls.handshake.identity", "The client names the key", 1, 1),
          client="-psk_identity till-7"),
)

CASES: tuple[Case, ...] = VERSIONS + SUITES
