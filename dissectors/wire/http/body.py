"""The body of a message as its bytes pass: counted, decoded within bounds, and described from its beginning."""
from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from dissectors.kit.allowance import ENDLESS, Allowance
from dissectors.kit.event import JsonValue
from dissectors.kit.units import size
from dissectors.wire.http.codings import Decoder
from dissectors.wire.http.media import MediaType, describe, described, media_type
from dissectors.wire.http.message import Head

MAX_SAMPLE: Final[i64] = 16_384   # decoded octets of one body that are kept, to tell what it holds


class Body:
    """What a body was, once it is over.

    octets: as sent, without the framing of the transfer.     decoded: after the content codings, -1 where it is not
    known.     type: the essence of its media type in lower case, "" for none.     codings: as applied, in order.
    summary: what it holds, in a few words, "" where nothing more is known than its type.
    detail: the same as data.     problem: why it could not be decoded or read, "" where it could.
    whole: all of it was seen.
    """

    def __init__(
        self, octets: int, decoded: int, type: str, codings: tuple[str, ...], summary: str,
        detail: dict[str, JsonValue], problem: str, whole: bool,
    ) -> None:
        self.octets = octets
        self.decoded = decoded
        self.type = type
        self.codings = codings
        self.summary = summary
        self.detail = detail
        self.problem = problem
        self.whole = whole

    def text(self) -> str:
        """`1.2 MB of image/png (gzip, 3.4 MB decoded)`."""
        words = size(self.octets)
        if self.type:
            words += f" of {self.type}"
        inside = [", ".join(self.codings)] if self.codings else []
        if self.codings and self.decoded >= 0:
            inside.append(f"{size(self.decoded)} decoded")
        return f"{words} ({', '.join(inside)})" if inside else words

    def as_json(self) -> dict[str, JsonValue]:
        out: dict[str, JsonValue] = {"octets": self.octets}
        if self.decoded >= 0 and self.codings:
            out["decoded_octets"] = self.decoded
        if self.type:
            out["media_type"] = self.type
        if self.codings:
            codings: list[JsonValue] = []
            codings.extend(self.codings)
            out["content_codings"] = codings
        if self.summary:
            out["holds"] = self.summary
        out.update(self.detail)
        if self.problem:
            out["problem"] = self.problem
        if not self.whole:
            out["complete"] = False
        return out


NO_BODY: Final = Body(0, 0, "", (), "", {}, "", True)


class BodyReader:
    """Feed it a body as it comes; what it holds is bounded whatever the length.

    decode: whether the octets are decoded, and a sample of them kept. Counting alone is all that a list of frames
    needs. A protocol that is carried in the body gets what `feed` returns.
    """

    def __init__(self, head: Head, show_secrets: bool, decode: bool, allowance: Allowance = ENDLESS) -> None:
        self.head = head
        self.show_secrets = show_secrets
        self.octets: i64 = 0
        self.decoded: i64 = 0
        self.kept: i64 = 0
        self.room: i64 = 0
        self.missing: bool = False
        self.sample: list[bytes] = []
        self.type: MediaType = media_type(head.get(b"content-type")) if decode else media_type(b"")
        self.decoder: Decoder | None = None
        self.decode: bool = decode
        if decode:
            codings = head.elements(b"content-encoding")
            if codings:
                self.decoder = Decoder(tuple(codings), allowance)
            if described(self.type):
                self.room = MAX_SAMPLE

    def feed(self, data: bytes) -> bytes:
        """The next octets of the body; returns them decoded (b"" once decoding has stopped)."""
        self.octets += len(data)
        decoder = self.decoder
        out = data if decoder is None else decoder.feed(data)
        self.decoded += len(out)
        if self.kept < self.room and out:
            take = min(self.room - self.kept, i64(len(out)))
            self.sample.append(out if take == len(out) else out[:take])
            self.kept += take
        return out

    def lose(self, octets: int) -> None:
        """Octets of the body are not in the capture; they count, and nothing after them can be decoded."""
        self.octets += octets
        self.decoded += octets
        self.missing = True
        self.room = 0
        if self.decoder is not None:
            self.decoder.lose()

    def finish(self, whole: bool) -> Body:
        """The body is over. whole: it is known to have ended where it should."""
        if self.octets == 0 and not self.missing:
            return NO_BODY
        decoder = self.decoder
        decoded = int(self.decoded)
        codings: tuple[str, ...] = ()
        problem = ""
        if decoder is not None:
            codings = decoder.codings
            problem = decoder.finish(whole)
            if problem:
                decoded = -1
        summary = ""
        detail: dict[str, JsonValue] = {}
        if self.sample:
            sample = b"".join(self.sample)
            meaning = describe(
                self.type, self.head, sample, whole and self.kept == self.decoded and not self.missing,
                self.show_secrets,
            )
            summary = meaning.summary
            detail = meaning.detail
        return Body(
            int(self.octets), decoded, self.type.essence, codings, summary, detail, problem, whole and not self.missing
        )
