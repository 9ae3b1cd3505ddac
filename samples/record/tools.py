"""The outside programs the recorder needs: are they there, in what version, and which package brings them."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

PACKAGES = {
    "ip": "iproute2", "ss": "iproute2", "ethtool": "ethtool", "sysctl": "procps", "dumpcap": "wireshark-common",
    "tshark": "tshark", "curl": "curl", "nginx": "nginx-light", "named": "bind9", "dnssec-keygen": "bind9-utils",
    "dnssec-signzone": "bind9-utils", "unbound": "unbound", "dig": "bind9-dnsutils", "avahi-daemon": "avahi-daemon",
    "openssl": "openssl", "gnutls-cli": "gnutls-bin", "gnutls-serv": "gnutls-bin", "postfix": "postfix",
    "dovecot": "dovecot-imapd", "vsftpd": "vsftpd", "slapd": "slapd", "ldapsearch": "ldap-utils",
    "postgres": "postgresql", "psql": "postgresql-client", "prosody": "prosody", "tinyproxy": "tinyproxy",
    "busybox": "busybox", "dnsmasq": "dnsmasq-base", "dhclient": "isc-dhcp-client", "dhcrelay": "isc-dhcp-relay",
    "ovsdb-server": "openvswitch-switch", "ovs-vswitchd": "openvswitch-switch",
    "arping": "iputils-arping", "radvd": "radvd", "traceroute": "traceroute",
    "nghttp": "nghttp2-client", "h2load": "nghttp2-client", "nghttpd": "nghttp2-server", "chromium": "chromium",
    "nmap": "nmap", "hping3": "hping3", "ping": "iputils-ping",
    "fping": "fping", "iodine": "iodine", "iodined": "iodine", "chronyd": "chrony",
    "nft": "nftables", "kea-dhcp6": "kea-dhcp6-server", "freeradius": "freeradius", "radclient": "freeradius-utils",
    "snmpd": "snmpd", "snmpget": "snmp", "snmpset": "snmp", "snmpwalk": "snmp", "sipp": "sip-tester",
    "nmbd": "samba", "nmblookup": "samba-common-bin",
}
LIBRARIES = (                  # from PyPI
    "cryptography", "websockets", "h2", "grpcio", "grpcio-tools", "protobuf", "brotli", "zstandard", "hypercorn",
    "sonora", "tlslite-ng", "aioquic",
)
_VERSION_FLAGS = {"nginx": "-v", "named": "-v", "dig": "-v", "unbound": "-V", "ip": "-V", "ss": "-V",
                  "openssl": "version", "slapd": "-VV", "ldapsearch": "-VV", "tinyproxy": "-v",
                  "freeradius": "-v", "radclient": "-v", "sipp": "-v"}
_PACKAGED = ("vsftpd", "prosody")      # these do not say it where it can be read
_NAMES = {"named": "BIND named", "ip": "iproute2", "python": "Python", "openssl": "OpenSSL",
          "postfix": "Postfix", "dovecot": "Dovecot", "postgres": "PostgreSQL", "prosody": "Prosody"}


def missing(programs: tuple[str, ...] = tuple(PACKAGES)) -> list[str]:
    """Lines that name each absent program and its Debian package."""
    return [f"{p} is not installed: apt-get install {PACKAGES[p]}" for p in programs if not shutil.which(p)]


def missing_libraries() -> list[str]:
    """Lines that name each absent library of the small programs."""
    here = {found.metadata["Name"].lower() for found in metadata.distributions()}
    return [f"{name} is not installed: pip install {name}" for name in LIBRARIES if name not in here]


def why_not() -> str:
    """Why nothing can be recorded here; empty when it can."""
    if os.geteuid() != 0:
        return "recording needs root: it makes network namespaces"
    if not Path("/dev/net/tun").exists():
        return "recording needs /dev/net/tun"
    return "; ".join(missing(("ip", "ss", "ethtool", "sysctl", "dumpcap", "tshark")))


def version(program: str) -> str:
    """Name and version number as the program itself says; nothing of the machine it was built on."""
    if program in LIBRARIES:
        return f"{program} {metadata.version(program)}"
    command = [sys.executable if program == "python" else program, _VERSION_FLAGS.get(program, "--version")]
    if program == "postfix":
        command = ["postconf", "mail_version"]
    elif program in _PACKAGED:
        command = ["dpkg-query", "-W", "-f", "${Version}", PACKAGES[program]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return f"{_NAMES.get(program, program)} {found.group() if found else ''}".strip()


def kernel() -> str:
    """Major and minor version of the kernel, whose TCP is what the samples show."""
    release = os.uname().release.split(".")
    return f"Linux {release[0]}.{release[1]}"
