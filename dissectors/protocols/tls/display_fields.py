"""Fields of Wireshark's display filters that the records and messages of TLS have."""
from __future__ import annotations

from typing import Final

from dissectors.kit.display_field import MARK, NUMBER, TEXT, Data, DisplayField, there
from dissectors.kit.event import JsonValue

HELLO: Final = "tls.client_hello"
ANSWER: Final = "tls.server_hello"
ALERTS: Final = ("tls.alert", "tls.refused")


def _name(data: Data) -> list[JsonValue]:
    name = data.get("server_name")
    return [name] if name else []


FIELDS: Final = (
    DisplayField("tls.record.content_type", NUMBER, "20 change_cipher_spec, 21 alert, 22 handshake, 23 data",
                 "content_type"),
    DisplayField("tls.record.version", NUMBER, "as it stands in the record", "version"),
    DisplayField("tls.handshake.type", NUMBER, "of each message: 1 ClientHello, 2 ServerHello, 11 Certificate",
                 "handshake"),
    DisplayField("tls.handshake", MARK, "a message of a handshake ends here",
                 read=lambda record: [1] if record.get("handshake") else []),
    DisplayField("tls.alert_message", MARK, "an alert, readable or not",
                 read=lambda record: [1] if record.get("content_type") == 21 else []),
    DisplayField("tls.heartbeat_message", MARK, "a heartbeat",
                 read=lambda record: [1] if record.get("content_type") == 24 else []),
    *[DisplayField("tls.alert_message.level", NUMBER, "1 warning, 2 fatal", event=event, attribute="level")
      for event in ALERTS],
    *[DisplayField("tls.alert_message.desc", NUMBER, "0 close_notify, 40 handshake_failure, 48 unknown_ca",
                   event=event, attribute="description") for event in ALERTS],
    DisplayField("tls.handshake.certificate", MARK, "certificates", event="tls.certificate", read=there),
    DisplayField("tls.handshake.version", NUMBER, "as a hello has it: 0x0303", event=HELLO,
                 attribute="hello.legacy_version"),
    DisplayField("tls.handshake.version", NUMBER, "as a hello has it: 0x0303", event=ANSWER,
                 attribute="hello.legacy_version"),
    DisplayField("tls.handshake.ciphersuite", NUMBER, "each that is offered, or what is chosen", event=HELLO,
                 attribute="hello.suites"),
    DisplayField("tls.handshake.ciphersuite", NUMBER, "each that is offered, or what is chosen", event=ANSWER,
                 attribute="hello.suite"),
    DisplayField("tls.handshake.extensions_server_name", TEXT, "name that the client asks for", event=HELLO,
                 read=_name),
    DisplayField("tls.handshake.ja3", TEXT, "fingerprint of the client", "ja3", HELLO),
    DisplayField("tls.handshake.ja3s", TEXT, "fingerprint of the server", "ja3s", ANSWER),
)
