"""Which finding explains which other: one table, each row with its ground. No rule knows of another one.

A row says: a finding of these codes explains one of those, where the two are related in this way. What else could look
alike is kept out by the relation: a cause has to be there before what it explains is over, in the same conversation or
at the same peer.
"""
from __future__ import annotations

from typing import Final

# How a cause and what it explains are related.
SAME: Final = "same conversation"                  # and the cause is there before the end of the other
AFTER: Final = "same conversation, after it"       # the other begins when all of the cause has been seen
OVERLAP: Final = "same conversation, same time"    # the frames of one lie among those of the other, or touch them
WORTH: Final = "same conversation, same time, and as dear"     # ... and the cause cost at least half as much
ENDPOINT: Final = "same address and port"          # of the client, in another conversation
SERVER: Final = "same server"                      # its address
SERVICE: Final = "same service"                    # its address and port
CLIENT: Final = "same client"                      # its address
ADDRESS: Final = "that address"                    # the cause is about an address of the other's conversation
NAME: Final = "that name"                          # a lookup of the cause gave the address that the other went to
UPSTREAM: Final = "behind the server"              # the other's server is the cause's client, while it was asked,
                                                   # and what it waited for cost at least half of the wait
CAPTURE: Final = "same capture"
RELATIONS: Final = (SAME, AFTER, OVERLAP, WORTH, ENDPOINT, SERVER, SERVICE, CLIENT, ADDRESS, NAME, UPSTREAM, CAPTURE)


class Explains:
    """causes: codes.     symptoms: codes of what any of them explains.     ground: why, for the reference."""

    def __init__(self, causes: tuple[str, ...], symptoms: tuple[str, ...], relation: str, ground: str) -> None:
        self.causes = causes
        self.symptoms = symptoms
        self.relation = relation
        self.ground = ground


# What a connection that stops or ends takes with it.
_CUT: Final = (
    "http.unanswered", "http.cut", "grpc.no_status", "grpc.given_up", "grpc.failed", "websocket.abnormal_end",
    "websocket.unanswered_close", "tls.truncated", "http2.reset",
)
_STALLED: Final = (*_CUT, "tls.stalled", "http.slow", "tcp.slow_answer", "grpc.deadline", "websocket.idle_end",
                   "websocket.unanswered_ping")
# What a wait of the transport makes long.
_DELAYED: Final = (
    "http.slow", "tcp.slow_answer", "http2.head_of_line", "http2.slow_settings", "http.held_back", "http.blocked",
    "grpc.deadline", "grpc.near_deadline", "dns.slow", "tls.stalled", "websocket.unanswered_ping",
)
_REPEATED: Final = ("tcp.timeout", "tcp.loss", "tcp.spurious", "tcp.reordering")
# Each explains something only where somebody refused it, which makes it an error.
CERTIFICATES: Final = (
    "tls.certificate_expired", "tls.certificate_not_yet_valid", "tls.certificate_wrong_name",
    "tls.certificate_self_signed", "tls.certificate_bad_signature", "tls.certificate_wrong_purpose",
    "tls.certificate_revoked", "tls.certificate_untrusted", "tls.certificate_weak", "tls.chain_incomplete",
)
_HANDSHAKE: Final = (
    "tls.no_shared_version", "tls.no_shared_suite", "tls.no_shared_alpn", "tls.unknown_name", "tls.client_certificate",
    "tls.certificate_refused", "tls.plaintext", "tls.not_offered", "tls.downgrade",
)
# What is left of a connection that somebody gave up.
_GIVEN_UP: Final = ("tcp.reset", "tcp.unread_data", "tls.alert", "tls.truncated", "tls.stalled", "http.unanswered",
                    "http.cut", "http2.goaway", "http2.reset", "websocket.abnormal_end", "grpc.failed")
_UNREACHED: Final = ("tcp.refused", "tcp.unanswered", "tcp.half_open", "tcp.syn_resent", "udp.unanswered",
                     "ntp.unanswered", "radius.unanswered", "snmp.unanswered", "sip.unanswered", "nbns.unanswered",
                     "quic.unanswered",
                     "dns.unanswered", "icmp.echo_unanswered")

EXPLAINS: Final[tuple[Explains, ...]] = (
    # -- the capture
    Explains(("capture.dropped",), ("capture.gap", "capture.loss"), CAPTURE,
             "frames that the capturing system lost are missing from the streams"),
    Explains(("capture.truncated",), ("capture.gap",), CAPTURE, "what lies behind the cut is missing from the streams"),
    # -- link, network
    Explains(("link.address_claimed_twice", "link.taken_over", "link.address_in_use"),
             (*_UNREACHED, *_REPEATED, "tcp.reset", "tcp.data_unanswered", "tcp.gave_up", "tcp.keep_alive_unanswered"),
             ADDRESS, "packets to the address reach a machine that does not know of the conversation"),
    Explains(("link.unanswered",), (*_UNREACHED, "icmp.error", "tcp.timeout", "tcp.data_unanswered", "tcp.gave_up"),
             ADDRESS, "what cannot be sent on the link reaches nobody, and a router says so"),
    Explains(("link.loop",), ("link.unanswered", "link.address_claimed_twice", "link.address_in_use", "link.taken_over",
                             "capture.duplicates", "link.topology_changes", "link.root_changes"), CAPTURE,
             "frames that go round come back to where they came from"),
    Explains(("link.vlan_leak",), ("dhcp.servers_differ", "link.routers_disagree", "link.address_in_use",
                                  "link.address_claimed_twice", "capture.duplicates"), CAPTURE,
             "machines of both VLANs hear one another"),
    Explains(("link.root_changes",), ("link.topology_changes",), CAPTURE, "with another root the tree is another one"),
    Explains(("link.taken_over",), ("link.address_claimed_twice",), SERVICE,
             "who claims the address of another machine makes it have two"),
    Explains(("dhcp.declined",), ("link.address_in_use",), SERVICE, "the server lends an address that is in use"),
    # -- how a machine comes by its address
    Explains(("dhcp.servers_differ",), ("dhcp.wrong_router", "dhcp.wrong_name_server", "dhcp.router_outside",
                                        "dhcp.refused", "dhcp.declined"), SAME,
             "the client took the lease of a server that does not belong here"),
    Explains(("dhcp.not_served",), ("dhcp.no_offer",), SAME, "the server that serves others has nothing for this one"),
    Explains(("dhcp.renewal_failed",), ("dhcp.no_offer", "dhcp.unanswered", "dhcp.late"), SAME,
             "the server that does not renew the lease does not lend another address either"),
    Explains(("dhcp.refused", "dhcp.declined"), ("dhcp.late", "dhcp.no_offer"), SAME,
             "the client has to begin anew"),
    Explains(("dhcp.wrong_router", "dhcp.router_outside"), ("link.unanswered",), SERVICE,
             "the client asks for the router that its lease names"),
    Explains(("dhcp.wrong_router", "dhcp.router_outside"), (*_UNREACHED, "tcp.data_unanswered", "tcp.gave_up"), ADDRESS,
             "without a router nothing beyond the link is reached"),
    Explains(("dhcp.wrong_name_server", "dhcpv6.wrong_name_server"),
             ("dns.unanswered", "dns.server_silent", "dns.retried", "dns.slow", "dns.repeated", "udp.unanswered"),
             ADDRESS, "the client asks the name server that its lease names"),
    Explains(("dhcpv6.renewal_failed", "dhcpv6.refused"), ("dhcpv6.no_advertise", "dhcpv6.unanswered"), SAME,
             "the client has to begin anew"),
    Explains(("icmp.routing_loop",), (*_UNREACHED, "icmp.error", "tcp.timeout", "tcp.data_unanswered", "tcp.gave_up"),
             SAME, "packets that go round never arrive, and die by their hop limit"),
    Explains(("packet.checksum",),
             ("tcp.half_open", "tcp.unanswered", "tcp.syn_resent", "tcp.not_accepted", "udp.unanswered",
              "dns.unanswered", "icmp.echo_unanswered", "tcp.data_unanswered", "tcp.gave_up", "tcp.unrepaired",
              *_REPEATED, *_STALLED), SAME, "who gets a packet with a wrong checksum throws it away"),
    Explains(("icmp.error", "icmp.prohibited"),
             ("tcp.unanswered", "tcp.syn_resent", "tcp.data_unanswered", "tcp.gave_up", "tcp.timeout",
              "udp.unanswered", "dns.unanswered", "icmp.echo_unanswered", "tls.stalled", "http.unanswered",
              "radius.unanswered", "snmp.unanswered", "sip.unanswered", "nbns.unanswered"), SAME,
             "the packets were dropped, and whoever dropped them says why"),
    Explains(("icmp.too_big",), ("tcp.black_hole", "tcp.data_unanswered", "tcp.gave_up", "tcp.unrepaired",
                                 "tls.stalled", *_REPEATED), SAME,
             "segments that are too large for a link are dropped, and have to be sent again in smaller ones"),
    # -- the opening of a connection
    Explains(("tcp.syn_flood",), ("tcp.half_open", "tcp.unanswered", "tcp.syn_resent", "tcp.refused",
                                  "tcp.not_accepted"), SERVICE, "a full table of half-open connections takes no more"),
    Explains(("tcp.scan", "udp.scan", "icmp.sweep", "tcp.odd_flags"),
             ("tcp.refused", "tcp.unanswered", "tcp.half_open", "tcp.reset", "tcp.midstream", "icmp.error",
              "icmp.prohibited", "udp.unanswered", "dns.unanswered", "icmp.echo_unanswered", "tcp.odd_flags"), CLIENT,
             "who tries every door finds most of them shut"),
    Explains(("udp.reflected",), ("icmp.error", "dns.mismatch", "dns.out_of_order"), ADDRESS,
             "a host refuses answers to what it never asked"),
    Explains(("tcp.old_connection", "tcp.wrong_number"),
             ("tcp.port_reuse", "tcp.syn_resent", "tcp.unanswered", "tcp.half_open", "tcp.reset", "tcp.challenge"),
             SAME, "the answer belongs to another connection, so the client resets it and begins anew"),
    Explains(("tcp.not_accepted",), (*_STALLED, *_REPEATED, "tcp.data_unanswered", "tcp.gave_up", "tcp.half_open",
                                     "tcp.syn_resent", "tcp.reset"), SAME,
             "a server that does not take the third segment does not take what follows it either"),
    Explains(("tcp.half_open",), ("tcp.syn_resent",), SAME, "an answer that did not arrive is sent again"),
    Explains(("tcp.port_reuse",), ("tcp.challenge",), SAME, "the new SYN meets what is left of the old connection"),
    Explains(("tcp.idle_timeout",), ("tcp.reset", *_CUT), SAME, "whoever ends what is silent does so with a RST"),
    Explains(("tcp.forgotten",), ("tcp.reset", "tcp.timeout", "tcp.loss", "tcp.data_unanswered", "tcp.gave_up",
                                  "tcp.keep_alive_unanswered", *_CUT), SAME,
             "what a machine on the way has forgotten it lets pass no more"),
    Explains(("tcp.not_translated",), ("tcp.reset",), ENDPOINT,
             "the real connection misses a segment that came under another address"),
    # -- loss
    Explains(("tcp.old_timestamps", "tcp.sack_outside", "tcp.window_overrun"),
             (*_REPEATED, *_STALLED, "tcp.data_unanswered", "tcp.gave_up", "tcp.unrepaired"), SAME,
             "what the receiver throws away has to be sent again"),
    Explains(("tcp.black_hole",), (*_REPEATED, *_STALLED, "tcp.data_unanswered", "tcp.gave_up", "tcp.unrepaired"), SAME,
             "large segments never arrive, however often they are sent"),
    Explains(("tcp.unrepaired",), (*_STALLED, "tcp.timeout", "tcp.reset", "tcp.unread_data"), SAME,
             "what lies behind the missing bytes cannot be read"),
    Explains(("tcp.data_unanswered", "tcp.gave_up"), (*_STALLED, *_REPEATED, "tcp.keep_alive_unanswered"), SAME,
             "a side that says nothing more acknowledges nothing and answers nothing"),
    Explains(("tcp.timeout", "tcp.loss"), _DELAYED, WORTH,
             "nothing behind a lost segment can be read before it has been sent again"),
    Explains(("tcp.timeout", "tcp.loss", "tcp.reordering"), ("tcp.spurious",), OVERLAP,
             "a sender that takes segments for lost sends some that had arrived"),
    Explains(("tcp.keep_alive_unanswered",), (*_CUT, "tcp.reset"), SAME, "the other side is gone"),
    # -- windows
    Explains(("tcp.window_overrun",), ("tcp.zero_window", "tcp.window_shrunk", "tcp.window_limited"), SAME,
             "the two sides do not agree on the scale of the window"),
    Explains(("tcp.window_unscaled",), ("tcp.window_limited", "tcp.zero_window", "tcp.ack_awaited"), SAME,
             "a window that is read without its scale is far too small"),
    Explains(("tcp.zero_window",), ("tcp.spurious", "tcp.window_limited", "tcp.window_shrunk", "tcp.unread_data"),
             OVERLAP, "a receiver that does not read closes its window"),
    Explains(("tcp.zero_window", "tcp.window_limited", "tcp.ack_awaited"),
             ("grpc.deadline", "grpc.near_deadline", "dns.slow", "websocket.unanswered_ping"), WORTH,
             "the rest of the message had to wait for room, or for an acknowledgment"),
    # -- the end of a connection
    Explains(("tcp.reset", "tcp.unread_data"), _CUT, SAME, "what was under way ends with its connection"),
    # -- TLS
    Explains(CERTIFICATES,
             ("tls.certificate_refused", "tls.client_certificate", "quic.handshake_failed", *_GIVEN_UP), SAME,
             "a side that does not accept the certificate ends the handshake"),
    Explains(_HANDSHAKE, (*_GIVEN_UP, "http.client_error", "malformed"), SAME,
             "without a handshake there is no connection"),
    Explains(("tls.reset_after_hello", "tls.stalled"), ("tcp.reset", "tcp.unread_data", *_CUT), SAME,
             "a handshake that does not go on is broken off"),
    Explains(("tls.truncated",), ("tls.alert",), SAME, "a side closed without saying so in TLS"),
    Explains(("tls.starttls_refused", "tls.starttls_stripped"), ("tls.in_clear",), SAME,
             "what is not encrypted goes in the clear"),
    # -- QUIC
    Explains(("icmp.error", "packet.checksum", "quic.no_version"), ("quic.unanswered", "quic.stalled"), SAME,
             "a client that is not answered in a way that it can use tries no further"),
    Explains(("quic.unanswered",), ("tls.alert", "quic.handshake_failed"), SAME,
             "a client that is not answered gives up, and may say so to nobody"),
    Explains(("quic.migration_failed",), ("http.unanswered", "http.cut", "http.slow", "udp.unanswered"), SAME,
             "what is lost on the way is not answered"),
    Explains(("quic.idle_timeout",), ("http.unanswered", "http.cut"), SAME, "who has forgotten it answers nothing"),
    Explains(("quic.loss",), ("quic.table_wait",), SAME, "the entries were in a packet that was lost"),
    Explains(("quic.blocked", "quic.table_wait", "quic.early_refused"), ("http.slow",), WORTH,
             "an answer that has to wait comes later"),
    Explains(("quic.loss", "quic.retry", "quic.amplification_stall"), ("http.slow",), WORTH,
             "nothing of the request or its answer comes before it has been sent again"),
    # -- what answers is something else
    Explains(("protocol.mismatch", "http2.not_spoken"),
             (*_GIVEN_UP, "http2.violation", "malformed", "http.client_error", "http.no_head", "grpc.no_status",
              "grpc.given_up"), SAME, "the two sides speak different protocols"),
    Explains(("malformed",), ("http.client_error", *_GIVEN_UP, "websocket.close_error"), SAME,
             "who cannot read a message refuses it"),
    Explains(("http.ambiguous",),
             ("http.client_error", "http.surplus", "http.unanswered", "http.cut", "tcp.reset"), SAME,
             "who is not sure where a message ends refuses it, or answers it twice"),
    # -- logins
    Explains(("login.guessed",), ("login.refused", "http.client_error", "http.one_request_each",
                                  "reply.refused"), CLIENT, "most of what is guessed is refused"),
    Explains(("login.refused",), ("http.client_error", "reply.refused"), CLIENT, "without a login nothing is given"),
    # -- HTTP
    Explains(("http.server_error", "http.client_error"), ("grpc.no_status", "grpc.failed", "websocket.abnormal_end"),
             OVERLAP, "the answer is that of HTTP, before the protocol above has a word"),
    Explains(("http.client_error", "http.server_error", "http.no_head"),
             ("tcp.reset", "tcp.unread_data", "http.cut"), OVERLAP, "the connection ends with the answer"),
    Explains(("http.held_back", "http.blocked"), ("http.slow", "tcp.slow_answer"), WORTH, "the request had to wait"),
    Explains(("http.one_slow_server",), ("http.slow", "tcp.slow_answer"), SERVICE,
             "each answer of the slow server is late"),
    Explains(("http.retried_at_once",), ("http.client_error", "http.one_request_each"), SERVICE,
             "who asks without a pause is told that it asks too often"),
    Explains(("http.cut", "http.unanswered"), ("tls.truncated",), OVERLAP, "the connection ended before the message"),
    # -- HTTP/2, gRPC
    Explains(("grpc.too_many_pings", "http2.violation", "http2.flood"),
             ("http2.goaway", "http2.reset", "http.unanswered", "http.cut", "grpc.failed", "grpc.no_status",
              "grpc.attempts", "tcp.reset", "websocket.abnormal_end"), SAME,
             "who meets a broken rule ends the stream or the connection"),
    Explains(("http2.goaway",), ("http.unanswered", "http.cut", "http2.reset", "grpc.failed", "grpc.no_status",
                                 "grpc.given_up", "grpc.attempts", "tcp.reset", "websocket.abnormal_end"), SAME,
             "requests that were not looked at before the end have no answer"),
    Explains(("http2.blocked",), ("http2.reset", "grpc.deadline", "grpc.given_up", "http.slow", "tcp.slow_answer",
                                  "http.cut"), OVERLAP, "nothing more may be sent before the receiver makes room"),
    Explains(("http2.full",), ("http2.reset", "http.slow"), OVERLAP, "a request beyond the limit waits or is refused"),
    Explains(("grpc.too_large",), ("grpc.failed", "http2.reset"), OVERLAP, "a message that is too large is refused"),
    Explains(("grpc.deadline", "grpc.given_up"),
             ("http2.reset", "http.unanswered", "http.cut", "http.slow", "tcp.slow_answer"), OVERLAP,
             "a call that is given up resets its stream"),
    Explains(("grpc.deadline",), ("grpc.failed", "grpc.given_up", "grpc.attempts"), OVERLAP,
             "a call whose time is up has failed"),
    Explains(("grpc.failed",), ("grpc.attempts", "http2.reset"), SAME, "what failed is tried again"),
    Explains(("http2.reset",), ("http.unanswered", "http.cut", "grpc.no_status"), OVERLAP,
             "what was under way on the stream ends with it"),
    # -- WebSocket
    Explains(("websocket.accept_mismatch", "websocket.violation"),
             ("websocket.close_error", "websocket.unanswered_close", "websocket.abnormal_end", "tcp.reset"), SAME,
             "who meets a broken rule has to close"),
    Explains(("websocket.close_error", "websocket.unanswered_ping", "websocket.idle_end"),
             ("websocket.unanswered_close", "websocket.abnormal_end", "tcp.reset"), SAME,
             "a side that has closed, or is gone, does not wait for the other"),
    Explains(("websocket.abnormal_end",), ("tls.truncated", "websocket.unanswered_close"), SAME,
             "the connection ended beneath it"),
    # -- DNS
    Explains(("dns.server_silent",), ("dns.unanswered", "dns.retried", "dns.slow", "dns.repeated", "udp.unanswered",
                                      "icmp.error"), SAME, "each client waits for the dead server first"),
    Explains(("dns.server_silent", "dns.unanswered", "ntp.unanswered", "radius.unanswered", "snmp.unanswered",
              "sip.unanswered", "nbns.unanswered"), ("udp.unanswered",), SERVER,
             "the same silence"),
    Explains(("ntp.kiss", "ntp.unsynchronised", "ntp.unanswered"), ("ntp.clock_off",), CLIENT,
             "a client without a server keeps a clock that is wrong"),
    Explains(("dns.other_address", "dns.mismatch", "dns.answers_differ"),
             ("dns.unanswered", "dns.retried", "dns.slow"), SAME, "an answer that may not be taken is none"),
    Explains(("dns.other_address", "dns.answers_differ", "dns.too_late"), ("icmp.error",), SAME,
             "the client refuses an answer that it may not take, or no longer waits for"),
    Explains(("dns.retried", "dns.server_silent"), ("icmp.error",), AFTER,
             "nobody waits any more for the answer that comes last"),
    Explains(("dns.answers_differ", "dns.mismatch"),
             ("tcp.refused", "tcp.unanswered", "tls.certificate_wrong_name", "tls.certificate_self_signed",
              "tls.certificate_untrusted"), NAME, "the connection went to the address of an answer that is in doubt"),
    Explains(("dns.retried", "dns.fallback", "dns.search_list", "dns.truncated", "dns.failed", "dns.unanswered"),
             ("dns.slow", "dns.repeated"), SAME, "each further question takes its time"),
    Explains(("dns.lame",), ("dns.failed", "dns.slow", "dns.fallback", "dns.retried"), SAME,
             "the zone that was asked for cannot be reached there"),
    Explains(("dns.alias_loop", "dns.delegation_loop"),
             ("dns.failed", "dns.slow", "dns.fallback", "dns.retried", "dns.repeated", "dns.unanswered"), SAME,
             "a name that leads back to itself has no address"),
    Explains(("dns.servers_differ",), ("dns.no_name",), SAME, "the other server has the name"),
    Explains(("dns.tunnel",), ("dns.slow", "dns.no_name", "dns.failed", "dns.retried", "dns.unanswered", "dns.repeated",
                               "dns.truncated"), CLIENT, "a tunnel asks without end, and cares for data alone"),
    Explains(("dns.search_list",), ("dns.no_name",), SAME, "the names that the search list makes do not exist"),
    Explains(("dns.failed",), ("dns.extended_error", "dns.fallback"), SAME, "the error says why"),
    # -- a server that has to ask another one
    Explains(("tcp.refused", "tcp.unanswered", "tcp.data_unanswered", "tcp.gave_up", "tcp.timeout", "tcp.reset",
              "dns.failed", "dns.server_silent", "icmp.error", "icmp.prohibited", *CERTIFICATES, *_HANDSHAKE,
              "tls.stalled"),
             ("http.server_error", "http.slow", "grpc.failed", "grpc.deadline", "http.unanswered", "tcp.slow_answer"),
             UPSTREAM, "the server has to wait for the one behind it"),
    Explains(("dns.unanswered", "dns.server_silent", "dns.lame", "dns.delegation_loop"),
             ("dns.unanswered", "dns.slow", "dns.failed", "dns.retried"), UPSTREAM,
             "the resolver has to wait for the server that it asks itself"),
)


class Twice:
    """One thing that two findings say: of those with code `less`, what `more` says better is left out."""

    def __init__(self, more: tuple[str, ...], less: str, ground: str) -> None:
        self.more = more
        self.less = less
        self.ground = ground


# Of the same conversation, with frames among one another, and no severer than the other.
SAID_TWICE: Final[tuple[Twice, ...]] = (
    Twice(("http.slow", "http.held_back", "http.blocked", "http.long_polling", "http2.blocked", "grpc.deadline",
           "dns.slow"), "tcp.slow_answer", "the protocol knows what was asked and what answered; TCP sees a pause"),
    Twice(("grpc.deadline", "dns.slow"), "http.slow", "the same wait, as the protocol above calls it"),
    Twice(("grpc.given_up", "grpc.deadline"), "http2.reset", "a call ends before its time by a reset of its stream"),
    Twice(("grpc.given_up", "grpc.deadline", "grpc.no_status", "grpc.failed"), "http.unanswered",
          "what was under way on the stream is the call"),
    Twice(("quic.unanswered",), "udp.unanswered", "the protocol knows what was asked"),
    Twice(("tls.reset_after_hello",), "tcp.reset", "the same RST"),
    Twice(("dns.failed",), "dns.extended_error", "the failure cites its extended error"),
)

# A note of these tells of an ordinary end, and explains nothing that is worse.
ORDINARY: Final = frozenset({"tcp.reset", "tcp.unread_data", "http2.reset", "tls.truncated", "tls.alert"})
# These explain nothing as long as they are milder: the handshake was taken after all.
EXPLAIN_FROM: Final[dict[str, str]] = {"tcp.not_accepted": "warn"}
