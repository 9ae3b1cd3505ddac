"""All cases, in the order they are listed and recorded."""
from __future__ import annotations

from samples.record.case import Case
from samples.record.cases import dns, dns_resolver, links, tcp_end, tcp_loss, tcp_open, tcp_window

ALL: tuple[Case, ...] = (
    tcp_open.CASES + tcp_window.CASES + tcp_loss.CASES + tcp_end.CASES + dns.CASES + dns_resolver.CASES + links.CASES
)
