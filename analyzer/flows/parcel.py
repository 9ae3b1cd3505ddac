"""What one process counted of a capture, as bytes for another: records of the conversation table and its tallies.

Both run the same program, one forked from the other, so nothing is converted: objects are taken apart by their
attributes and put together again. Conversations are a great deal; where a parcel shall hold none, a reference stands
for each.
"""
from __future__ import annotations

import pickle
from array import array
from collections.abc import Callable
from io import BytesIO
from typing import Any, Final

from librt.vecs import vec
from mypy_extensions import i64

from analyzer.faults import Fault
from analyzer.flows.flow import Flow, Spare, TcpFlow, TcpHalf, UdpFlow, UdpHalf, Unrecorded
from analyzer.flows.keep import KEEP_ALL, Keeper
from analyzer.flows.names import Named
from analyzer.flows.scans import Scanner
from analyzer.flows.spooled import attributes_of
from analyzer.flows.tally import Attempt
from analyzer.model import Endpoint, Group
from dissectors.protocols.tcp.side import Unacked

OURS: Final = ("analyzer.", "dissectors.")
NUMBERS: Final = type(vec[i64]())
NOWHERE: Final = Endpoint("", 0)
NO_CONNECTION: Final = TcpFlow(0, 6, b"", b"", 4, b"")
NO_EXCHANGE: Final = UdpFlow(0, 17, b"", b"", 4, b"")

# How an object begins whose constructor wants more than nothing; its attributes follow.
MAKERS: Final[dict[type, Callable[[], object]]] = {
    Flow: lambda: Flow(0, 0, b"", b"", 4, b""),
    TcpFlow: lambda: TcpFlow(0, 6, b"", b"", 4, b""),
    UdpFlow: lambda: UdpFlow(0, 17, b"", b"", 4, b""),
    TcpHalf: lambda: TcpHalf(NO_CONNECTION, 0),
    UdpHalf: lambda: UdpHalf(NO_EXCHANGE, 0),
    Unrecorded: lambda: Unrecorded(0, 0, 0, 0),
    Unacked: lambda: Unacked(0, 0, 0, 0),
    Spare: lambda: Spare(0),
    Keeper: lambda: Keeper(KEEP_ALL),
    Named: lambda: Named("", 0, NO_EXCHANGE),
    Scanner: lambda: Scanner(b"", b"S"),
    Attempt: lambda: Attempt(NO_EXCHANGE, 0, 0, 0),
    Group: lambda: Group(NOWHERE),
    Endpoint: lambda: Endpoint("", 0),
    Fault: lambda: Fault(0, "", ""),
}


class _Packer(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        kind = type(thing)
        if kind is NUMBERS:
            return _numbers, (array("q", thing).tobytes(),)
        if isinstance(thing, type) or not kind.__module__.startswith(OURS):
            return NotImplemented
        return _made, (kind,), _attributes(thing), None, None, _restore


class _Referring(_Packer):
    def persistent_id(self, thing: Any) -> int | None:
        return int(thing.number) if isinstance(thing, Flow) else None


class _Resolving(pickle.Unpickler):
    def __init__(self, file: BytesIO, flow: Callable[[int], Flow]) -> None:
        super().__init__(file)
        self.flow = flow

    def persistent_load(self, number: Any) -> Flow:
        return self.flow(number)


def packed(thing: object, with_flows: bool) -> bytes:
    """with_flows: False puts the number of each conversation in its place."""
    file = BytesIO()
    (_Packer if with_flows else _Referring)(file, pickle.HIGHEST_PROTOCOL).dump(thing)
    return file.getvalue()


def unpacked(parcel: bytes, flow: Callable[[int], Flow]) -> Any:
    """flow: gives the conversation for a number that stands for one."""
    return _Resolving(BytesIO(parcel), flow).load()


def _attributes(thing: object) -> dict[str, object]:
    """What was deleted is not there."""
    return {name: getattr(thing, name) for name in attributes_of(thing) if hasattr(thing, name)}


def _made(kind: type) -> object:
    maker = MAKERS.get(kind)
    return kind() if maker is None else maker()


def _restore(thing: object, attributes: dict[str, object]) -> None:
    for name, value in attributes.items():
        setattr(thing, name, value)


def _numbers(octets: bytes) -> vec[i64]:
    return vec[i64](array("q", octets).tolist())
