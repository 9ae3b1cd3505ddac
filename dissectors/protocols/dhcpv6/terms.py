"""The glossary of DHCPv6, for `explain`. One fact a sentence."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Term

TERMS: Final = (
    Term(
        "DHCPv6",
        "How a machine gets addresses, prefixes and settings of IPv6 from a server. It asks all servers (SOLICIT), "
        "they say what they have (ADVERTISE), it takes one (REQUEST), and the server confirms it (REPLY). Its router "
        "it does not learn so, but from router advertisements, which also say whether to ask at all (M and O flag).",
        "RFC 8415", ("DUID", "delegated prefix"),
    ),
    Term(
        "DUID",
        "The name of a client or server of DHCPv6, which stays the same whichever address or interface it uses.",
        "RFC 8415 §11", ("DHCPv6",),
    ),
    Term(
        "delegated prefix",
        "A range of addresses that a provider's server hands to a router for the networks behind it.",
        "RFC 8415 §6.3", ("DHCPv6",),
    ),
)
