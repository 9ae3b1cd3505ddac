"""A capture again, without what names somebody."""
from __future__ import annotations

from collections.abc import Iterator

from analyzer.ingest.annotated import annotated
from analyzer.packets.disguised import Disguiser
from analyzer.report.comments import comment
from dissectors.kit.stand_ins import StandIns
from dissectors.kit.units import plural
from dissectors.registry import protocols

SAID = (
    "anonymized: addresses are stand-ins that share networks (/24, /64) as the originals did, names are stand-ins of "
    "the same length, times and lengths on the wire are those of the capture. Payloads are kept as far as they are "
    "understood (DNS, heads of HTTP/1, hellos of TLS) and cut from there on; a checksum over what was cut is 0. "
    "Comments, names of interfaces, statistics and secrets of the capture are left out"
)


def disguised(
    paths: list[str], comments: dict[int, list[str]], summary: list[str], names: StandIns
) -> Iterator[bytes]:
    """Its frames in stand-ins, as pcapng. Read twice, since what was cut is said in front. Raises CaptureError."""
    first = Disguiser(protocols(), names)
    for _piece in annotated(paths, {}, [], change=first.frame):
        pass
    said = [comment(SAID)]
    if first.cut:
        cut = ", ".join([f"{what} ({plural(count, 'frame')})" for what, count in sorted(first.cut.items())])
        said.append(comment(f"cut, because it is not understood: {cut}"))
    yield from annotated(paths, comments, said + summary, change=Disguiser(protocols(), names).frame)
