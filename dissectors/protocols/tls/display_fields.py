"""Fields of Wireshark's display filters that the records and messages of TLS have."""
from __future__ import annotations

from typing import Final

from dissectors.kit.display_field import NUMBER, TEXT, Data, DisplayField
from dissectors.kit.event import JsonValue

HELLO: Final = "tls.client_hello"


def _name(data: Data) -> list[JsonValue]:
    name = data.get("server_name")
    return [name] if name else []


FIELDS: Final = (
    DisplayField("tls.record.content_type", NUMBER, "20 change_cipher_spec, 21 alert, 22 handshake, 23 data",
                 "content_type"),
    DisplayField("tls.record.version", NUMBER, "as it stands in the record", "version"),
    DisplayField("tls.handshake.type", NUMBER, "of each message: 1 ClientHello, 2 ServerHello, 11 Certificate",
                 "handshake"),
    DisplayField("tls.handshake.extensions_server_name", TEXT, "name that the client asks for", event=HELLO,
                 read=_name),
    DisplayField("tls.handshake.ja3", TEXT, "fingerprint of the client", "ja3", HELLO),
    DisplayField("tls.handshake.ja3s", TEXT, "fingerprint of the server", "ja3s", "tls.server_hello"),
)
