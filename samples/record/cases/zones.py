"""Zone texts, and the servers that hold them. Every name ends in test. (RFC 6761 §6.2) or is the root."""
from __future__ import annotations

import subprocess
from pathlib import Path

from samples.record.lab import Lab, LabError

SHOP = """$TTL 300
@ IN SOA ns.shop.test. hostmaster.shop.test. ( 2024010101 7200 900 1209600 60 )
@ IN NS ns
@ IN A 10.0.1.20
@ IN AAAA fd00:1::20
@ IN MX 10 mail1
@ IN MX 20 mail2
@ IN TXT "v=spf1 mx -all"
@ IN TXT "a second text, " "in two strings"
@ IN CAA 0 issue "ca.test"
@ IN HTTPS 1 . alpn="h2,http/1.1" ipv4hint=10.0.1.20 ipv6hint=fd00:1::20
_dns IN SVCB 1 ns alpn="dot" port=853
ns IN A 10.0.1.53
mail1 IN A 10.0.1.25
mail2 IN A 10.0.1.26
www IN CNAME front
front IN CNAME edge.cdn
edge.cdn 60 IN A 10.0.1.20
brief 5 IN A 10.0.1.21
_sip._tcp IN SRV 10 60 5060 mail1
_25._tcp.mail1 IN TLSA 3 1 1 8cb0fc6c527506a053f4f14c8464bebbd6dede2738d11468dd953d7d6a3021f1
4.3.2.1.5.5.5.0.0.8.1 IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@shop.test!" .
"""
LARGE = SHOP + "".join(
    f'large IN TXT "line {n:02d} of texts too large together for one datagram {"x" * 80}"\n' for n in range(20))
REVERSE = """$TTL 300
@ IN SOA ns.shop.test. hostmaster.shop.test. ( 2024010101 7200 900 1209600 60 )
@ IN NS ns.shop.test.
20 IN PTR shop.test.
"""


def root_zone(tld: str, root: str) -> str:
    return f"""$TTL 86400
. IN SOA a.root-servers.test. hostmaster.test. ( 2024010101 1800 900 604800 86400 )
. IN NS a.root-servers.test.
a.root-servers.test. IN A {root}
test. IN NS a.nic.test.
a.nic.test. IN A {tld}
"""


def tld_zone(tld: str, authority: str) -> str:
    return f"""$TTL 3600
test. IN SOA a.nic.test. hostmaster.test. ( 2024010101 1800 900 604800 900 )
test. IN NS a.nic.test.
a.nic.test. IN A {tld}
shop.test. IN NS ns.shop.test.
ns.shop.test. IN A {authority}
"""


def signed(lab: Lab, zone: str, text: str, *when: str) -> tuple[str, str]:
    """The zone signed with fresh ECDSA keys (P-256), and the DNSKEY record of its key-signing key.

    when: arguments of dnssec-signzone for the signatures' validity. Raises LabError when a tool fails.
    """
    folder = lab.scratch / f"sign-{zone}"
    folder.mkdir()
    keys: list[str] = []
    for extra in (["-f", "KSK"], []):
        command = ["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", *extra, "-K", str(folder), zone]
        keys.append(_output(lab, command).strip())
    records = [(folder / f"{key}.key").read_text() for key in keys]
    file = folder / "zone"
    file.write_text(text + "".join(records))
    _output(lab, ["dnssec-signzone", "-q", "-o", zone, "-K", str(folder), "-x", "-P", "-O", "full", *when, str(file)])
    anchor = next(line for line in records[0].splitlines() if not line.startswith(";"))
    return Path(f"{file}.signed").read_text(), anchor


def _output(lab: Lab, command: list[str]) -> str:
    lab.note(command)
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=lab.scratch)
    if done.returncode:
        raise LabError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
