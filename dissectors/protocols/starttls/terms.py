"""The glossary of the change to TLS."""
from __future__ import annotations

from typing import Final

from dissectors.kit.protocol import Term

TERMS: Final[tuple[Term, ...]] = (
    Term(
        "STARTTLS",
        "A command by which a client asks to change to TLS on a connection that began in plain text. The server "
        "agrees or refuses; after a yes the next byte of either side belongs to TLS. Called STLS in POP3, AUTH TLS in "
        "FTP, SSLRequest in PostgreSQL, and an extended operation in LDAP.",
        "RFC 3207", ("opportunistic TLS", "STARTTLS stripping", "implicit TLS"),
    ),
    Term(
        "implicit TLS",
        "A port on which TLS begins with the first byte, such as 465 for mail submission, 993 for IMAP and 995 for "
        "POP3. Nothing is said in plain text, so nothing can be taken out on the way; it is preferred to STARTTLS.",
        "RFC 8314 §3", ("STARTTLS",),
    ),
    Term(
        "opportunistic TLS",
        "To use TLS where the other side offers it, and plain text where it does not. It protects against those who "
        "only listen, and not against those who change what they carry.",
        "RFC 7435", ("STARTTLS", "STARTTLS stripping"),
    ),
    Term(
        "STARTTLS stripping",
        "To take the offer of TLS out of a dialogue on its way, or to answer for the server that there is none. The "
        "client then goes on in plain text, unless it insists on TLS.",
        "RFC 7457 §2.2", ("STARTTLS", "opportunistic TLS"),
    ),
)
