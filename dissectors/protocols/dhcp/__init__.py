"""DHCP for IPv4."""
