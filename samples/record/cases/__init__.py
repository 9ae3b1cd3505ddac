"""All cases, in the order they are listed and recorded."""
from __future__ import annotations

from samples.record.case import Case
from samples.record.cases import (
    compare,
    dhcp,
    dns,
    dns_resolver,
    everyday,
    grpc,
    http,
    http2,
    http_live,
    links,
    logins,
    neighbours,
    ntp,
    quic,
    scans,
    starttls,
    tcp_end,
    tcp_loss,
    tcp_open,
    tcp_window,
    tls,
    tls_certificates,
    tls_failures,
    tls_records,
    tls_resumed,
    ways,
    websocket,
)

ALL: tuple[Case, ...] = (
    tcp_open.CASES + tcp_window.CASES + tcp_loss.CASES + tcp_end.CASES + dns.CASES + dns_resolver.CASES + links.CASES
    + scans.CASES + everyday.CASES + ntp.CASES + logins.CASES
    + dhcp.CASES + neighbours.CASES + ways.CASES
    + tls.CASES + tls_resumed.CASES + tls_certificates.CASES + tls_failures.CASES
    + tls_records.CASES + starttls.CASES
    + http.CASES + http_live.CASES + websocket.CASES
    + http2.CASES + grpc.CASES + quic.CASES + compare.CASES
)
