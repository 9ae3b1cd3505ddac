"""The transfers that are recorded: what limits each, who sends how, and over which link."""
from __future__ import annotations

from dataclasses import dataclass, field

from samples.record.network import Action, Fault, Kind, Link

SENDERS = ("reno", "cubic", "bbr")      # congestion controls, as far as the kernel has them

PACED = ("bbr",)                        # ... that send by a timer


@dataclass(frozen=True)
class Transfer:
    """limit: what is to hold it back.     sends, reads: steps of the two programs (bench/limits/program.py).

    delay_ms: the way from one host to the other.    upload: the client sends, and the server otherwise, when asked to.
    """

    limit: str
    control: str
    sends: tuple[str, ...]
    reads: tuple[str, ...] = ("eof",)
    before_sends: tuple[str, ...] = ()
    before_reads: tuple[str, ...] = ()
    link: Link = field(default_factory=Link)
    delay_ms: float = 20.0
    version: int = 4
    settings: tuple[tuple[str, str], ...] = ()     # sysctl of both hosts
    upload: bool = False

    @property
    def name(self) -> str:
        return f"{self.limit}-{self.control}-v{self.version}"


def _of(control: str) -> list[Transfer]:
    six = 6 if control == "reno" else 4     # each limit with IPv4 and with IPv6
    four = 10 - six
    return [
        Transfer("receiver-buffer", control, ("write:900000",), before_reads=("rcvbuf:16000",), version=four),
        Transfer("receiver-slow", control, ("write:700000",), ("slow:10000:0.05",), before_reads=("rcvbuf:32000",),
                 version=six),
        Transfer("receiver-far", control, ("write:3000000",), before_reads=("rcvbuf:60000",), delay_ms=45,
                 version=six),
        Transfer("application-pauses", control, ("drip:60000:12:0.3",), version=four),
        Transfer("application-steady", control, ("drip:5000:100:0.03",), delay_ms=8, version=six, upload=True),
        Transfer("application-mixed", control, ("write:400000", "pause:0.8", "drip:20000:20:0.07"),
                 before_reads=("rcvbuf:24000",), version=four),
        Transfer("sender-buffer", control, ("write:900000",), before_sends=("sndbuf:20000",), version=six),
        Transfer("loss", control, ("write:1500000",), link=Link(loss=0.01, rate_kbit=20_000, queue_frames=400, seed=5),
                 version=four),
        Transfer("queue-short", control, ("write:4000000",), link=Link(rate_kbit=10_000, queue_frames=30),
                 version=six, upload=True),
        Transfer("queue-long", control, ("write:3000000",), link=Link(rate_kbit=6_000, queue_frames=200),
                 delay_ms=10, version=four),
        Transfer("policer", control, ("write:3000000",), link=Link(police_kbit=8_000, police_octets=30_000),
                 version=six),
        Transfer("delay", control, ("write:4000000",), delay_ms=90, version=four),
    ]


LATE_ACKS = Link(rate_kbit=20_000, faults=(
    Fault(Action.DELAY, "client", Kind.ACK, tuple(range(20, 80)), by_ms=400),))
NO_STAMPS = (("net.ipv4.tcp_timestamps", "0"),)

# Recorded for one thing that the counters of the kernel, or of its congestion control, name.
MORE: tuple[Transfer, ...] = (
    Transfer("acks-late", "cubic", ("write:900000",), link=LATE_ACKS),
    Transfer("acks-late-no-stamps", "cubic", ("write:900000",), link=LATE_ACKS, settings=NO_STAMPS),
    Transfer("acks-late-no-stamps", "reno", ("write:900000",), link=LATE_ACKS, settings=NO_STAMPS),
    Transfer("no-sack", "reno", ("write:900000",), link=Link(loss=0.01, rate_kbit=20_000, queue_frames=400, seed=9),
             settings=(("net.ipv4.tcp_sack", "0"),)),
    Transfer("queue-deep", "cubic", ("write:3000000",), link=Link(rate_kbit=10_000, queue_frames=400), delay_ms=25),
    Transfer("long", "bbr", ("write:3000000",), link=Link(rate_kbit=1_800, queue_frames=100), delay_ms=20),
    Transfer("long", "cubic", ("write:3000000",), link=Link(rate_kbit=1_800, queue_frames=100), delay_ms=20),
)

TRANSFERS: tuple[Transfer, ...] = (*(one for control in SENDERS for one in _of(control)), *MORE)
