"""What all that is compressed in a capture may cost together."""
from __future__ import annotations

import zlib
from random import Random

import brotli
import pytest

from dissectors.kit.allowance import ENDLESS, MAX_UNPACKED, MAX_UNPACKED_EACH, Allowance
from dissectors.protocols.websocket.deflate import Inflater
from dissectors.wire.http.codings import BROTLI_WINDOW, FREE, Decoder

BODY = zlib.compress(bytes(FREE))


def test_small_bodies_share_what_may_come_out() -> None:
    """Each grows to what is free for any, until all of them together have had their share."""
    allowance = Allowance()
    whole = 0
    while True:
        decoder = Decoder(("deflate",), allowance)
        decoder.feed(BODY)
        if decoder.finish(True):
            break
        whole += 1
    assert allowance.spent <= MAX_UNPACKED + MAX_UNPACKED_EACH * allowance.fed + 1
    assert MAX_UNPACKED // FREE <= whole < MAX_UNPACKED // FREE * 2
    assert "MAX_UNPACKED" in decoder.problem


def test_what_goes_in_makes_room_again() -> None:
    """Behind the attack, bodies that grow as bodies do are read again."""
    allowance = Allowance()
    allowance.spent = MAX_UNPACKED
    page = b"".join(b"<p class=row>%x</p>" % Random(at).getrandbits(64) for at in range(5_000))
    decoder = Decoder(("gzip", "br"), allowance)
    assert decoder.feed(brotli.compress(gzipped(page))) == page
    assert decoder.finish(True) == ""


def gzipped(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=31)
    return engine.compress(data) + engine.flush()


def test_a_bomb_costs_the_window_that_it_fills() -> None:
    """brotli fills its window before it gives anything, however little is asked for."""
    allowance = Allowance()
    bomb = brotli.compress(bytes(BROTLI_WINDOW))
    for _ in range(MAX_UNPACKED // BROTLI_WINDOW):
        decoder = Decoder(("br",), allowance)
        decoder.feed(bomb)
        assert "MAX_GROWTH" in decoder.problem
    decoder = Decoder(("br",), allowance)
    assert len(decoder.feed(bomb)) < FREE
    assert "MAX_UNPACKED" in decoder.problem


@pytest.mark.parametrize("messages", [1, 3])
def test_messages_of_a_web_socket_are_told_once_not_to_be_read(messages: int) -> None:
    allowance = Allowance()
    allowance.spent = 2 * MAX_UNPACKED
    inflater = Inflater(False, True, allowance)
    caps = []
    for _ in range(messages):
        inflater.begin()
        inflater.feed(BODY[2:-4], True)
        caps.append(inflater.cap)
        inflater.cap = ""
        assert "MAX_UNPACKED" in inflater.stopped
    assert caps == ["MAX_UNPACKED"] + [""] * (messages - 1)


def test_without_a_capture_there_is_no_end() -> None:
    spent = ENDLESS.spent
    assert len(Decoder(("deflate",)).feed(BODY)) == FREE
    assert ENDLESS.spent >= spent
    assert ENDLESS.room() > MAX_UNPACKED
