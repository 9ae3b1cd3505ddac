"""A filter shows the frames that tshark shows with it, number by number."""
from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from analyzer.filter.expression import read_filter
from analyzer.pipeline.run import Frames

SAMPLES = Path(__file__).parents[2] / "samples"
# One behind the other in one file: headers of all kinds, loss, and each protocol with messages.
TAKEN = (
    "link/vlan", "link/vlan-qinq", "link/ipip", "link/6in4", "icmp/unreachable", "icmpv6/neighbour-discovery",
    "dhcp/lease", "tcp/zero-window", "tcp/loss-random", "tcp/ecn", "tcp/ipv6-clean", "dns/nxdomain", "dns/cname",
    "http1/cookies", "http2/reset", "tls/tls12-full", "tls/no-shared-suite", "websocket/push", "ntp/poll",
)
# Out of order, as a loss leaves them, segments are put together only where it is told so.
TSHARK = ("tshark", "-n", "-o", "tcp.reassemble_out_of_order:TRUE")
FILTERS = (
    "frame.len > 1000 and frame.cap_len < 1500",
    "frame.number in {3, 5..7, 200..260}",
    "frame.time_delta > 0.01",
    "eth.addr == 02:00:00:00:01:01 && eth.type == 0x0800",
    "vlan.id",
    "arp.opcode == 1 || icmpv6.type in {135, 136}",
    "ip.addr == 10.0.1.0/24",
    "ip.src != 10.0.1.10",
    "ip.addr === 10.0.1.10 or ip.src !== 10.0.1.10",
    "ip.dst > 10.0.1.15 and ip.ttl < 64",
    "ip.proto == 41 or ip.flags.df == 1 and ip.len >= 1400",
    "ip.dsfield.ecn != 0",
    "ipv6.addr == fd00::/8 and ipv6.nxt == 6",
    "icmp.type == 3 and icmp.code in {0..3}",
    "udp.port == 53 || udp.length > 300",
    "all tcp.port > 1024",
    "any tcp.port != 80",
    "tcp.srcport < tcp.dstport",
    "tcp.flags.syn == 1 && !(tcp.flags.ack == 1)",
    "tcp.flags & 0x05 or tcp.flags & 0x18 == 0x18",
    "tcp.flags.ece == 1 or tcp.flags.cwr == 1",
    "tcp.seq == 1 and tcp.len > 0",
    "tcp.ack > 10000",
    "tcp.seq_raw > 2000000000 && tcp.hdr_len > 32",
    "tcp.window_size < 20000 and tcp.window_size_value > 0",
    "tcp.analysis.flags",
    "tcp.analysis.retransmission && !tcp.analysis.fast_retransmission",
    "tcp.analysis.duplicate_ack || tcp.analysis.lost_segment",
    "tcp.analysis.zero_window or tcp.analysis.window_full or tcp.analysis.window_update",
    "tcp.analysis.ack_rtt > 0.02 and tcp.analysis.initial_rtt",
    "tcp.analysis.bytes_in_flight > 5000",
    "tcp.payload contains \"HTTP\"",
    "frame matches \"host: [a-z.]+\"",
    "dns.flags.rcode != 0 or dns.qry.type == 28",
    "dns.qry.name matches \"^[a-z]+[.]\" and dns.count.answers > 0",
    "dns.a or dns.cname",
    "http.response.code in {200..299} or http.request.uri contains \"/\"",
    "http.host and lower(http.request.method) == \"get\"",
    "http2.type == 1 or http2.type == 3",
    "http2.streamid > 0 and not http2.flags & 1",
    "tls.handshake.type in {1, 2, 11}",
    "tls.record.content_type == 21 or tls.handshake.extensions_server_name contains \"test\"",
    "websocket.opcode == 8 or websocket.payload_length > 100",
    "dhcp.option.dhcp == 5 or ntp.flags.mode == 4",
    "tcp.options.mss_val == 1460 and tcp.options.wscale.shift > 0 and tcp.options.sack_perm",
    "tcp.options.sack_le > 0 or tcp.options.sack_re < 1000",
    "tcp.options.timestamp.tsval > tcp.options.timestamp.tsecr",
    "tls.handshake.version == 0x0303 and tls.handshake.ciphersuite == 0x1301",
    "tls.alert_message or http.request or http.response",
    "tls.alert_message.desc == 40 and tls.alert_message.level == 2",
    "dhcp.hw.mac_addr == 02:00:00:00:01:01",
    "http2.rst_stream.error >= 0 or http2.headers.status == 200 or http2.headers.method == \"GET\"",
    "http.cookie or http.set_cookie contains \"=\"",
    "eth.src[0:3] == 02:00:00 and eth.src[5] == 1",
    "eth.addr[4-5] == 01.02 or eth.dst[:2] == 0x33 or eth.dst[0,1] == 3333",
    "eth.dst[-2:] > eth.src[-2:]",
    "ip.src[3:1] == 0a and ipv6.dst[-4--3] != 00:01",
    "ip.src[4:] or ip.src[2:4] or eth.src[2:5]",
    "tcp.payload[0:3] == \"GET\" || tcp.payload[0] == 16",
    "tcp.payload[:4] contains 48:54 or tcp.payload[0:9] matches \"^http/1\"",
    "http.request.uri[0:1] == 2f or dns.qry.name[0] == \"x\"",
    "tcp[13] == 12 or tcp[13] & 4 or tcp[13]&1 == 1",
    "ip[8] < 40 and ip[9:1] != 06 or ip[-1] == 14",
    "frame[12:2] == 86:dd or eth[12:2] == 81:00",
    "len(tcp) > 32 or len(udp) == 8 and len(eth) == 14 and not icmp or len(ip) > 20",
    "ip.src#1 == 10.0.1.10 or ip.dst#2 == 10.0.1.20",
    "ip.ttl#[1] < 64 and ip.src#[-1] == 10.0.1.20 or ip.addr#[2-3]",
    "ip#2 or ipv6.src#1[0:2] == fd:00 or ip.addr#[1,2][3] == 14",
    "udp.srcport#1 > 1024 && icmp or tcp.port#2 or icmp.type#1 == 3",
    "tcp or dns and not icmp",
    "not tcp and not udp",
)


def tshark(capture: Path, text: str) -> list[int]:
    command = [*TSHARK, "-r", str(capture), "-Y", text, "-T", "fields", "-e", "frame.number"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{text}: {done.stderr}"
    return [int(number) for number in done.stdout.split()]


def wiretale(capture: Path, text: str) -> list[int]:
    lines = Frames([str(capture)], wanted=read_filter(text))
    return [json.loads(line)["frame"] for block in lines for line in block.splitlines()]


@pytest.mark.slow(reason="tshark is started for each filter")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_filters_show_what_tshark_shows(tmp_path: Path) -> None:
    capture = tmp_path / "joined.pcapng"
    capture.write_bytes(b"".join((SAMPLES / name / "capture.pcapng").read_bytes() for name in TAKEN))
    with ThreadPoolExecutor(4) as several:
        theirs = list(several.map(lambda text: tshark(capture, text), FILTERS))
    differ = {}
    for text, expected in zip(FILTERS, theirs, strict=True):
        ours = wiretale(capture, text)
        if ours != expected:
            differ[text] = (sorted(set(ours) - set(expected))[:9], sorted(set(expected) - set(ours))[:9])
    assert differ == {}
    assert sum(bool(numbers) for numbers in theirs) >= len(FILTERS) - 3      # nearly all of them show something
