"""Every protocol, one line each. Somebody else's come in through the entry-point group `wiretale.dissectors`."""
from __future__ import annotations

import os
import sys
from typing import Final

from dissectors.kit.protocol import Protocol

GROUP: Final = "wiretale.dissectors"


def built_in() -> tuple[Protocol, ...]:
    """Ours, in the order in which probes are asked."""
    from dissectors.protocols.dns.protocol import DNS, LLMNR, MDNS
    from dissectors.protocols.grpc.protocol import GRPC
    from dissectors.protocols.http1.protocol import HTTP, SSDP
    from dissectors.protocols.http2.protocol import HTTP2
    from dissectors.protocols.icmp import ICMP
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
        TCP, ICMP, DNS, MDNS, LLMNR, TLS, HTTP, SSDP, HTTP2, WEBSOCKET, SSE, GRPC, SMTP, IMAP, POP3, FTP, LDAP,
        POSTGRESQL, XMPP,
    )


def protocols() -> tuple[Protocol, ...]:
    """Ours, then those of installed packages: an entry point names a `Protocol`, or a tuple of them."""
    found = list(built_in())
    if _some_package_names(GROUP):
        from importlib.metadata import entry_points

        for point in entry_points(group=GROUP):
            loaded = point.load()
            found += [loaded] if isinstance(loaded, Protocol) else list(loaded)
    return tuple(found)


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
