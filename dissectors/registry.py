"""Every protocol, one line each. Somebody else's come in through the entry-point group `wiretale.dissectors`."""
from __future__ import annotations

import os
import sys
from typing import Any, Final

from dissectors.kit.event import Event
from dissectors.kit.protocol import Protocol, Term

GROUP: Final = "wiretale.dissectors"
SWITCH: Final = "WIRETALE_PLUGINS"
OFF: Final = "0"
MAX_TROUBLE: Final = 300        # characters of what the exception of somebody else's says


class Unusable(Exception):
    """What an entry point names is no protocol that can be told; the message says why."""


_loaded: dict[tuple[str, ...], tuple[Plugin, ...]] = {}      # by the path on which packages were looked for


def built_in() -> tuple[Protocol, ...]:
    """Ours, in the order in which probes are asked."""
    from dissectors.protocols.dhcp.protocol import DHCP
    from dissectors.protocols.dhcpv6.protocol import DHCPV6
    from dissectors.protocols.dns.protocol import DNS, LLMNR, MDNS
    from dissectors.protocols.grpc.protocol import GRPC
    from dissectors.protocols.http1.protocol import HTTP, SSDP
    from dissectors.protocols.http2.protocol import HTTP2
    from dissectors.protocols.http3.protocol import HTTP3
    from dissectors.protocols.icmp import ICMP
    from dissectors.protocols.nbns import NBNS
    from dissectors.protocols.ntp import NTP
    from dissectors.protocols.quic.protocol import QUIC
    from dissectors.protocols.radius import RADIUS
    from dissectors.protocols.sip import SIP
    from dissectors.protocols.snmp import SNMP
    from dissectors.protocols.sse.protocol import SSE
    from dissectors.protocols.starttls.ftp import FTP
    from dissectors.protocols.starttls.imap import IMAP
    from dissectors.protocols.starttls.ldap import LDAP
    from dissectors.protocols.starttls.pop3 import POP3
    from dissectors.protocols.starttls.postgresql import POSTGRESQL
    from dissectors.protocols.starttls.smtp import SMTP
    from dissectors.protocols.starttls.xmpp import XMPP
    from dissectors.protocols.tcp.protocol import TCP
    from dissectors.protocols.tls.protocol import TLS
    from dissectors.protocols.websocket.protocol import WEBSOCKET

    return (
        TCP, ICMP, DNS, MDNS, LLMNR, NBNS, DHCP, DHCPV6, NTP, RADIUS, SNMP, SIP, QUIC, TLS, HTTP, SSDP, HTTP2, HTTP3,
        WEBSOCKET, SSE, GRPC, SMTP, IMAP, POP3, FTP, LDAP, POSTGRESQL, XMPP,
    )


class Plugin:
    """An entry point of an installed package. trouble: why it is left out, "" where its protocols are told."""

    def __init__(self, package: str, version: str, point: str) -> None:
        self.package = package
        self.version = version
        self.point = point
        self.protocols: tuple[Protocol, ...] = ()
        self.trouble = ""

    def title(self) -> str:
        """Whose it is: `wiretale-finger 1.0, entry point finger`."""
        return f"{self.package or 'an unknown package'} {self.version}".rstrip() + f", entry point {self.point}"


def protocols() -> tuple[Protocol, ...]:
    """Ours, then those of installed packages: an entry point names a `Protocol`, or a tuple of them."""
    found = list(built_in())
    for plugin in plugins():
        found += plugin.protocols
    return tuple(found)


def plugins() -> tuple[Plugin, ...]:
    """The entry points of installed packages, each loaded once, those that are left out among them.

    None where WIRETALE_PLUGINS=0 leaves all of them out. Whatever a package does wrong costs that package alone.
    """
    if os.environ.get(SWITCH) == OFF:
        return ()
    key = tuple(sys.path)
    if key not in _loaded:
        _loaded[key] = _load_all() if _some_package_names(GROUP) else ()
    return _loaded[key]


def troubles() -> list[str]:
    """What was left out by now, a sentence each; loads nothing."""
    return [
        f"{plugin.title()}: left out, because {plugin.trouble}"
        for plugin in _loaded.get(tuple(sys.path), ()) if plugin.trouble
    ]


def _load_all() -> tuple[Plugin, ...]:
    from importlib.metadata import entry_points

    found: list[Plugin] = []
    taken = {protocol.name for protocol in built_in()}
    try:
        points = list(entry_points(group=GROUP))
    except Exception as error:      # what packages say of themselves is theirs, and may be anything
        broken = Plugin("", "", GROUP)
        broken.trouble = f"the entry points of installed packages cannot be read ({_said(error)})"
        return (broken,)
    for point in points:
        plugin = Plugin(_about(point, "name"), _about(point, "version"), str(point.name))
        try:
            loaded = _protocols_of(point.load())
            _check(loaded, taken)
            plugin.protocols = loaded
            taken.update(protocol.name for protocol in loaded)
        except Unusable as reason:
            plugin.trouble = str(reason)
        except (Exception, SystemExit, GeneratorExit) as error:    # foreign code, which may do anything when imported
            plugin.trouble = f"it cannot be loaded ({_said(error)})"
        found.append(plugin)
    return tuple(found)


def _about(point: Any, what: str) -> str:
    """The name or version of the package that an entry point belongs to, "" where it does not say."""
    try:
        return str(getattr(point.dist, what) or "")
    except Exception:       # of a package without metadata, or with broken metadata
        return ""


def _said(error: BaseException) -> str:
    try:
        words = str(error)
    except Exception:       # an exception of theirs
        words = ""
    return f"{type(error).__name__}: {words}"[:MAX_TROUBLE] if words else type(error).__name__


def _protocols_of(loaded: Any) -> tuple[Protocol, ...]:
    """What an entry point names. Raises Unusable."""
    found = (loaded,) if isinstance(loaded, Protocol) else loaded
    if not isinstance(found, (tuple, list)) or not found:
        raise Unusable(f"it names no Protocol, and no tuple of them, but {_kind(loaded)}")
    for one in found:
        if not isinstance(one, Protocol):
            raise Unusable(f"it names a tuple that holds {_kind(one)}, which is no Protocol")
    return tuple(found)


def _kind(value: object) -> str:
    return f"a value of type {type(value).__name__}"


def _check(found: tuple[Protocol, ...], taken: set[str]) -> None:
    """Whether these records hold what whoever uses them relies on. Raises Unusable."""
    seen = set(taken)
    for one in found:
        texts: tuple[object, ...] = (one.name, one.title, one.summary, *one.specs, *one.carriers)
        if not one.name or not all(isinstance(text, str) for text in texts):
            raise Unusable(f"name, title, summary, specs or carriers of its protocol {one.name!r} are no texts")
        if one.name in seen:
            raise Unusable(f"there is a protocol {one.name!r} already")
        seen.add(one.name)
        ports = [port for carrier in one.ports.values() for port in carrier]
        if not all(isinstance(port, int) and 0 <= port <= 0xFFFF for port in ports):
            raise Unusable(f"the ports of its protocol {one.name!r} are no ports")
        calls: tuple[object, ...] = (one.create, one.probe, one.namer, one.probe_on_port)
        if not all(call is None or callable(call) for call in calls):
            raise Unusable(f"its protocol {one.name!r} has a function that cannot be called")
        kinds: tuple[object, ...] = one.events
        if not all(isinstance(kind, type) and issubclass(kind, Event) for kind in kinds):
            raise Unusable(f"the events of its protocol {one.name!r} are no classes of events")
        terms: tuple[object, ...] = one.terms
        if not all(isinstance(term, Term) for term in terms):
            raise Unusable(f"the terms of its protocol {one.name!r} are no terms")


def _some_package_names(group: str) -> bool:
    """A glance at what is installed: importlib.metadata, which knows better, takes as long to load as all the rest.

    What is not a folder, such as a zip file on the path, is left to it.
    """
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except NotADirectoryError:
            return True
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                try:
                    with open(os.path.join(folder, name, "entry_points.txt"), "rb") as file:
                        if f"[{group}]".encode() in file.read():
                            return True
                except OSError:
                    continue
    return False
