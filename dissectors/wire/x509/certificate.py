"""What one certificate says (RFC 5280 §4). It is read with `cryptography`, which is loaded with the first one.

Certificates come from the wire: whatever their shape, nothing is raised here. What could be read is kept, and what
could not is said in `error`.
"""
from __future__ import annotations

import hashlib
import re
import warnings
from typing import TYPE_CHECKING, Final

from dissectors.kit.event import JsonValue
from dissectors.wire.x509.keys import key_words, signature_words, weak_hash, weak_key
from dissectors.wire.x509.times import UNKNOWN, date, day, nanoseconds

if TYPE_CHECKING:
    from cryptography import x509

MAX_CERTIFICATE_NAMES: Final = 2_000   # subject alternative names of one certificate that are kept
MAX_LISTED: Final = 100                # of them, those that the data of an event lists

# Extended key usages, RFC 5280 §4.2.1.12.
SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
ANY_USAGE: Final = "2.5.29.37.0"

# In the words of the library over broken DER: what broke, and the last place that it names.
_KIND: Final = re.compile(r"kind: (\w+)")
_PLACE: Final = re.compile(r'"([\w:]+)"[^"]*$')


class CertificateInfo:
    """One certificate. Times are ns since 1970, UNKNOWN where they could not be read.

    names, addresses: the subject alternative names, in the order of the certificate; left_out: those beyond the cap.
    key: `RSA 2048`; key_bits: 0 where unknown. signature: `RSA with SHA-256`. serial: hexadecimal.
    path_length: CAs that may follow beneath this one, -1 where not limited. usages: object identifiers of the extended
    key usage, empty for any. signs: it may sign certificates, as far as its key usage says.
    self_issued: subject and issuer are the same; whether its own key signed it stands in the check of the chain.
    permitted, excluded: dNSName subtrees of name constraints. other_constraints: it has some of another kind.
    scts: embedded signed certificate timestamps. error: what could not be read, "" where all was.
    """

    def __init__(self, der: bytes) -> None:
        self.der = der
        self.fingerprint = hashlib.sha256(der).hexdigest()
        self.subject = ""
        self.common_name = ""
        self.issuer = ""
        self.issuer_name = ""
        self.subject_raw = b""
        self.issuer_raw = b""
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.left_out = 0
        self.serial = ""
        self.not_before_ns = UNKNOWN
        self.not_after_ns = UNKNOWN
        self.key = ""
        self.key_bits = 0
        self.weak_key = ""           # the reason in words
        self.signature = ""
        self.weak_signature = ""
        self.is_ca = False
        self.path_length = -1
        self.signs = True
        self.usages: list[str] = []
        self.permitted: list[str] = []
        self.excluded: list[str] = []
        self.other_constraints = False
        self.must_staple = False
        self.scts: list[tuple[str, int]] = []   # (log identifier in hexadecimal, time in ns)
        self.errors: list[str] = []
        self.parsed: x509.Certificate | None = None

    @property
    def error(self) -> str:
        return "; ".join(self.errors)

    @property
    def self_issued(self) -> bool:
        return self.subject_raw != b"" and self.subject_raw == self.issuer_raw

    @property
    def title(self) -> str:
        """What a person calls it: its common name, else its first name, else its subject."""
        if self.common_name:
            return self.common_name
        if self.names or self.addresses:
            return (self.names + self.addresses)[0]
        return self.subject or self.fingerprint[:16]

    @property
    def noun(self) -> str:
        """`the certificate of shop.test`."""
        named = self.common_name or self.names or self.addresses or self.subject
        return f"the certificate {'of ' if named else ''}{self.title}"

    def words(self) -> str:
        """`shop.test, issued by Lab CA, valid 2026-01-01 to 2026-04-01, ECDSA P-256`."""
        if self.parsed is None:
            return f"a certificate of {len(self.der)} bytes that cannot be read ({self.error})"
        issuer = "itself" if self.self_issued else self.issuer_name or "an issuer without a name"
        valid = f"valid {day(self.not_before_ns)} to {day(self.not_after_ns)}"
        words = [self.title, f"issued by {issuer}", valid, self.key]
        return ", ".join([word for word in words if word])

    def fields(self) -> dict[str, JsonValue]:
        """The values as data."""
        names: list[JsonValue] = []
        names.extend((self.names + self.addresses)[:MAX_LISTED])
        out: dict[str, JsonValue] = {
            "subject": self.subject, "issuer": self.issuer, "names": names, "serial": self.serial,
            "not_before": "" if self.not_before_ns == UNKNOWN else date(self.not_before_ns),
            "not_after": "" if self.not_after_ns == UNKNOWN else date(self.not_after_ns),
            "key": self.key, "signature": self.signature, "ca": self.is_ca, "self_issued": self.self_issued,
            "scts": len(self.scts), "sha256": self.fingerprint,
        }
        if self.error:
            out["error"] = self.error
        return out


def unreadable() -> tuple[type[Exception], ...]:
    """What `cryptography` raises over bytes that are no good certificate, OCSP answer or signature."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    return (
        ValueError, TypeError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    )


def describe(der: bytes) -> CertificateInfo:
    """Read a certificate. Never raises over its bytes: see `error`."""
    from cryptography import x509

    info = CertificateInfo(der)
    with warnings.catch_warnings():     # of odd serial numbers and attribute lengths: they are what is on the wire
        warnings.simplefilter("ignore")
        try:
            parsed = x509.load_der_x509_certificate(der)
        except unreadable() as error:
            info.errors.append(_reason(error))
            return info
        info.parsed = parsed
        _names(info, parsed)
        _validity(info, parsed)
        _key(info, parsed)
        _signature(info, parsed)
        _extensions(info, parsed)
    return info


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    kind, place = _KIND.search(text), _PLACE.search(text)
    if kind is not None and text.startswith("error parsing asn1"):
        where = f" in {place.group(1)}" if place is not None else ""
        return f"its DER is broken ({kind.group(1)}{where})"
    return text[:200]


def _common_name(name: x509.Name) -> str:
    """The common name, else the organisation (which names many roots), "" for neither."""
    from cryptography.x509.oid import NameOID

    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME):
        found = name.get_attributes_for_oid(kind)
        if found:
            value = found[0].value
            return value if isinstance(value, str) else value.hex()
    return ""


def _names(info: CertificateInfo, parsed: x509.Certificate) -> None:
    try:
        info.subject = parsed.subject.rfc4514_string()
        info.common_name = _common_name(parsed.subject)
        info.subject_raw = parsed.subject.public_bytes()
    except unreadable() as error:
        info.errors.append(f"subject: {_reason(error)}")
    try:
        info.issuer = parsed.issuer.rfc4514_string()
        info.issuer_name = _common_name(parsed.issuer) or info.issuer
        info.issuer_raw = parsed.issuer.public_bytes()
    except unreadable() as error:
        info.errors.append(f"issuer: {_reason(error)}")


def _validity(info: CertificateInfo, parsed: x509.Certificate) -> None:
    try:
        info.serial = f"{parsed.serial_number:x}"
        info.not_before_ns = nanoseconds(parsed.not_valid_before_utc)
        info.not_after_ns = nanoseconds(parsed.not_valid_after_utc)
    except unreadable() as error:
        info.errors.append(f"validity: {_reason(error)}")


def _key(info: CertificateInfo, parsed: x509.Certificate) -> None:
    oid = ""
    try:
        oid = parsed.public_key_algorithm_oid.dotted_string
        info.key, info.key_bits = key_words(oid, parsed.public_key())
        info.weak_key = weak_key(info.key, info.key_bits)
    except unreadable() as error:
        info.key = f"key of algorithm {oid}"
        info.errors.append(f"key: {_reason(error)}")


def _signature(info: CertificateInfo, parsed: x509.Certificate) -> None:
    try:
        oid = parsed.signature_algorithm_oid.dotted_string
        info.signature = signature_words(oid)
        info.weak_signature = weak_hash(info.signature.partition(" with ")[2])
        made = parsed.signature_hash_algorithm
        if made is not None and not info.weak_signature:
            info.weak_signature = weak_hash(made.name)      # RSA-PSS names it in its parameters
    except unreadable() as error:
        info.errors.append(f"signature: {_reason(error)}")


def _extensions(info: CertificateInfo, parsed: x509.Certificate) -> None:
    from cryptography import x509

    try:
        for extension in parsed.extensions:
            value = extension.value
            if isinstance(value, x509.SubjectAlternativeName):
                _alternatives(info, value)
            elif isinstance(value, x509.BasicConstraints):
                info.is_ca = value.ca
                info.path_length = -1 if value.path_length is None else value.path_length
            elif isinstance(value, x509.KeyUsage):
                info.signs = value.key_cert_sign
            elif isinstance(value, x509.ExtendedKeyUsage):
                info.usages = [usage.dotted_string for usage in value]
            elif isinstance(value, x509.NameConstraints):
                _constraints(info, value)
            elif isinstance(value, x509.TLSFeature):
                info.must_staple = x509.TLSFeatureType.status_request in value
            elif isinstance(value, x509.PrecertificateSignedCertificateTimestamps):
                for sct in value:
                    info.scts.append((sct.log_id.hex(), _utc(sct)))
    except unreadable() as error:
        info.errors.append(f"extensions: {_reason(error)}")


def _utc(sct: x509.certificate_transparency.SignedCertificateTimestamp) -> int:
    """Its time, which `cryptography` gives in UTC without saying so."""
    import datetime

    return nanoseconds(sct.timestamp.replace(tzinfo=datetime.UTC))


def _alternatives(info: CertificateInfo, value: x509.SubjectAlternativeName) -> None:
    from cryptography import x509

    for name in value:
        if len(info.names) + len(info.addresses) >= MAX_CERTIFICATE_NAMES:
            info.left_out += 1
        elif isinstance(name, x509.DNSName):
            info.names.append(name.value)
        elif isinstance(name, x509.IPAddress):
            info.addresses.append(str(name.value))


def _constraints(info: CertificateInfo, value: x509.NameConstraints) -> None:
    from cryptography import x509

    for trees, kept in ((value.permitted_subtrees, info.permitted), (value.excluded_subtrees, info.excluded)):
        for tree in trees or []:
            if isinstance(tree, x509.DNSName) and len(kept) < MAX_CERTIFICATE_NAMES:
                kept.append(tree.value)
            else:
                info.other_constraints = True
