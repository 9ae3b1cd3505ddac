"""Frames of a capture that are read again, at their places in the file or, where it has none, by going over it."""
from __future__ import annotations

from typing import Final

from analyzer.ingest.source import Source
from analyzer.packet import Packet
from analyzer.packets.decode import Decoder
from analyzer.pipeline.look import Place, Reader, number_of

NEAR: Final = 1 << 12             # bytes between two chosen frames that are read along rather than skipped
STRETCH: Final = 1 << 16          # bytes of the file read at once


class Window:
    """A stretch of a file, read at once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.data: bytes = b""
        self.base = 0

    def find(self, places: list[Place], index: int) -> tuple[int, int]:
        """Where the frame lies in `data`, which is read anew where it does not hold it."""
        place = places[index]
        start = place.place - self.base
        end = start + place.captured
        if start < 0 or end > len(self.data):
            self.base = place.place
            self.data = self.source.read_at(self.base, stretch(places, index))
            start, end = 0, min(place.captured, len(self.data))
        return start, end


def stretch(places: list[Place], index: int) -> int:
    """Bytes from this place on that one read takes: up to the last of the places that follow closely."""
    first = places[index].place
    end = first + places[index].captured
    for following in range(index + 1, len(places)):
        place = places[following]
        if not 0 <= place.place - end <= NEAR or place.place + place.captured - first > STRETCH:
            break
        end = place.place + place.captured
    return end - first


class PlaceReader(Reader):
    """Reads at the places of the file. Datagrams in fragments are not put together."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.decoder = Decoder()
        self.packet = Packet()

    def read(self, places: list[Place]) -> None:
        places = sorted(places, key=number_of)
        window = Window(self.source)
        for index, place in enumerate(places):
            start, end = window.find(places, index)
            self.show(place, window.data, start, end)

    def show(self, place: Place, data: bytes, start: int, end: int) -> None:
        """Decode one frame and give it to whoever watches it; one that cannot be decoded, as the survey said, is nothing."""
        try:
            self.decoder.decode(
                data, start, end, place.wire, place.shape >> 32, place.number, place.time, self.packet
            )
        except Exception:
            self.packet.clear()
            self.decoder.dirty = True
        watch = place.watch
        if watch is not None:
            watch.take(place, self.packet)


class StreamReader(PlaceReader):
    """Goes over the capture up to the last of the places."""

    def read(self, places: list[Place]) -> None:
        places = sorted(places, key=number_of)
        if not places:
            return
        again = self.source.reopen()
        index = 0
        while index < len(places) and again.next():
            while index < len(places) and places[index].number == again.number:
                self.show(places[index], again.data, again.start, again.end)
                index += 1
        again.close()
