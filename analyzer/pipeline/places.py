"""Frames of a capture that are read again, at their places in the file or, where it has none, by going over it."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from analyzer.ingest.source import Source
from analyzer.packet import Packet
from analyzer.packets.decode import Decoder
from analyzer.pipeline.passes import SILENT, Pulse
from analyzer.pipeline.plan import Place, number_of

NEAR: Final = 1 << 12             # bytes between two chosen frames that are read along rather than skipped
STRETCH: Final = 1 << 16          # bytes of the file read at once


class Window:
    """A stretch of a file, read at once. start, end: where in `data` the frame lies that was asked for."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.data: bytes = b""
        self.base: i64 = 0
        self.start: i64 = 0
        self.end: i64 = 0

    def find(self, places: list[Place], index: i64) -> None:
        """Find a frame in `data`, which is read anew where it does not hold it."""
        place = places[index]
        start = place.place - self.base
        end = start + place.captured
        if start < 0 or end > len(self.data):
            self.base = place.place
            self.data = self.source.read_at(self.base, stretch(places, index))
            start = 0
            end = min(place.captured, len(self.data))
        self.start = start
        self.end = end


def reader_of(source: Source, reassembled: bool, pulse: Pulse = SILENT) -> Reader:
    """The cheapest one for this source. reassembled: it holds datagrams in fragments."""
    reader = StreamReader(source, reassembled) if source.base < 0 or reassembled else PlaceReader(source)
    reader.pulse = pulse
    return reader


def stretch(places: list[Place], index: i64) -> i64:
    """Bytes from this place on that one read takes: up to the last of the places that follow closely."""
    first = places[index].place
    end = first + places[index].captured
    for following in range(index + 1, len(places)):
        place = places[following]
        if not 0 <= place.place - end <= NEAR or place.place + place.captured - first > STRETCH:
            break
        end = place.place + place.captured
    return end - first


class Reader:
    """Reads frames at places of a capture and decodes them. stopped: somebody wanted an end before it was through."""

    stopped = False

    def read(self, places: list[Place]) -> None:
        """Give each of these frames, in the order of the capture, to whoever watches its place."""
        raise NotImplementedError


class PlaceReader(Reader):
    """Reads at the places of the file. Datagrams in fragments are not put together."""

    def __init__(self, source: Source) -> None:
        self.pulse = SILENT
        self.due: i64 = 0
        self.source = source
        self.decoder = Decoder()
        self.packet = Packet()

    def read(self, places: list[Place]) -> None:
        places = sorted(places, key=number_of)
        window = Window(self.source)
        self.due = 0
        for index, place in enumerate(places):
            if place.number >= self.due and self.over(place.number):
                return
            window.find(places, index)
            self.show(place, window.data, window.start, window.end)

    def over(self, number: i64) -> bool:
        """A beat. True where somebody wants an end."""
        self.due = number + self.pulse.stride
        self.stopped = self.stopped or not self.pulse.beat(number)
        return self.stopped

    def show(self, place: Place, data: bytes, start: i64, end: i64) -> None:
        """Decode one frame and give it to whoever watches it. What cannot be decoded is nothing; the survey said so."""
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
    """Goes over the capture up to the last of the places.

    whole: every frame is decoded, so that fragments come together.
    """

    def __init__(self, source: Source, whole: bool) -> None:
        super().__init__(source)
        self.whole = whole

    def read(self, places: list[Place]) -> None:
        places = sorted(places, key=number_of)
        if not places:
            return
        again = self.source.reopen()
        self.due = 0
        self.decoder = Decoder()
        passed = Place(0, 0, 0, -1, 0)
        index = 0
        while index < len(places) and again.next():
            number = again.number
            if number >= self.due and self.over(number):
                break
            if self.whole and places[index].number != number:
                passed.number, passed.time, passed.wire = int(number), int(again.time), int(again.length)
                passed.shape = int(again.link) << 32
                self.show(passed, again.data, again.start, again.end)
            while index < len(places) and places[index].number == number:
                self.show(places[index], again.data, again.start, again.end)
                index += 1
        again.close()
