"""The glossary of DHCP, for `explain`. One fact a sentence."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Term

TERMS: Final = (
    Term(
        "DHCP",
        "How a machine that joins a network gets its address, its router and its name servers. It asks everybody "
        "(DISCOVER), servers offer an address (OFFER), it takes one (REQUEST), and the server confirms it (ACK).",
        "RFC 2131", ("lease", "DHCP relay"),
    ),
    Term(
        "lease",
        "An address that a server of DHCP lends for a time. The client asks its server for more time after half of it "
        "(renewing), any server after seven eighths (rebinding), and has to stop using the address at the end.",
        "RFC 2131 §4.4.5", ("DHCP",),
    ),
    Term(
        "DHCP relay",
        "A router that passes questions of clients on to a server on another link, since routers do not pass on what "
        "is sent to everybody. It adds its own address, by which the server knows the network of the client.",
        "RFC 1542 §4; RFC 3046", ("DHCP",),
    ),
    Term(
        "rogue DHCP server",
        "A server that nobody meant to run, such as a router plugged in the wrong way round. Whoever takes its offer "
        "has a router or name servers that lead nowhere, or to an attacker.",
        "RFC 7610 §1", ("DHCP",),
    ),
)
