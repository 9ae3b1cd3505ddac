"""What the user gave beside the capture: keys, roots of trust, schemas, and whether secrets may be shown."""
from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dissectors.kit.allowance import ENDLESS, Allowance


@mypyc_attr(allow_interpreted_subclasses=True)
class Provided:
    """Read by dissectors, filled by the pipeline: from options, and from secrets blocks as the capture is read.

    secrets: by label and client random, as a key log names them (`CLIENT_RANDOM`, `CLIENT_TRAFFIC_SECRET_0`):
    `label + b" " + 32 octets` to the secret.     private_keys: PEM or DER, for RSA key exchange.
    trusted: DER certificates that the user trusts as roots; empty where no store was named.
    descriptors: a serialised protobuf FileDescriptorSet, b"" for none.
    allowance: what may come out of what is compressed in the capture; it is used up as the capture is read.
    growing: further secrets may come while the capture is read.
    traced: each packet of a connection is to be logged (`dissectors.kit.trace`).
    show_secrets: credentials, cookies and tokens are shown instead of redacted.
    """

    def __init__(self) -> None:
        self.secrets: dict[bytes, bytes] = {}
        self.private_keys: list[bytes] = []
        self.trusted: list[bytes] = []
        self.descriptors = b""
        self.growing = False
        self.traced = False
        self.show_secrets = False
        self.allowance = Allowance()

    def secret(self, label: bytes, client_random: bytes) -> bytes:
        """The secret of that label for the session with this client random; b"" where the log has none."""
        return self.secrets.get(label + b" " + client_random, b"")


NOTHING: Final = Provided()  # never filled: for conversations that are read without anything beside them
NOTHING.allowance = ENDLESS
