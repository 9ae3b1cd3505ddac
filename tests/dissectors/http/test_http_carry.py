"""What the bodies of an exchange carry is decided once, for every version of HTTP."""
from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from dissectors.kit.inputs import Chunk, Close, Datagram, Fields, Gap
from dissectors.kit.protocol import Dissector, Output, Protocol, Readers
from dissectors.wire.http.carry import MAX_MESSAGE, begun_by_response, carried_by, in_target, media_type


def reader(name: str, *by: tuple[str, str], whole: tuple[str, ...] = ()) -> Protocol:
    return Protocol(name, name, "Made.", ("RFC 1",), lambda context: Dissector(), ("tcp",), {}, (), reached_by=by,
                    whole_by=whole)


CALLS = reader("calls", ("media", "application/calls"))
NAMES = reader("names", ("media", "application/names"), ("query", "q"), whole=("media", "query"))
READERS = Readers((CALLS, NAMES))


@pytest.mark.parametrize(("kind", "name"), [
    (b"application/calls", "calls"), (b"Application/Calls+proto; charset=utf-8", "calls"),
    (b" application/names ;x=1", "names"), (b"application/callsign", ""), (b"text/html", ""), (b"", ""),
    (b"\xff+\xff", ""),
])
def test_a_media_type_leads_to_its_reader_with_or_without_suffix_and_parameters(kind: bytes, name: str) -> None:
    carried = carried_by(READERS, kind, 1)
    assert (carried.name if carried is not None else "") == name
    assert carried_by(Readers(()), kind, 1) is None
    assert media_type(b"A/B+c; d") == "a/b+c"


@pytest.mark.parametrize(("status", "begun"), [(200, True), (201, True), (206, True), (304, False), (404, False)])
def test_a_response_begins_what_it_carries_where_it_succeeded(status: int, begun: bool) -> None:
    carried = begun_by_response(READERS, b"application/calls", status, True, False, 1, 1)
    assert (carried is not None) == begun
    assert begun_by_response(READERS, b"application/calls", 200, True, True, 1, 1) is None, "given up before"
    whole = begun_by_response(READERS, b"application/names", status, True, True, 1, 1)
    assert whole is not None, "a message is read whatever the status"


def test_the_body_of_a_request_of_another_kind_is_not_read() -> None:
    out: list[Output] = []
    carried = begun_by_response(READERS, b"application/calls", 200, True, False, 1, 7)
    assert carried is not None
    carried.octets(b"asked", 1, 0, 0, 1, out)
    carried.end(1, 0, 0, False, out)
    carried.fields(Fields(1, 0, 0, "trailers", (), 7), out)
    assert out == []
    carried.octets(b"said", 2, 0, 1, 3, out)
    carried.octets(b"more", 2, 0, 1, 3, out)
    assert [(one.data, one.position, one.released_by, one.stream) for one in out if isinstance(one, Chunk)] == [
        (b"said", 0, 3, 7), (b"more", 4, 3, 7),
    ]
    late = begun_by_response(READERS, b"application/calls", 200, False, False, 1, 7)
    assert late is not None
    assert late.listens == [True, True], "of an unseen request nothing else is known"


def test_a_message_comes_whole_or_not_at_all() -> None:
    carried = carried_by(READERS, b"application/names", 3)
    assert carried is not None
    out: list[Output] = []
    carried.fields(Fields(1, 0, 0, "response", (), 3), out)
    for lost in (True, False):
        carried.octets(b"one", 1, 0, 0, 1, out)
        carried.octets(b"two", 2, 0, 0, 2, out)
        carried.end(2, 0, 0, lost, out)
    carried.octets(bytes(MAX_MESSAGE), 3, 0, 0, 3, out)
    carried.octets(b"x", 3, 0, 0, 3, out)
    carried.end(3, 0, 0, False, out)
    assert [(one.data, one.stream) for one in out if isinstance(one, Datagram)] == [(b"onetwo", 3)]
    assert len(out) == 1
    carried.close(4, 0, "fin", out)
    assert isinstance(out[-1], Close)
    assert not any(isinstance(one, Gap) for one in out)


def test_a_message_in_the_target_is_read_where_the_answer_is_wanted_in_its_type() -> None:
    value = urlsafe_b64encode(b"a question").decode().rstrip("=")
    found = in_target(READERS, f"/ask?x&q={value}", b"text/html, application/names;q=1", 1)
    assert found is not None
    assert (found[0].name, found[1]) == ("names", b"a question")
    assert in_target(READERS, f"/ask?q={value}", b"application/calls", 1) is None
    assert in_target(READERS, f"/ask?p={value}", b"application/names", 1) is None
    assert in_target(READERS, "/ask?q=a", b"application/names", 1) is None
