"""DHCPv6: addresses, prefixes and settings of IPv6 machines (RFC 8415)."""
