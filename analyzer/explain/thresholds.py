"""The fixed times and numbers that are left in the rules, by finding, each with why it is that and not a yardstick of
the capture. Where the capture gives one (the way to a server, its other answers, other servers) the rules use that.
"""
from __future__ import annotations

from typing import Final

from analyzer.explain import (
    dhcp,
    ending,
    fragments,
    http,
    http2,
    http_patterns,
    icmp,
    idle,
    link,
    losses,
    names,
    names_servers,
    ntp,
    opening,
    pace,
    scans,
    tls,
    usual,
    ways,
    websocket,
)
from dissectors.kit.units import size, span
from dissectors.protocols.dns.lookups import SOONEST_NS
from dissectors.protocols.http2.codes import type_name

_WAIT: Final = (
    f"{span(usual.LONG_NS)} beyond the way to the server, where a person's train of thought breaks off; or, "
    f"where there are "
    f"at least {usual.ENOUGH} other answers of this server, {usual.FAR} times what three quarters of them took, and "
    f"{span(usual.NOTICED_NS)} beyond it, since less is seldom noticed"
)
_PATIENCE: Final = "a capture that ends sooner does not show that nothing came"

THRESHOLDS: Final[dict[str, str]] = {
    "http.slow":
    f"{_WAIT}. A warning from {span(http.VERY_SLOW_NS)}. Answers to the same request count, where there are as "
    f"many. Long polls and streams are no waits: what asks to be held, and at least {usual.LEAST_POLLS} "
    f"requests in a row "
    "whose waits differ or brought nothing.",
    "tcp.slow_answer": f"{_WAIT}. Where most other pauses are of all lengths, they are no answers.",
    "dns.slow":
    f"{span(names.SLOW_NS)} beyond {names.ROUND_TRIPS} round trips of the client's connections to other servers; "
    f"a warning from {span(names.VERY_SLOW_NS)}. A server with the answer at hand needs one round trip, and above "
    "this a person begins to notice.",
    "tcp.high_rtt":
    f"{span(opening.HIGH_RTT_NS)}: what a satellite adds, noticed in each exchange. Where the way is as long "
    "to other servers it is a remark; where later round trips are much shorter it is told of the handshake alone.",
    "tcp.queueing":
    f"{pace.GROWN} times the shortest round trip, and {span(pace.GROWN_NS)} more than that, as ACKs may be "
    f"delayed by up to 500 ms; from {pace.ENOUGH_SAMPLES} samples.",
    "tcp.zero_window": f"{span(pace.SHORT_STOP_NS)} make it a warning: a program that reads all the time has made room "
    "again by then. The way is not in it, as both ends of it are sent by the receiver.",
    "tcp.window_limited":
    f"{pace.LIMITED} % of the time in which data were sent; a warning from {pace.MOSTLY_LIMITED} %.",
    "tcp.ack_awaited": f"a warning from {span(pace.LONG_WAITS_NS)} in all; less is lost in what else takes time.",
    "tcp.keep_alive_unanswered":
    f"{span(pace.PATIENCE_NS)}, or {usual.TRIPS} round trips, without an answer: {_PATIENCE}.",
    "tls.stalled": f"{span(tls.PATIENCE_NS)}, or {usual.TRIPS} round trips, without a message: {_PATIENCE}.",
    "websocket.unanswered_ping":
    f"{span(websocket.PATIENCE_NS)}, or {usual.TRIPS} round trips, without a pong: {_PATIENCE}.",
    "websocket.idle_end": f"{span(websocket.IDLE_NS)} of silence: proxies forget connections after 60 s or more.",
    "tcp.unanswered": f"{span(opening.PATIENCE_NS)}: a SYN is sent again by then (RFC 6298 §2), and {_PATIENCE}.",
    "tcp.half_open":
    f"{span(opening.HEARD_NS)}, by which a SYN-ACK that nobody acknowledged is sent again, also by slow "
    "timers.",
    "tcp.syn_resent": f"{span(opening.SOONEST_NS)}: no timer of a stack sends a SYN again sooner.",
    "tcp.syn_flood":
    f"{opening.FLOOD_LEAST} connections of one service that came to nothing, half of them of clients of their own and "
    "close to the one before.",
    "tcp.small_mss": f"less than {size(opening.SMALL_MSS)}: every link carries packets of 1280 bytes (RFC 8200 §5).",
    "tcp.loss": f"a warning from {losses.WARN_SHARE:g} % and {losses.WARN_SEGMENTS} segments, an error from "
    f"{losses.ERROR_SHARE:g} %, {losses.ERROR_SEGMENTS} segments and {losses.ERROR_EPISODES} times: one burst is how "
    "slow start finds the end of a queue (RFC 5681 §3.1).",
    "tcp.unrepaired":
    f"{span(losses.RESEND_NS)} in which a sender that still wants to would have resent (RFC 6298 §2).",
    "tcp.port_reuse":
    f"{span(ending.TIME_WAIT_NS)} after the connection before: twice the longest life of a segment (RFC 9293 "
    "§3.4.2).",
    "tcp.not_translated": f"{span(ending.STRAY_NS)} in which a last segment may still be on its way.",
    "tcp.reset": f"{span(ending.BRIEF_NS)} of silence before the end are worth a word; a client that resets within "
    f"{span(ending.LOOKED_NS)} of opening, without a byte, only looked whether somebody listens.",
    "tcp.idle_timeout": f"three silences of the same length, at least {span(idle.LEAST_NS)} each; they may differ by "
    f"{span(idle.LOOSE_NS)}, for timers that are looked at now and then.",
    "tcp.scan": f"{span(scans.LONG_NS)} before and after attempts in vain, within which others belong to them.",
    "dhcp.unanswered": f"{span(dhcp.PATIENCE_NS)}: a client asks again after four seconds, give or take one, and some "
    f"after two (RFC 2131 §4.1); {_PATIENCE}.",
    "dhcp.late": f"{span(dhcp.LATE_NS)}: more than the first wait, so that the first question was heard by nobody.",
    "dhcp.servers_differ": f"{span(dhcp.SAME_NS)} in which several servers answer one question.",
    "ntp.unanswered": f"{span(ntp.PATIENCE_NS)} by which a server answers: {_PATIENCE}.",
    "ntp.clock_off": f"{span(ntp.STEP_NS)}, beyond which a client sets its clock at once (RFC 5905 §11.2.1), and "
    f"{span(ntp.AGREE_NS)} between two stamps of one clock.",
    "dns.unanswered":
    f"{span(names.PATIENCE_NS)}, by which most clients ask again; or {names.SLOWER} times the slowest answer of "
    f"this server, and {span(names.SLOWEST_NS)}: {_PATIENCE}.",
    "dns.retried": f"{span(SOONEST_NS)}: no resolver gives an answer up sooner, so what comes sooner is no retry.",
    "dns.truncated": f"{span(names.TCP_NS)} within which a truncated answer is asked for over TCP.",
    "dns.search_list": f"{span(names_servers.SEARCH_NS)} from one name of the list to the next.",
    "icmp.echo_unanswered": f"{icmp.SLOWER} times the slowest reply of that host, and {span(icmp.LEAST_PATIENCE_NS)}; "
    f"{span(icmp.PATIENCE_NS)}, the usual wait between requests, where it never replied.",
    "icmp.too_big": f"{span(icmp.UNHEEDED_NS)}, by which a sender that heeds the message has shrunk its packets.",
    "link.unanswered":
    f"{link.ASKED_IN_VAIN} questions within {span(link.ASKED_FOR_NS)} or more: one or two may cross with the "
    "start of a machine (RFC 1122 §2.3.2.1).",
    "icmp.traceroute": f"{span(ways.NEAR_NS)} before and after probes that a router reported, within which others "
    "belong to the trace.",
    "ip.fragments_missing": f"{span(fragments.WAIT_NS)}: fragments of a datagram leave at once.",
    "http.blocked": f"{span(http.BLOCKED_NS)} behind another response, without anything of the way in it.",
    "http.held_back":
    f"{span(http.CONTINUE_NS)} for a body of {size(http.AT_ONCE_OCTETS)} or less, which leaves at once, or a "
    "pause as long within a larger one: programs wait a second for 100 Continue.",
    "http.uncompressed": f"{size(http.COMPRESSIBLE)} of text: below that compressing gains less than a packet or two.",
    "http.polling": f"{http_patterns.LEAST_POLLS} requests for the same, most of them within "
    f"{round(100 * http_patterns.POLL_SPREAD)} % of the median interval.",
    "http.long_polling":
    f"{http_patterns.LEAST_POLLS} requests for the same that waited {span(http_patterns.LONG_POLL_NS)} and "
    f"were sent within {span(http_patterns.AT_ONCE_NS)} of the answer before (medians).",
    "http.redirects": f"{http_patterns.MANY_HOPS} in a row, each followed within {span(http_patterns.HOP_NS)}.",
    "http.one_request_each": f"{http_patterns.SINGLE} connections that could have been one.",
    "http2.blocked":
    f"{span(http2.BLOCKED_NS)} of waits for a window, in all; a warning from {span(http2.LONG_BLOCKED_NS)}. A "
    "window that fits the way is never waited for.",
    "http2.head_of_line": f"{span(http2.HELD_UP_NS)} behind a lost segment.",
    "http2.slow_settings":
    f"{span(http2.SLOW_ACK_NS)} beyond the round trip: it is answered by the library, and waits for "
    "nothing.",
    "http2.flood": "so many frames of a kind as no use of the protocol needs: "
    + ", ".join([f"{count} {type_name(kind)}" for kind, count in http2.FLOODS.items()]) + ".",
}
# Times in the rules that decide of no finding: what weighs in the verdict, and parts of the wait above.
OF_NO_FINDING: Final = ("SECOND_NS", "FAILURE_NS", "LONG_NS", "NOTICED_NS", "SLOW_ANSWER_NS", "SLOW_NS")
