"""What a capture proves of a chain of certificates: names, times, signatures, order (RFC 5280 §6, RFC 8446 §4.4.2).

Trust in a root is claimed only against roots that the user named.
"""
from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

from dissectors.kit.event import JsonValue
from dissectors.kit.units import duration, plural
from dissectors.wire.x509.certificate import (
    ANY_USAGE,
    CLIENT_AUTH,
    SERVER_AUTH,
    CertificateInfo,
    describe,
    unreadable,
)
from dissectors.wire.x509.names import address_of, covers, within
from dissectors.wire.x509.times import UNKNOWN, day

if TYPE_CHECKING:
    from cryptography import x509

MAX_HELD: Final = 4_096       # certificates, and checked signatures, that one store remembers
MAX_CANDIDATES: Final = 8     # certificates of one name whose key is tried on a signature
MAX_PATH: Final = 32          # certificates from the first to the root
# Signatures by RSA keys beyond these are not checked: what one takes grows with the exponent, which is 3 or 65537 in
# practice, and faster still with the length of the key. They are OpenSSL's own limits for keys beyond 3072 bits.
MAX_EXPONENT_BITS: Final = 64
MAX_RSA_BITS: Final = 16_384
FIRST_CLOCK_NS: Final = 788_918_400 * 1_000_000_000   # 1995: before TLS; such a time comes of a clock that is not set
MAX_NAMES_SHOWN: Final = 4    # names of a certificate in one sentence

# Codes of what is wrong.
EXPIRED: Final = "expired"
NOT_YET_VALID: Final = "not_yet_valid"
WRONG_NAME: Final = "wrong_name"
WRONG_PURPOSE: Final = "wrong_purpose"
SELF_SIGNED: Final = "self_signed"
WEAK_KEY: Final = "weak_key"
WEAK_SIGNATURE: Final = "weak_signature"
WRONG_ORDER: Final = "wrong_order"
UNRELATED: Final = "unrelated"
MISSING_INTERMEDIATE: Final = "missing_intermediate"
BAD_SIGNATURE: Final = "bad_signature"
NOT_A_CA: Final = "not_a_ca"
UNTRUSTED: Final = "untrusted"
UNREADABLE: Final = "unreadable"

TRUSTED: Final = "trusted"
NOT_TRUSTED: Final = "not trusted"

RSA: Final = "1.2.840.113549.1.1."     # RFC 8017 appendix A.2
RSA_PSS: Final = RSA + "10"

# Outcomes of the check of one signature.
GOOD: Final = 1
BAD: Final = 0
UNCHECKED: Final = -1         # an algorithm that is not at hand, or a key that cannot be read


class Problem:
    """Something wrong with the certificate at `index`. words: a clause without a final point.

    sure: the capture proves it; otherwise it is likely.
    """

    def __init__(self, code: str, words: str, index: int, sure: bool = True) -> None:
        self.code = code
        self.words = words
        self.index = index
        self.sure = sure


class ChainCheck:
    """What was found. path: indices from the sender's own certificate upwards, as each names the next as its issuer.

    verified: for each certificate whether its signature was checked and is good, by the next one of the path, by a
    root of the user's, or by its own key. trust: "" (no roots were named), TRUSTED or NOT_TRUSTED; root: the title of
    the root that it leads to.
    """

    def __init__(self, certificates: list[CertificateInfo]) -> None:
        self.certificates = certificates
        self.problems: list[Problem] = []
        self.path: list[int] = []
        self.verified: list[bool] = [False] * len(certificates)
        self.trust = ""
        self.root = ""

    def add(self, code: str, words: str, index: int, sure: bool = True) -> None:
        self.problems.append(Problem(code, words, index, sure))

    def of(self, code: str) -> list[Problem]:
        """The problems of that code."""
        return [problem for problem in self.problems if problem.code == code]

    def fields(self) -> dict[str, JsonValue]:
        """As data."""
        problems: list[JsonValue] = []
        for problem in self.problems:
            problems.append({
                "code": problem.code, "text": problem.words, "certificate": problem.index,
                "confidence": "certain" if problem.sure else "likely",
            })
        verified: list[JsonValue] = []
        verified.extend(self.verified)
        return {"problems": problems, "signatures_verified": verified, "trust": self.trust, "root": self.root}


class Certificates:
    """Reads and checks certificates, and remembers what it read: a chain seen a thousand times is read once.

    It belongs to whoever looks at several connections, and forgets the oldest beyond MAX_HELD.
    """

    def __init__(self) -> None:
        self.held: dict[bytes, CertificateInfo] = {}
        self.signatures: dict[tuple[bytes, bytes], int] = {}

    def describe(self, der: bytes) -> CertificateInfo:
        """What one certificate says. Never raises over its bytes."""
        info = self.held.get(der)
        if info is None:
            if len(self.held) >= MAX_HELD:
                del self.held[next(iter(self.held))]
            info = describe(der)
            self.held[der] = info
        return info

    def signed(self, certificate: CertificateInfo, issuer: CertificateInfo) -> int:
        """Whether the issuer's key made the certificate's signature: GOOD, BAD or UNCHECKED."""
        pair = (certificate.der, issuer.der)
        outcome = self.signatures.get(pair)
        if outcome is None:
            if len(self.signatures) >= MAX_HELD:
                del self.signatures[next(iter(self.signatures))]
            outcome = signature(certificate, issuer)
            self.signatures[pair] = outcome
        return outcome

    def check(
        self, ders: list[bytes], server_name: str, time_ns: int, trusted: list[bytes], client: bool = False
    ) -> ChainCheck:
        """See check_chain."""
        check = ChainCheck([self.describe(der) for der in ders])
        if not check.certificates:
            return check
        self._path(check)
        for index, info in enumerate(check.certificates):
            if info.error:
                whole = "" if info.parsed is None else " whole"
                check.add(UNREADABLE, f"{info.noun} cannot be read{whole}: {info.error}", index)
        for index in check.path:
            _times(check, index, time_ns)
            _strength(check, index)
        first = check.certificates[0]
        if first.parsed is not None:
            if not client:
                _name(check, first, server_name)
            _purpose(check, first, client)
        _order(check)
        if trusted:
            self._trust(check, time_ns, trusted)
        self._end(check, trusted)
        return check

    def _path(self, check: ChainCheck) -> None:
        """From the first certificate upwards, by names and then by signatures."""
        at = 0
        check.path.append(0)
        while len(check.path) < MAX_PATH:
            info = check.certificates[at]
            if info.self_issued:
                check.verified[at] = self.signed(info, info) == GOOD
                return
            named = [
                index for index, one in enumerate(check.certificates)
                if index not in check.path and info.issuer_raw and one.subject_raw == info.issuer_raw
            ][:MAX_CANDIDATES]
            if not named:
                return
            outcomes = [self.signed(info, check.certificates[index]) for index in named]
            best = outcomes.index(max(outcomes, key=_preferred))
            issuer = check.certificates[named[best]]
            check.verified[at] = outcomes[best] == GOOD
            if outcomes[best] == BAD:
                check.add(BAD_SIGNATURE, f"the signature of {info.noun} was not made by the key of {issuer.title}", at)
            at = named[best]
            check.path.append(at)
            if not issuer.is_ca or not issuer.signs:
                check.add(NOT_A_CA, f"{info.noun} was signed by {issuer.title}, which may not: it is no authority", at)

    def _end(self, check: ChainCheck, trusted: list[bytes]) -> None:
        """The last certificate of the path: a root, or one whose issuer did not come along."""
        last = check.certificates[check.path[-1]]
        if last.parsed is None:
            return
        if last.self_issued:
            if len(check.path) == 1:
                proof = "its own key signed it" if check.verified[0] else "it names itself as its issuer"
                check.add(SELF_SIGNED, f"{last.noun} is self-signed: {proof}, so nobody else vouches for it", 0)
            return
        if len(check.path) > 1 or check.trust == TRUSTED:
            return
        named = "roots that you named" if trusted else "roots of the other side"
        check.add(
            MISSING_INTERMEDIATE,
            f"{last.noun} came without that of its issuer, {last.issuer_name or 'which has no name'}; "
            f"unless that is one of the {named}, an intermediate certificate is missing", 0, False,
        )

    def _trust(self, check: ChainCheck, time_ns: int, trusted: list[bytes]) -> None:
        """Whether the path leads to a root that the user named."""
        roots = [self.describe(der) for der in trusted]
        own = set(trusted)
        check.trust = NOT_TRUSTED
        why = "none of its certificates was issued by a root that you named"
        for depth, index in enumerate(check.path):
            info = check.certificates[index]
            if depth and (reason := _unfit(check, depth, time_ns)):
                why = reason
                break
            if info.der in own:
                check.trust, check.root = TRUSTED, info.title
                return
            issuers = [root for root in roots if info.issuer_raw and root.subject_raw == info.issuer_raw]
            for root in issuers[:MAX_CANDIDATES]:
                if self.signed(info, root) != GOOD:
                    continue
                if expired := _when(root, time_ns):
                    why = f"the root {root.title} {expired}"
                    continue
                refused = _constrained(check, depth + 1, root)
                if refused:
                    why = refused
                    continue
                check.verified[index] = True
                check.trust, check.root = TRUSTED, root.title
                return
            if not check.verified[index]:
                why = f"the signature of {info.title} could not be checked against a certificate in the chain"
                if depth + 1 == len(check.path):
                    last = info.issuer_name or "which has no name"
                    why = f"the issuer at its end, {last}, is none of the roots that you named"
                break
        check.add(UNTRUSTED, f"{check.certificates[0].noun} is not trusted: {why}", 0)


def check_chain(
    ders: list[bytes], server_name: str, time_ns: int, trusted: list[bytes], client: bool = False
) -> ChainCheck:
    """Check a chain as it was sent, the sender's own certificate first. Never raises over its bytes.

    server_name: what the client asked for, "" where that is not known. time_ns: when it was sent.
    trusted: DER of the roots that the user trusts. client: it is the certificate of a client.
    """
    return Certificates().check(ders, server_name, time_ns, trusted, client)


def signature(certificate: CertificateInfo, issuer: CertificateInfo) -> int:
    """Whether the issuer's key made the certificate's signature: GOOD, BAD or UNCHECKED.

    Weak algorithms are checked too: that a signature is right and that it is worth something are two things.
    """
    if certificate.parsed is None or issuer.parsed is None:
        return UNCHECKED
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _signature(certificate.parsed, issuer.parsed)


def _signature(certificate: x509.Certificate, issuer: x509.Certificate) -> int:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa

    try:
        key = issuer.public_key()
        made = certificate.signature_hash_algorithm
        value, signed = certificate.signature, certificate.tbs_certificate_bytes
        if isinstance(key, rsa.RSAPublicKey):
            if key.key_size > MAX_RSA_BITS or key.public_numbers().e.bit_length() > MAX_EXPONENT_BITS:
                return UNCHECKED
            oid = certificate.signature_algorithm_oid.dotted_string
            parameters = certificate.signature_algorithm_parameters if oid == RSA_PSS else padding.PKCS1v15()
            if made is None or not oid.startswith(RSA) or not isinstance(parameters, (padding.PKCS1v15, padding.PSS)):
                return UNCHECKED
            key.verify(value, signed, parameters, made)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            if made is None:
                return UNCHECKED
            key.verify(value, signed, ec.ECDSA(made))
        elif isinstance(key, dsa.DSAPublicKey):
            if made is None:
                return UNCHECKED
            key.verify(value, signed, made)
        elif isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
            key.verify(value, signed)
        else:
            return UNCHECKED
    except InvalidSignature:
        return BAD
    except unreadable():
        return UNCHECKED
    return GOOD


def _preferred(outcome: int) -> int:
    """GOOD before UNCHECKED before BAD."""
    return {GOOD: 2, UNCHECKED: 1}.get(outcome, 0)


def _when(info: CertificateInfo, time_ns: int) -> str:
    """How a certificate's validity misses that time; "" where it does not, or where the capture knows no time."""
    if time_ns < FIRST_CLOCK_NS:
        return ""
    if info.not_after_ns != UNKNOWN and time_ns > info.not_after_ns:
        return f"expired on {day(info.not_after_ns)}, {duration(time_ns - info.not_after_ns)} before it was shown"
    if info.not_before_ns != UNKNOWN and time_ns < info.not_before_ns:
        ahead = duration(info.not_before_ns - time_ns)
        return f"is valid from {day(info.not_before_ns)} on, {ahead} after it was shown"
    return ""


def _times(check: ChainCheck, index: int, time_ns: int) -> None:
    info = check.certificates[index]
    words = _when(info, time_ns)
    if words:
        check.add(EXPIRED if time_ns > info.not_after_ns else NOT_YET_VALID, f"{info.noun} {words}", index)


def _strength(check: ChainCheck, index: int) -> None:
    """Signatures of self-signed certificates are no part of the proof and may be of any kind (RFC 8446 §4.4.2.2)."""
    info = check.certificates[index]
    if info.weak_key:
        check.add(WEAK_KEY, f"the key of {info.noun} is weak: {info.weak_key}", index)
    if info.weak_signature and not info.self_issued:
        check.add(
            WEAK_SIGNATURE, f"{info.noun} is signed with {info.signature}, which is weak: {info.weak_signature}", index
        )


def _name(check: ChainCheck, first: CertificateInfo, server_name: str) -> None:
    if not server_name or covers(first.names, first.addresses, server_name):
        return
    if first.left_out:
        return      # the name may be among those that were not kept
    if first.error and not first.names + first.addresses:
        return      # its names could not be read
    shown = (first.addresses if address_of(server_name) is not None else first.names) or first.names + first.addresses
    asked = f"and the client asked for {server_name}"
    if not shown:
        words = f"{first.noun} lists no name at all (clients no longer look at the common name), {asked}"
        check.add(WRONG_NAME, words, 0)
        return
    names = ", ".join(shown[:MAX_NAMES_SHOWN])
    if len(shown) > MAX_NAMES_SHOWN:
        names += f" and {plural(len(shown) - MAX_NAMES_SHOWN, 'more name')}"
    check.add(WRONG_NAME, f"the certificate is for {names}, {asked}", 0)


def _purpose(check: ChainCheck, first: CertificateInfo, client: bool) -> None:
    """RFC 5280 §4.2.1.12: where usages are named, it must be used for one of them only."""
    wanted = CLIENT_AUTH if client else SERVER_AUTH
    if first.usages and wanted not in first.usages and ANY_USAGE not in first.usages:
        side = "client" if client else "server"
        check.add(WRONG_PURPOSE, f"{first.noun} may not be used by a TLS {side}, as its extended key usage says", 0)


def _order(check: ChainCheck) -> None:
    """Each certificate should certify the one before it, without others in between (RFC 8446 §4.4.2)."""
    if check.path != sorted(check.path):
        order = ", ".join([str(index + 1) for index in check.path])
        check.add(
            WRONG_ORDER,
            "the certificates are not in order: after each should come that of its issuer, as they do when read as "
            f"{order}", check.path[1],
        )
    extra = [index for index in range(len(check.certificates)) if index not in check.path]
    if extra and check.certificates[0].parsed is not None:
        titles = ", ".join([check.certificates[index].title for index in extra[:MAX_NAMES_SHOWN]])
        certify = "certifies" if len(extra) == 1 else "certify"
        check.add(UNRELATED, f"{plural(len(extra), 'certificate')} in the chain {certify} none of the others: {titles}",
                  extra[0])


def _unfit(check: ChainCheck, depth: int, time_ns: int) -> str:
    """Why the certificate at that depth of the path cannot vouch for the one before it; "" where it can."""
    info = check.certificates[check.path[depth]]
    below = check.certificates[check.path[depth - 1]]
    if not check.verified[check.path[depth - 1]]:
        return f"the signature of {below.title} is not proven"
    if not info.is_ca or not info.signs:
        return f"{info.title} is no authority"
    return (f"{info.title} {words}" if (words := _when(info, time_ns)) else "") or _constrained(check, depth, info)


def _constrained(check: ChainCheck, depth: int, issuer: CertificateInfo) -> str:
    """What limits of an authority at that depth the certificates beneath it break (RFC 5280 §4.2.1.9, §4.2.1.10).

    Authorities that issued themselves a new certificate do not count for the path length.
    """
    beneath = [check.certificates[index] for index in check.path[1:depth]]
    if 0 <= issuer.path_length < len([one for one in beneath if not one.self_issued]):
        allowed = plural(issuer.path_length, "authority", "authorities")
        return f"{issuer.title} may have {allowed} beneath it, and there are more"
    if issuer.other_constraints:
        return f"{issuer.title} limits what it vouches for in a way that is not examined here"
    for name in check.certificates[0].names:
        permitted = not issuer.permitted or any(within(name, tree) for tree in issuer.permitted)
        if not permitted or any(within(name, tree) for tree in issuer.excluded):
            return f"{issuer.title} may not vouch for {name}"
    return ""
