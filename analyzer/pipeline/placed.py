"""Captures of two places, frame by frame, for whoever matches them."""
from __future__ import annotations

from contextlib import closing

from analyzer.compare.matching import PROBED, same_traffic
from analyzer.compare.places import passage_of
from analyzer.compare.sight import MAX_PLACED, Known, Place, sighted
from analyzer.ingest.open import open_capture
from analyzer.ingest.part import Asked, PartSource, part_of
from analyzer.packet import Packet
from analyzer.packets.decode import Decoder
from analyzer.passage import Passage
from analyzer.pipeline.narrowed import narrowing


def placed(path: str, most: int = MAX_PLACED, asked: Asked | None = None) -> Place:
    """The first `most` frames of a capture, or of the stretch of it that is asked for.

    Raises CaptureError where nothing can be told.
    """
    source = part_of(open_capture([path]), asked or Asked())
    with closing(source):
        place, decoder, packet = Place(path), Decoder(), Packet()
        known: Known = {}
        while source.next():
            if place.frames >= most:
                place.more = True
                break
            place.saw(int(source.time))
            decoder.decode(
                source.data, source.start, source.end, source.length, source.link, source.number, source.time, packet
            )
            sight = sighted(packet, known)
            if sight is not None:
                place.add(sight)
        drops = [interface.dropped for interface in source.interfaces if interface.dropped >= 0]
        place.dropped = sum(drops) if drops else -1
        place.damage = [str(damage) for damage in source.damage]
        if isinstance(source, PartSource) and not place.more:
            place.narrowed = narrowing(source, place.frames)
    return place


def hold_the_same(first: str, second: str) -> bool:
    """Whether two captures hold the same packets, as far as their beginnings show."""
    return same_traffic(placed(first, PROBED), placed(second, PROBED))


def passage(first: str, second: str, asked: Asked | None = None) -> Passage:
    """What became of the packets of two places. asked: which stretch of time of each of them."""
    return passage_of(placed(first, asked=asked), placed(second, asked=asked))
