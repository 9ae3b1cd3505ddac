"""The ring of blocks on real interfaces."""
from __future__ import annotations

import fcntl
import os
import socket
import struct
import time

import pytest
from namespaces import HERE, THERE, Seen, Wire, python, rest, send, take, udp

from analyzer.ingest.live.open import LiveOptions, open_live
from analyzer.ingest.live.source import DOWN, GONE, INBOUND, OUTBOUND, UP, LiveSource
from analyzer.ingest.source import CaptureError

TUNSETIFF = 0x400454CA      # linux/if_tun.h
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
TUNSETLINK = 0x400454CD
ARPHRD_PPP = 512            # linux/if_arp.h
RAW_IP = 101
COOKED = 276


def texts(source: LiveSource) -> list[str]:
    return [str(notice) for notice in source.take_notices()]


def until_notice(source: LiveSource) -> None:
    end = time.monotonic() + 5
    while not source.notices and time.monotonic() < end:
        source.wait(0.05)


def test_frames_come_with_times_lengths_and_directions(wire: Wire) -> None:
    wire.settle()
    source = open_live(LiveOptions(["near"]))
    before = time.time_ns()
    wire.send_from_there(b"question")
    send(b"answer")
    frames = udp(take(source, lambda frames: len(udp(frames)) >= 2))
    source.close()
    assert [frame.data[42:] for frame in frames] == [b"question", b"answer"]
    assert [frame.direction for frame in frames] == [INBOUND, OUTBOUND]
    assert [frame.length for frame in frames] == [50, 48]
    assert before < frames[0].time < frames[1].time < time.time_ns()
    assert {frame.link for frame in frames} == {1}
    assert {frame.name for frame in frames} == {"near"}


def test_a_frame_is_handed_out_within_a_tenth_of_a_second(wire: Wire) -> None:
    wire.settle()
    source = open_live(LiveOptions(["near"], "udp"))
    lags = []
    for _ in range(7):
        wire.send_from_there(b"now")
        lags += [frame.lag for frame in take(source, bool)]
    source.close()
    assert len(lags) == 7
    assert sorted(lags)[3] < 100_000_000


@pytest.mark.parametrize(("direction", "expected"), [("in", [b"in"]), ("out", [b"out"]), ("both", [b"in", b"out"])])
def test_one_direction(wire: Wire, direction: str, expected: list[bytes]) -> None:
    wire.settle()
    source = open_live(LiveOptions(["near"], direction=direction))
    wire.send_from_there(b"in")
    send(b"out")
    assert [frame.data[42:] for frame in udp(rest(source))] == expected
    source.close()


def test_the_loopback_interface_shows_each_frame_once(wire: Wire) -> None:
    source = open_live(LiveOptions(["lo"]))
    send(b"once", to="127.0.0.1")
    assert len(udp(rest(source), b"once")) == 1
    source.close()


def test_snap_length_cuts_what_is_kept_and_not_what_is_told(wire: Wire) -> None:
    wire.settle()
    source = open_live(LiveOptions(["near"], snaplen=60))
    wire.send_from_there(bytes(500))
    frame = udp(rest(source))[0]
    source.close()
    assert (len(frame.data), frame.length) == (60, 542)
    assert source.interfaces[0].snaplen == 60


def test_the_filter_lets_nothing_else_in(wire: Wire) -> None:
    wire.settle()
    source = open_live(LiveOptions(["near"], "udp port 9001"))
    wire.send_from_there(b"no", port=9000)
    wire.send_from_there(b"yes", port=9001)
    frames = rest(source)
    counted = source.counts()[0]
    source.close()
    assert [frame.data[42:] for frame in frames] == [b"yes"]
    assert counted.received == 1
    assert source.interfaces[0].filter == "udp port 9001"


@pytest.mark.parametrize("names", [["near"], ["any"]])
def test_a_wrong_filter_is_named(wire: Wire, names: list[str]) -> None:
    with pytest.raises(CaptureError, match=r"'tcp prt 80' is wrong: .*syntax error"):
        open_live(LiveOptions(names, "tcp prt 80"))


TAGGED = bytes.fromhex("ffffffffffff020000000001" "8100a005" "0800") + bytes.fromhex(
    "45000022000000004011662f0a4d00020a4d0001" "00010002000e0000"
) + b"tagged"
SERVICE_TAGGED = TAGGED[:12] + bytes.fromhex("88a80007") + TAGGED[12:]


@pytest.mark.parametrize(("filter", "plain"), [("", True), ("vlan 5", False), ("vlan 5 and udp", False)])
def test_the_vlan_tag_stands_where_it_was(wire: Wire, filter: str, plain: bool) -> None:
    """The kernel takes the outer tag out of every frame that comes in."""
    source = open_live(LiveOptions(["near"], filter))
    wire.send_from_there(b"untagged")
    wire.raw_from_there(TAGGED, SERVICE_TAGGED)
    frames = rest(source)
    source.close()
    tagged = [frame for frame in frames if frame.data.endswith(b"tagged") and frame.data[:6] == b"\xff" * 6]
    assert tagged[0].data == TAGGED
    assert tagged[0].length == len(TAGGED)
    assert any(frame.data.endswith(b"untagged") for frame in frames) == plain
    if plain:
        assert tagged[1].data == SERVICE_TAGGED


def test_offloaded_segments_stay_whole(wire: Wire) -> None:
    amount = 4 << 20
    listener = socket.create_server((HERE, 8000))
    source = open_live(LiveOptions(["near"], "tcp src port 8000"))

    def fetch() -> None:
        with socket.create_connection((HERE, 8000)) as client:
            while client.recv(1 << 16):
                pass

    thread = wire.there(fetch)
    server, _address = listener.accept()
    server.sendall(bytes(amount))
    server.close()
    listener.close()
    frames = take(source, lambda frames: sum(len(frame.data) - 66 for frame in frames) >= amount)
    thread.join()
    frames += rest(source)
    assert source.dropped() == 0
    source.close()
    largest = max(frames, key=lambda frame: frame.length)
    assert largest.length > 1514
    assert all(len(frame.data) == frame.length for frame in frames)
    assert int.from_bytes(largest.data[16:18], "big") == largest.length - 14
    start = int.from_bytes(frames[0].data[38:42]) + 1    # of the SYN-ACK
    carried = bytearray(amount)
    for frame in frames:
        payload = frame.data[34 + (frame.data[46] >> 4) * 4:]
        at = (int.from_bytes(frame.data[38:42]) - start) & 0xFFFFFFFF
        if payload:    # a segment may be sent again, in other parts
            carried[at:at + len(payload)] = b"\1" * len(payload)
    assert len(carried) == sum(carried) == amount


def test_all_interfaces_at_once_each_with_its_link_type(wire: Wire) -> None:
    wire.settle()
    tunnel = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH22x", b"tunnel", IFF_TUN | IFF_NO_PI))
        wire.near("address", "add", "10.79.0.1/24", "dev", "tunnel")
        wire.near("link", "set", "tunnel", "up")
        for filter in ("", "udp dst port 9000"):
            source = open_live(LiveOptions(["any"], filter))
            wire.send_from_there(b"by veth")
            send(b"by loopback", to="127.0.0.1")
            send(b"by tunnel", to="10.79.0.2")
            send(b"to another port", port=9001)
            frames = rest(source)
            found = {
                (frame.name, frame.link, payload) for frame in frames
                for payload in (b"by veth", b"by loopback", b"by tunnel") if frame.data.endswith(payload)
            }
            assert found == {
                ("near", 1, b"by veth"), ("lo", 1, b"by loopback"), ("tunnel", RAW_IP, b"by tunnel")
            }
            assert any(frame.data.endswith(b"to another port") for frame in frames) == (filter == "")
            assert sum(frame.name == "lo" and frame.data[23] == 17 for frame in frames) == 1
            assert {each.name for each in source.interfaces} >= {"near", "lo", "tunnel"}
            assert source.dropped() == 0
            source.close()
        raw = open_live(LiveOptions(["tunnel"], "udp dst port 9000"))
        send(b"by tunnel", to="10.79.0.2")
        frame = rest(raw)[0]
        raw.close()
        assert (frame.link, frame.data[0], frame.length) == (RAW_IP, 0x45, 20 + 8 + 9)
    finally:
        os.close(tunnel)


@pytest.mark.parametrize(("names", "filter"), [(["tunnel"], ""), (["tunnel"], "udp dst port 9000"), (["any"], "")])
def test_an_interface_without_a_usable_header_gets_a_cooked_one(wire: Wire, names: list[str], filter: str) -> None:
    """A tunnel that calls itself PPP; LINKTYPE_LINUX_SLL2 is 20 bytes."""
    tunnel = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH22x", b"tunnel", IFF_TUN | IFF_NO_PI))
        fcntl.ioctl(tunnel, TUNSETLINK, ARPHRD_PPP)
        wire.near("address", "add", "10.79.0.1/24", "dev", "tunnel")
        wire.near("link", "set", "tunnel", "up")
        source = open_live(LiveOptions(names, filter))
        send(b"payload", to="10.79.0.2")
        send(b"another", to="10.79.0.2", port=9001)
        frames = rest(source)
        source.close()
        assert len(frames) == (1 if filter else 2)
        frame = frames[0]
        assert (frame.link, frame.name, frame.direction) == (COOKED, "tunnel", OUTBOUND)
        assert frame.data[:2] == b"\x08\x00"
        assert frame.data[8:11] == ARPHRD_PPP.to_bytes(2, "big") + b"\x04"
        assert frame.data[20] == 0x45
        assert frame.length == len(frame.data) == 20 + 20 + 8 + 7
        assert frame.data.endswith(b"payload")
    finally:
        os.close(tunnel)


def test_frames_of_several_interfaces_are_in_the_order_of_time(wire: Wire) -> None:
    wire.join("near2", "far2", "10.80.0.1", "10.80.0.2")
    wire.settle()
    source = open_live(LiveOptions(["near", "near2"], "udp"))
    for turn in range(50):
        send(b"%03d" % turn, to=THERE if turn % 2 else "10.80.0.2")
        time.sleep(0.004)
    frames = rest(source)
    source.close()
    assert [frame.data[42:] for frame in frames] == [b"%03d" % turn for turn in range(50)]
    assert [frame.time for frame in frames] == sorted(frame.time for frame in frames)
    assert [frame.name for frame in frames[:4]] == ["near2", "near", "near2", "near"]
    assert [frame.number for frame in frames] == list(range(1, 51))


def test_an_interface_that_goes_down_is_told_and_the_others_go_on(wire: Wire) -> None:
    wire.join("near2", "far2", "10.80.0.1", "10.80.0.2")
    wire.settle()
    source = open_live(LiveOptions(["near", "near2"], "udp"))
    wire.near("link", "set", "near2", "down")
    send(b"goes on")
    assert [frame.data[42:] for frame in take(source, bool)] == [b"goes on"]
    until_notice(source)
    assert texts(source) == ["near2 went down; what comes once it is up is captured"]
    assert [count.state for count in source.counts()] == [UP, DOWN]
    wire.near("link", "set", "near2", "up")
    until_notice(source)
    assert texts(source) == ["near2 is up"]
    wire.send_from_there(b"back", to="10.80.0.1")
    assert [frame.name for frame in take(source, bool)] == ["near2"]
    source.close()


def test_an_interface_that_vanishes_ends_the_capture_with_the_last_one(wire: Wire) -> None:
    wire.join("near2", "far2", "10.80.0.1", "10.80.0.2")
    wire.settle()
    source = open_live(LiveOptions(["near", "near2"], "udp"))
    send(b"last words", to="10.80.0.2")
    wire.near("link", "delete", "near2")
    send(b"goes on")
    frames = take(source, lambda frames: len(frames) == 2)
    assert [(frame.name, frame.data[42:]) for frame in frames] == [("near2", b"last words"), ("near", b"goes on")]
    until_notice(source)
    assert texts(source)[-1] == "near2 was removed"
    assert [count.state for count in source.counts()] == [UP, GONE]
    assert not source.ended
    send(b"and ends")
    wire.near("link", "delete", "near")
    assert [frame.data[42:] for frame in take(source, lambda _: False)] == [b"and ends"]
    assert source.ended
    assert texts(source)[-1] == "near was removed; no interface is left, so the capture ends"
    source.close()


@pytest.mark.parametrize("names", [["near", "near2"], ["any"]])
def test_an_interface_that_is_renamed_is_followed(wire: Wire, names: list[str]) -> None:
    """Its number stays; another interface that is given the old name is not it."""
    wire.join("near2", "far2", "10.80.0.1", "10.80.0.2")
    wire.settle()
    source = open_live(LiveOptions(names, "udp"))
    send(b"before", to="10.80.0.2")
    assert [frame.name for frame in take(source, bool)] == ["near2"]
    wire.near("link", "set", "near2", "down")
    wire.near("link", "set", "near2", "name", "other")
    wire.near("link", "add", "near2", "type", "veth", "peer", "name", "spare")
    wire.near("link", "set", "other", "up")
    source.take_notices()
    end = time.monotonic() + 5
    said: list[str] = []
    while "near2 was renamed to other; the capture goes on" not in said and time.monotonic() < end:
        source.wait(0.05)
        said += texts(source)
    assert "near2 was renamed to other; the capture goes on" in said
    assert not any("removed" in text for text in said)
    wire.send_from_there(b"after", to="10.80.0.1")
    frames = take(source, lambda frames: any(frame.data.endswith(b"after") for frame in frames))
    assert frames[-1].name == "other"
    counts = {count.name: count for count in source.counts()}
    assert counts["other"].state == UP
    assert counts["other"].frames >= 2
    assert counts["other"].missed >= 0
    if names != ["any"]:
        assert source.title == "near, other"
    wire.near("link", "delete", "other")
    source.take_notices()
    until_notice(source)
    assert texts(source)[-1] == "other was removed"
    source.close()


def test_an_interface_that_is_down_at_first(wire: Wire) -> None:
    wire.near("link", "set", "near", "down")
    source = open_live(LiveOptions(["near"]))
    assert texts(source) == ["near is down: nothing comes before it is up"]
    wire.near("link", "set", "near", "up")
    send(b"up now")
    assert udp(take(source, lambda frames: bool(udp(frames))), b"up now")
    source.close()


def test_frames_that_we_do_not_fetch_are_counted(wire: Wire) -> None:
    wire.settle()
    source = open_live(LiveOptions(["near"], "udp", buffer=1 << 20))
    payload = bytes(1_000)
    while source.backlog() < 1.0:
        send(*[payload] * 500)
    send(*[payload] * 500)
    frames = rest(source)
    count = source.counts()[0]
    assert count.dropped >= 500
    assert count.received == len(frames) + count.dropped
    assert count.frames == len(frames)
    assert source.backlog() == 0.0
    source.close()
    assert source.dropped() == count.dropped


def test_what_came_before_the_end_was_asked_for_is_handed_out(wire: Wire) -> None:
    wire.settle()
    source = open_live(LiveOptions(["near"], "udp"))
    send(*[b"before"] * 100)
    source.stop()
    send(b"after")
    frames = take(source, lambda _: False)
    source.close()
    assert [frame.data[42:] for frame in frames] == [b"before"] * 100
    assert source.ended


@pytest.mark.parametrize(("options", "message"), [
    (LiveOptions([]), "no interface was named"),
    (LiveOptions(["nowhere"]), r"there is no interface 'nowhere'; there are: lo, near"),
    (LiveOptions(["any", "lo"]), "name it alone"),
    (LiveOptions([""]), r"'' is no name of an interface: it is empty \('any' means all of them\)"),
    (LiveOptions(["lo", ""]), "it is empty"),
    (LiveOptions(["lo\0near"]), "it has a NUL in it"),
    (LiveOptions(["nearnearnearnear"]), "it is longer than 15 bytes"),
    (LiveOptions(["lo:1"]), "names an address only"),
    (LiveOptions(["\udcff\udcfe"]), "there is no interface '\\\\udcff\\\\udcfe'"),
    (LiveOptions([""], sockets="scapy"), "it is empty"),
    (LiveOptions(["lo"], direction="up"), r"a direction is one of both, in, out, not 'up'"),
    (LiveOptions(["lo"], snaplen=0), "a snap length is between 1 and 262144 bytes, not 0"),
])
def test_what_cannot_be_opened(wire: Wire, options: LiveOptions, message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        open_live(options)


def test_without_rights_the_ways_to_get_them_are_named(wire: Wire) -> None:
    program = (
        "from analyzer.ingest.live.open import LiveOptions, open_live\n"
        "from analyzer.ingest.source import CaptureError\n"
        "try: open_live(LiveOptions(['lo']))\n"
        "except CaptureError as error: print(error)\n"
    )
    # Without the capability, but as root, who can read this interpreter wherever it lies.
    said = python(program, prefix=("setpriv", "--bounding-set=-net_raw"))
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("lo: no right to capture (Operation not permitted)")
    for word in ("sudo wiretale sniff", "setcap cap_net_raw+ep", "wireshark"):
        assert word in said.stdout


def test_scapys_sockets_give_the_same_frames(wire: Wire) -> None:
    wire.settle()
    source = open_live(LiveOptions(["near"], "udp", sockets="scapy"))
    ring = open_live(LiveOptions(["near"], "udp"))
    wire.send_from_there(b"question")
    send(b"answer")
    frames: list[Seen] = take(source, lambda frames: len(frames) == 2)
    assert [frame.data for frame in frames] == [frame.data for frame in rest(ring)]
    assert [frame.length for frame in frames] == [50, 48]
    assert {frame.name for frame in frames} == {"near"}
    assert abs(frames[0].time - time.time_ns()) < 60_000_000_000
    assert source.dropped() == -1
    source.stop()
    assert not source.next()
    assert source.ended
    source.close()
    ring.close()


def test_scapys_sockets_put_the_tag_back_too(wire: Wire) -> None:
    source = open_live(LiveOptions(["near"], sockets="scapy"))
    wire.raw_from_there(TAGGED)
    assert TAGGED in [frame.data for frame in take(source, lambda frames: any(f.data == TAGGED for f in frames))]
    source.close()


def test_scapys_sockets_on_loopback_and_their_limits(wire: Wire) -> None:
    source = open_live(LiveOptions(["lo"], "udp port 9000", snaplen=44, sockets="scapy"))
    send(b"once and only once", to="127.0.0.1")
    frames = take(source, bool)
    assert [(len(frame.data), frame.length) for frame in frames + rest(source)] == [(44, 60)]
    source.close()
    with pytest.raises(CaptureError, match=r"syntax error"):
        open_live(LiveOptions(["lo"], "tcp prt 80", sockets="scapy"))
    with pytest.raises(CaptureError, match="cannot tell which frames go out"):
        open_live(LiveOptions(["lo"], direction="out", sockets="scapy"))
    with pytest.raises(CaptureError, match="no interface 'nowhere'"):
        open_live(LiveOptions(["nowhere"], sockets="scapy"))
