"""Names in place of names: addresses and host names replaced by others, the same ones everywhere in a report.

Numbers are given in the order in which things appear, so that nothing of an original can be computed from its
stand-in, and two reports of one capture agree. What explains a network stays: which addresses share a network (/24 for
IPv4, /64 for IPv6), whether an address is private, and the top-level domain and depth of a name. Addresses that
identify nobody (loopback, multicast, broadcast, unspecified) stay as they are.
"""
from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from dissectors.kit.event import JsonValue
from dissectors.kit.identity import DOTTED, HOST, PARTY, UNIQUE, USER, Identity, hosts_of_urls

LEFT_OUT: Final = "(left out)"
PRIVATE: Final = 0x0A800000         # 10.128.0.0/9: private addresses (RFC 1918) stay private
BENCHMARK: Final = 0xC6120000       # 198.18.0.0/15 (RFC 2544), which no network uses: public addresses
BENCHMARK_NETWORKS: Final = 512
RESERVED: Final = 0xF0000000        # 240.0.0.0/4 (RFC 1112 §4): those beyond
CARRIER: Final = 0x64400000         # 100.64.0.0/10 (RFC 6598)
DOCUMENTATION: Final = 0x20010DB8 << 96    # 2001:db8::/32 (RFC 3849)
LOCAL: Final = 0xFD << 120          # fd00::/8 (RFC 4193)
LINK: Final = 0xFE80 << 112         # fe80::/10 (RFC 4291 §2.5.6)
SOLICITED: Final = 0xFF0200000000000000000001FF << 24    # ff02::1:ff00:0/104 (RFC 4291 §2.7.1)
LOW: Final = (1 << 64) - 1

# Names that so many hosts have that they tell of none, among them words of protocols and of what is said here.
KEPT_LABELS: Final = frozenset((
    "www", "localhost", "server", "client", "host", "proxy", "gateway", "router", "mail", "web", "api", "http", "https",
    "tcp", "udp", "dns", "ftp", "imap", "pop3", "smtp", "tls", "ssl", "ssh", "ntp", "dhcp", "json", "html", "xml",
    "name", "user",
))
KEPT_NAMES: Final = frozenset(("localhost", "localhost.localdomain"))

_MAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
_ADDRESS: Final = re.compile(
    r"(?i)(?<![\w.-])(?P<arpa>(?:[\w-]+\.)+(?:in-addr|ip6)\.arpa)"
    r"|(?<![\w:-])(?P<mac>[0-9a-f]{2}(?P<between>[:-])[0-9a-f]{2}(?:(?P=between)[0-9a-f]{2}){4})"
    r"(?!\w|[:-][0-9a-f]{2}\b)"
    r"|(?<![\w:])(?P<v6>(?=[0-9a-f]*:[0-9a-f:]*:)"
    r"(?:[0-9a-f:]{2,30}:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]{2,39}(?:(?<!:)|(?<=::))))(?!\w|:[\w:])"
    r"|(?<!\d)(?<!\d\.)(?P<v4>\d{1,3}(?:\.\d{1,3}){3})(?!\.?\d)"
)
_HEX: Final = re.compile(r"(?i)\b(?:[0-9a-f]{2} ){7,}[0-9a-f]{2}\b")    # octets spelled out may hold anything
_DISTINGUISHED: Final = re.compile(r"(?:^|[,+])\s*([A-Za-z0-9.]+)=((?:\\.|[^,+\\])*)")   # RFC 4514 §2
# What a name in free text ends with, to be taken for a host without any other sign of it; not what files end with.
COMMON: Final = frozenset((
    "com", "net", "org", "edu", "gov", "mil", "biz", "dev", "app", "cloud", "online", "shop", "site", "test", "example",
    "invalid", "local", "localdomain", "lan", "home", "corp", "internal", "intranet", "onion",
))

FIGURES: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
LEAST_LITERAL: Final = 4       # characters of a text that is replaced wherever it stands
LEAST_NAME: Final = 2          # ... of the name of a host or a user: one letter is an article, or a type of record
_LABELS: Final = re.compile(r"(?<!\\)\.")             # between the labels of a name in presentation format
_ESCAPED: Final = re.compile(r"\\(\d{3}|.)")          # RFC 1035 §5.1


REVERSE: Final = (["in-addr", "arpa"], ["ip6", "arpa"])     # what they name is an address


def public(top: str) -> bool:
    """Whether it is a top-level domain that anybody may be under: one of a country, or a common one."""
    return len(top) == 2 or top.lower() in COMMON or top.lower() in ("arpa", "info", "name", "io")


def _character(match: re.Match[str]) -> str:
    """`\\032` as a space, `\\.` as a dot."""
    text = match.group(1)
    return chr(int(text)) if len(text) == 3 and int(text) < 256 else text


class Pseudonyms:
    """Learn everything first (`learn`, `learn_text`), then translate (`text`, `value`): an original that is known
    late would otherwise stand in what was translated before."""

    def __init__(self, even: bool = False) -> None:
        """even: names keep the length of each label, as in octets that cannot grow."""
        self._even = even
        self._numbers: dict[tuple[str, str], int] = {}
        self._counts: dict[str, int] = {}
        self._domains: set[str] = set()
        self._literals: dict[str, str] = {}       # in lower case
        self._bare: dict[str, None] = {}          # names of hosts without a dot, in lower case and in order
        self._pattern: re.Pattern[str] | None = None
        self._dotted: re.Pattern[str] = re.compile(rf"{_MAIL.pattern}|{DOTTED.pattern}")
        self._known: dict[str, str] = {}

    # Learning

    def learn(self, identities: list[Identity]) -> None:
        """What an event says that it identifies."""
        for kind, text in identities:
            if kind == HOST:
                self.learn_host(text)
            elif kind == PARTY:
                for attribute, part in _DISTINGUISHED.findall(text) or [("", text)]:
                    self._learn_party(part.replace("\\", ""), attribute)
            elif kind == UNIQUE and len(text) >= LEAST_LITERAL:
                self._literal(text, LEFT_OUT)
            elif kind == USER and len(text) >= LEAST_NAME:
                self._learn_user(text)

    def _learn_user(self, name: str) -> None:
        """An account: a mail address as one, all else whatever it looks like."""
        local, at, host = name.rpartition("@")
        if at:
            self.learn_host(host)
        self._literal(local if at else name, self._label(local if at else name))

    def learn_text(self, text: str) -> None:
        """Free text: hosts of URLs and mail addresses, and names that end as hosts commonly do."""
        self.learn(hosts_of_urls(text))
        if "." not in text:
            return
        for host in _MAIL.findall(text):
            self.learn_host(host)
        for name in DOTTED.finditer(text):
            if name.group().rpartition(".")[2].lower() in COMMON and text[max(name.start() - 1, 0)] != "/":
                self.learn_host(name.group())

    def learn_host(self, name: str) -> None:
        """A host name, whatever it looks like: with dots, without, or with characters that names of hosts do not have,
        as service instances do (RFC 6763 §4.1.1); those come escaped (RFC 1035 §5.1)."""
        labels = [label for label in _LABELS.split(name.lower().strip(".")) if label]
        if not labels or labels[-1].isdigit() or labels[-2:] in REVERSE or name.lower() in KEPT_NAMES:
            return
        if len(labels) > 1:
            self._domains.add(".".join(labels[-2:]))
            if not DOTTED.fullmatch(name.strip(".")):
                plain = [_ESCAPED.sub(_character, label) for label in _LABELS.split(name)]
                for form in (name, ".".join(plain)):
                    self._literal(form, ".".join(self._labels(plain)))
        elif len(name) >= LEAST_NAME and labels[0] not in KEPT_LABELS | COMMON:
            self._bare.setdefault(labels[0])
            self._pattern = None

    def _learn_party(self, name: str, attribute: str) -> None:
        """Who a certificate belongs to or comes from. Short ones are countries, but for the name itself (CN)."""
        hosts = [host for host in DOTTED.findall(name) if not host.rpartition(".")[2].isdigit()]
        if len(hosts) == 1 and hosts[0] == name:
            self.learn_host(name)
        elif len(name) >= (LEAST_NAME if attribute.upper() == "CN" else LEAST_LITERAL):
            self._literal(name, f"Party {self._number('party', name.lower())}")

    def learn_path(self, path: str, stand_in: str) -> None:
        """A file's path and its last part."""
        for text in (path, path.replace("\\", "/").rstrip("/").rpartition("/")[2]):
            if len(text) >= LEAST_LITERAL:
                self._literal(text, stand_in)

    def _literal(self, text: str, stand_in: str) -> None:
        if self._literals.setdefault(text.lower(), stand_in) is stand_in:
            self._pattern = None

    # Translating

    def value(self, value: JsonValue) -> JsonValue:
        """The same with every string translated. Of the keys, which are mostly ours, only names with dots and
        addresses: a host may be called `name`."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(inner) for inner in value]
        if isinstance(value, dict):
            return {self._key(name): self.value(inner) for name, inner in value.items()}
        return value

    def text(self, text: str) -> str:
        """`text` with stand-ins for everything in it that identifies somebody."""
        found = self._known.get(text)
        if found is None:
            found = _ADDRESS.sub(self._address, self._names().sub(self._name, _HEX.sub(LEFT_OUT, text)))
            self._known[text] = found
        return found

    def _key(self, text: str) -> str:
        return _ADDRESS.sub(self._address, self._dotted.sub(self._name, text)) if "." in text or ":" in text else text

    def _names(self) -> re.Pattern[str]:
        if self._pattern is None:
            for name in self._bare:
                if name not in self._literals:
                    self._literals[name] = self._label(name)
            longest = sorted(self._literals, key=len, reverse=True)
            literal = "|".join(re.escape(text) for text in longest) or r"(?!)"
            self._pattern = re.compile(rf"(?<!\w)(?i:{literal})(?!\w)|{self._dotted.pattern}")
            self._known.clear()
        return self._pattern

    def _name(self, match: re.Match[str]) -> str:
        text = match.group()
        stand_in = self._literals.get(text.lower())
        if stand_in is not None:
            return stand_in
        user, at, host = text.rpartition("@")
        return f"{self._label(user)}@{self._host(host)}" if at else self._host(host)

    def _host(self, name: str) -> str:
        lower = name.lower().split(".")
        known = ".".join(lower[-2:]) in self._domains or lower[-1] == "local"
        return ".".join(self._labels(name.split("."))) if known and name.lower() not in KEPT_NAMES else name

    def _labels(self, labels: list[str]) -> list[str]:
        """`www.shop.test` as `www.domain1.test`; `printer.local` as `name1.local`."""
        top, found = labels[-1], []
        domain = top.lower() != "local"
        shown = top if public(top) else self._label(top)
        for label in reversed(labels[:-1]):
            if label.startswith("_") or label == "*":
                found.append(label)
            elif domain:
                found.append(self._word("domain", f"{label}.{top}".lower(), len(label)))
            else:
                found.append(self._label(label))
            domain = False
        return [*reversed(found), shown]

    def _label(self, label: str) -> str:
        lower = label.lower()
        return lower if lower in KEPT_LABELS else self._word("name", lower, len(label))

    def _word(self, kind: str, original: str, length: int) -> str:
        number = self._number(kind, original)
        if not self._even:
            return f"{kind}{number}"
        figures = ""
        while number and len(figures) < length - 1:
            number, last = divmod(number, len(FIGURES))
            figures = FIGURES[last] + figures
        return kind[0] + figures.rjust(length - 1, "0")

    def labels(self, labels: list[str]) -> list[str]:
        """Those of a host's name, whether it is known or not; what names nobody stays."""
        if len(labels) == 1:
            return labels if labels[0].lower() in KEPT_NAMES else [self._label(labels[0])]
        return labels if ".".join(labels).lower() in KEPT_NAMES else self._labels(labels)

    def _number(self, kind: str, original: str) -> int:
        """From 1, in the order in which originals of a kind appear."""
        key = kind, original
        found = self._numbers.get(key)
        if found is None:
            found = self._counts.get(kind, 0) + 1
            self._counts[kind] = self._numbers[key] = found
        return found

    def _address(self, match: re.Match[str]) -> str:
        text = match.group()
        if match.lastgroup == "arpa" or match.group("arpa"):
            return self._reverse(text)
        if match.group("mac"):
            return self._mac(text, match.group("between"))
        return self.address(text)

    def address(self, text: str) -> str:
        """The stand-in of an IP address; `text` itself where it is none, or identifies nobody."""
        try:
            address = ip_address(text)
        except ValueError:
            return text
        if isinstance(address, IPv4Address):
            return str(IPv4Address(self._v4(address)))
        if address.ipv4_mapped is not None:
            return f"::ffff:{IPv4Address(self._v4(address.ipv4_mapped))}"
        return str(IPv6Address(self._v6(address)))

    def _v4(self, address: IPv4Address) -> int:
        number = int(address)
        if address.is_loopback or address.is_multicast or address.is_unspecified or number >> 24 == 255:
            return number
        shared = address.is_private or address.is_link_local or number >> 22 == CARRIER >> 22
        network = self._number("private" if shared else "public", str(number >> 8)) - 1
        host = number & 255
        if host not in (0, 255):      # a network and its broadcast stay what they are
            host = 1 + (self._number(f"host {number >> 8}", str(host)) - 1) % 254
        if shared:
            return PRIVATE | (network & 0x7FFF) << 8 | host
        if network < BENCHMARK_NETWORKS:
            return BENCHMARK | network << 8 | host
        return RESERVED | (network & 0xFFFFF) << 8 | host

    def _v6(self, address: IPv6Address) -> int:
        number = int(address)
        if number >> 24 == SOLICITED >> 24:
            return SOLICITED | self._low(number & 0xFFFFFF)
        if address.is_loopback or address.is_multicast or address.is_unspecified:
            return number
        network = number >> 64
        host = self._number("interface", str(number & LOW)) if number & LOW else 0
        if host:
            self._numbers.setdefault(("low", str(number & 0xFFFFFF)), host)
        if address.is_link_local:
            return LINK | host
        if number >> 121 == 0xFC >> 1:
            return LOCAL | (self._number("local", str(network)) & 0xFFFFFFFF) << 64 | host
        return DOCUMENTATION | (self._number("global", str(network)) & 0xFFFFFFFF) << 64 | host

    def _low(self, low: int) -> int:
        """The end of an address from which its multicast address is made: that of its stand-in."""
        known = self._numbers.get(("low", str(low)))
        return known if known is not None else self._number("interface", f"low {low}")

    def _mac(self, text: str, between: str) -> str:
        octets = bytes.fromhex(text.replace(between, ""))
        stand_in = self.mac(octets)
        return text if stand_in == octets else stand_in.hex(between)

    def mac(self, octets: bytes) -> bytes:
        """The stand-in of a MAC address; itself where it is of a group, or of nobody."""
        if octets.startswith(b"\x33\x33\xff"):      # of a solicited-node address (RFC 2464 §7)
            stand_in = octets[:3] + self._low(int.from_bytes(octets[3:], "big")).to_bytes(3, "big")
        elif octets[0] & 1 or not any(octets):
            return octets
        else:
            stand_in = b"\x0a" + self._number("mac", octets.hex()).to_bytes(5, "big")
        return stand_in

    def _reverse(self, name: str) -> str:
        """A name for reverse lookups, of a whole address or of a network (RFC 1035 §3.5, RFC 3596 §2.5)."""
        labels = name.split(".")
        parts, ends = labels[:-2][::-1], labels[-2:]
        if ends[0].lower() == "in-addr":
            octets = [part for part in parts if part.isdigit() and int(part) < 256]
            if len(octets) < 3 or octets != parts[:len(octets)]:
                return name if len(octets) == len(parts) else ".".join(["zone", *ends])
            stand_in = self.address(".".join((*octets[:3], octets[3] if len(octets) > 3 else "0")))
            return ".".join([*stand_in.split(".")[:len(octets)][::-1], *ends])
        if len(parts) != 32:
            return ".".join(["zone", *ends])
        stand_in = self.address(str(IPv6Address(int("".join(parts), 16))))
        return ".".join([*IPv6Address(stand_in).exploded.replace(":", "")[::-1], *ends])
