"""What the kernel says of a transfer: shares of its time, and the congestion window from round trip to round trip."""
from __future__ import annotations

import struct
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

RECOVERY: Final = 2                 # of ca_state: CWR, Recovery and Loss are 2, 3 and 4 (linux/tcp.h)
USED: Final = 85                    # per cent of the window under way: it is what holds the sender back

# Where they stand in struct tcp_info (linux/tcp.h): 32 bits each, then 64.
WORDS: Final = {
    "snd_mss": 16, "unacked": 24, "sacked": 28, "lost": 32, "retrans": 36, "rtt_us": 68, "ssthresh": 76, "cwnd": 80,
    "total_retrans": 100, "notsent": 144, "min_rtt_us": 148, "snd_wnd": 228,
}
LONG_WORDS: Final = {
    "bytes_acked": 120, "delivery_rate": 160, "busy_us": 168, "rwnd_limited_us": 176, "sndbuf_limited_us": 184,
    "bytes_sent": 200, "bytes_retrans": 208,
}
CA_STATE: Final = 1
GAINS: Final = 12                   # where pacing_gain and cwnd_gain stand in struct tcp_bbr_info, in parts of 256
LEAST_OCTETS: Final = 232           # up to snd_wnd (Linux 5.4)


def phase_of_bbr(pacing: int, window: int) -> str:
    """By its two gains (net/ipv4/tcp_bbr.c): it drains with the inverse of the gain with which it starts."""
    if pacing > 2 * 256:
        return "startup"
    if window == 256:
        return "probe_rtt"
    return "drain" if pacing < 128 else "probe_bw"


class Sample:
    """What TCP_INFO said at a time (ns, on the clock of the capture). mark: "start", "end" or "-". phase: of BBR, ""
    where another congestion control sends."""

    def __init__(self, time: int, mark: str, data: bytes, own: bytes = b"") -> None:
        if len(data) < LEAST_OCTETS:
            raise ValueError(f"a sample of {len(data)} octets, where {LEAST_OCTETS} are the least")
        self.time = time
        self.mark = mark
        self.ca_state = data[CA_STATE]
        self.phase = phase_of_bbr(*struct.unpack_from("=II", own, GAINS)) if len(own) >= GAINS + 8 else ""
        self.of: dict[str, int] = {name: struct.unpack_from("=I", data, at)[0] for name, at in WORDS.items()}
        self.of |= {name: struct.unpack_from("=Q", data, at)[0] for name, at in LONG_WORDS.items()}

    def under_way(self) -> int:
        """Segments in the network, as the sender counts them."""
        return max(self.of["unacked"] - self.of["sacked"] - self.of["lost"] + self.of["retrans"], 0)

    def window(self) -> int:
        return self.of["cwnd"] * self.of["snd_mss"]

    def held(self) -> bool:
        """The receiver's window has no room for another segment, and something waits for it."""
        outstanding = self.of["bytes_sent"] - self.of["bytes_retrans"] - self.of["bytes_acked"]
        return self.of["notsent"] > 0 and self.of["snd_wnd"] - outstanding < self.of["snd_mss"]


@dataclass(frozen=True)
class Shares:
    """Of the time of a transfer, in per cent: the receiver's window, the program that sends and its buffer, the
    rest."""

    receiver: float
    application: float
    rest: float

    def apart(self, other: Shares) -> float:
        """By how many points they differ where they differ most."""
        return max(
            abs(self.receiver - other.receiver), abs(self.application - other.application), abs(self.rest - other.rest)
        )


@dataclass(frozen=True)
class Trip:
    """One round trip. used: the congestion window was filled for half of it.    recovery: something was being
    repaired in it."""

    since: int
    until: int
    used: bool
    recovery: bool


def read(path: Path) -> list[Sample]:
    found = []
    for line in path.read_text().splitlines():
        time, mark, data, *own = line.split()
        found.append(Sample(int(time), mark, bytes.fromhex(data), bytes.fromhex("".join(own))))
    return found


def bounds(samples: list[Sample]) -> tuple[int, int]:
    """When the transfer began, and when all of it was acknowledged."""
    marked = {sample.mark: sample.time for sample in samples}
    return marked["start"], marked["end"]


def shares(samples: list[Sample], *, paced: bool) -> Shares:
    """The time in which nothing waited for anything is the program's.

    paced: by a timer of the sender (BBR). Linux asks that timer before it asks the window (net/ipv4/tcp_output.c,
    tcp_write_xmit), so rwnd_limited leaves out the time in which both held it back. Then its own figures of window,
    bytes outstanding and bytes waiting are asked in each sample instead.
    """
    since, until = bounds(samples)
    first = next(sample for sample in samples if sample.mark == "start")
    last = next(sample for sample in samples if sample.mark == "end")
    of = {name: 1000 * (last.of[name] - first.of[name]) for name in ("busy_us", "rwnd_limited_us", "sndbuf_limited_us")}
    whole = until - since
    limited = sum(
        after.time - sample.time for sample, after in pairwise(samples) if since <= sample.time < until and
        sample.held()
    ) if paced else of["rwnd_limited_us"]
    receiver = 100 * limited / whole
    application = 100 * (max(whole - of["busy_us"], 0) + of["sndbuf_limited_us"]) / whole
    return Shares(receiver, application, 100 - receiver - application)


def trips(samples: list[Sample]) -> list[Trip]:
    """The round trips of a transfer, one after another, each as long as the kernel's own estimate at its beginning."""
    since, until = bounds(samples)
    inside = [sample for sample in samples if since <= sample.time <= until]
    times = [sample.time for sample in inside]
    found = []
    at = since
    while at < until:
        first = min(bisect_left(times, at), len(inside) - 1)
        end = at + max(1000 * inside[first].of["rtt_us"], 1_000_000)
        within = inside[first:max(bisect_left(times, end), first + 1)]
        filled = sum(100 * sample.under_way() >= USED * sample.of["cwnd"] for sample in within)
        found.append(Trip(at, end, 2 * filled >= len(within), any(sample.ca_state >= RECOVERY for sample in within)))
        at = end
    return found


def window_at(samples: list[Sample], time: int) -> tuple[int, int]:
    """The congestion window in octets at that time: it lies between those of the samples before and after."""
    times = [sample.time for sample in samples]
    at = bisect_left(times, time)
    near = [sample.window() for sample in samples[max(at - 1, 0):at + 1]]
    return min(near), max(near)
