"""One end of a conversation, by its address."""
from __future__ import annotations


class Endpoint:
    """One side of a conversation. name: from an answer or name block of this capture, never looked up."""

    def __init__(self, address: str, port: int = 0, name: str = "") -> None:
        self.address = address
        self.port = port
        self.name = name

    def __str__(self) -> str:
        if not self.port:
            return self.address
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def call(self, name: str) -> None:
        """The one rule: an end is called by the last name that an answer of this capture gave its address before its
        conversation began. The survey sees every answer of a name server and speaks first; what was told in detail,
        such as answers within TLS, names those that it left without."""
        self.name = self.name or name

    def title(self) -> str:
        """`shop.test`, or `10.0.0.2:443` where it has no name."""
        return self.name or str(self)

    def full(self) -> str:
        """`10.0.0.2:443 (shop.test)`."""
        return f"{self} ({self.name})" if self.name else str(self)
