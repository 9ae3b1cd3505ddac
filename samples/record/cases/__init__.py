"""All cases, in the order they are listed and recorded."""
from __future__ import annotations

from samples.record.case import Case
from samples.record.cases import (
    bridges,
    compare,
    dhcp,
    dhcpv6,
    dns,
    dns_resolver,
    everyday,
    grpc,
    http,
    http2,
    http_live,
    http_servers,
    links,
    logins,
    neighbours,
    ntp,
    quic,
    scans,
    services,
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
    + scans.CASES + everyday.CASES + ntp.CASES + services.CASES + logins.CASES
    + dhcp.CASES + dhcpv6.CASES + neighbours.CASES + bridges.CASES + ways.CASES
    + tls.CASES + tls_resumed.CASES + tls_certificates.CASES + tls_failures.CASES
    + tls_records.CASES + starttls.CASES
    + http.CASES + http_live.CASES + http_servers.CASES + websocket.CASES
    + http2.CASES + grpc.CASES + quic.CASES + compare.CASES
)
