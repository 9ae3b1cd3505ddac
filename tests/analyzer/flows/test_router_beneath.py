"""A protocol knows which ones carry it."""
from __future__ import annotations

from analyzer.flows.router import Router
from dissectors.kit.inputs import Chunk
from dissectors.kit.protocol import BENEATH, YES, Context, Dissector, Handoff, Output, Protocol
from dissectors.kit.provided import Provided


def test_what_carries_a_protocol_stands_in_its_context() -> None:
    seen: dict[str, Context] = {}

    class Carrier(Dissector):
        def __init__(self, above: str) -> None:
            self.above = above

        def on_data(self, chunk: Chunk) -> list[Output]:
            return [Handoff(("alpn", self.above), chunk.direction, BENEATH), chunk] if self.above else []

    def kept(name: str, above: str) -> Protocol:
        def create(context: Context) -> Dissector:
            seen[name] = context
            return Carrier(above)
        return Protocol(name, name, "Made.", ("RFC 1",), create, ("tcp",), {}, (), probe=lambda data, side: YES,
                        reached_by=(("alpn", name),))

    provided = Provided()
    protocols = (kept("outer", "middle"), kept("middle", "inner"), kept("inner", ""))
    Router(protocols, Context("tcp", 1, 2, True, True, provided), 7).chunk(Chunk(1, 0, 0, b"x", 0))
    assert [seen[name].beneath for name in ("outer", "middle", "inner")] == [(), ("outer",), ("outer", "middle")]
    inner = seen["inner"]
    assert (inner.transport, inner.originator_port, inner.responder_port) == ("tcp", 1, 2)
    assert (inner.midstream, inner.each_pdu, inner.provided) == (True, True, provided)
