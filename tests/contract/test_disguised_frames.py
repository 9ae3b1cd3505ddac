"""An anonymized pcapng names nobody, is read by others without complaint, and keeps what happened when."""
from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import pytest
from click.testing import CliRunner
from sample_feeds import SAMPLES, sample_captures, sample_name
from test_identities import identities, kept, parts

from analyzer.cli.main import cli
from analyzer.cli.report import with_comments
from analyzer.ingest.open import open_capture
from analyzer.model import Analysis
from analyzer.pipeline.run import Options, analyze
from analyzer.report.formats import Layout, by_name
from analyzer.report.pseudonyms import Pseudonyms
from dissectors.kit.identity import HOST, UNIQUE

NAMES = [sample_name(path) for path in sample_captures()]
# Of each kind of link, tunnel and protocol; every sample is gone through without tshark.
READ = (
    "link/vlan-qinq", "link/cooked", "link/cooked-v2", "link/6in4", "link/vxlan", "link/fragments", "link/raw-ip",
    "icmp/unreachable", "icmpv6/neighbour-discovery", "dns/record-types", "dns/dns-then-http", "dns/cname",
    "http1/browser", "tls/browser", "tls/tls12-full", "tls/tls13-full", "dhcp/lease", "websocket/push", "http2/reset",
)

CUT = ("link/vxlan", "link/fragments", "icmp/unreachable")      # what is inside, or quoted, is not kept


def disguise(source: Path, path: Path) -> tuple[Analysis, Pseudonyms]:
    """Writes it there; what was told of the original, and the stand-ins."""
    analysis = analyze([str(source)], Options())
    layout = Layout("teach", anonymous=True, even=True, rewrite=with_comments([str(source)], b"", False))
    path.write_bytes(b"".join(by_name("pcapng").write(analysis, layout)))
    names = layout.names(analysis)
    assert names is not None
    return analysis, names


def frames(path: Path) -> list[tuple[int, int, bytes]]:
    found = []
    with closing(open_capture([str(path)])) as source:
        while source.next():
            found.append((int(source.time), int(source.length), bytes(source.data[source.start:source.end])))
    return found


def addresses(analysis: Analysis) -> set[bytes]:
    """Of the ends of all conversations, where they are somebody's."""
    texts = {end.address for one in analysis.conversations for end in (one.originator, one.responder)}
    found = {ip_address(text) for text in texts if re.fullmatch(r"[0-9.]+|[0-9a-f:.]*:[0-9a-f:.]*", text)}
    return {
        one.packed for one in found
        if not (one.is_loopback or one.is_multicast or one.is_unspecified or one.packed.startswith(b"\xff"))
    }


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_named_and_nothing_moves(name: str, tmp_path: Path) -> None:
    source, path = SAMPLES / name / "capture.pcapng", tmp_path / "anonymous.pcapng"
    analysis, names = disguise(source, path)
    before, after = frames(source), frames(path)
    assert [(time, length) for time, length, _data in after] == [(time, length) for time, length, _data in before]
    assert all(len(now) <= len(then) for (_a, _b, now), (_c, _d, then) in zip(after, before, strict=True))
    octets = path.read_bytes()
    own = addresses(analysis)
    for packed in own - {ip_address(names.address(str(ip_address(one)))).packed for one in own}:
        assert not any(packed in data for _time, _length, data in after), ip_address(packed)
        text = str(ip_address(packed)).encode()
        assert not re.search(rb"(?<![\w.:])" + re.escape(text) + rb"(?![\w.:])", octets), text
    for kind, whole in identities(analysis):
        if kind == UNIQUE or kept(kind, whole):
            continue
        for part in parts(kind, whole):
            if len(part) >= 4:
                wanted = re.escape(part.encode())
                assert not re.search(rb"(?i)(?<![\w.\\-])" + wanted + rb"(?![\w-]|\.\w)", octets), (kind, part)
                label = part.partition(".")[0].encode()
                if kind == HOST and len(label) > 4 and not label.isdigit() and label[:1] != b"_":
                    assert bytes([len(label)]) + label not in octets, label


@pytest.mark.slow(reason="tshark is started twice for each sample")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("name", READ)
def test_others_read_it_without_complaint(name: str, tmp_path: Path) -> None:
    path = tmp_path / "anonymous.pcapng"
    disguise(SAMPLES / name / "capture.pcapng", path)
    found = [told(SAMPLES / name / "capture.pcapng"), told(path)]
    assert found[1]["malformed"] <= found[0]["malformed"]
    assert found[1]["checksums"] <= found[0]["checksums"]
    for counted in ("tcp.len", "tcp.seq", "udp.length", "tcp.analysis"):
        if name not in CUT:
            assert found[1][counted] == found[0][counted] > 0 or found[0][counted] == 0, counted


def told(path: Path) -> Counter[str]:
    fields = ("_ws.malformed", "ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "tcp.len", "tcp.seq",
              "udp.length", "tcp.analysis.flags", "icmp.checksum.status")
    command = ["tshark", "-n", "-r", str(path), "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o",
               "udp.check_checksum:TRUE", "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "json"]
    command += [part for field in fields for part in ("-e", field)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found: Counter[str] = Counter()
    for packet in json.loads(done.stdout):
        layers = packet["_source"]["layers"]
        found["malformed"] += "_ws.malformed" in layers
        found["checksums"] += sum(
            layers.get(one, []).count("0") for one in fields if one.endswith("checksum.status"))
        found["tcp.analysis"] += "tcp.analysis.flags" in layers
        for one in ("tcp.len", "tcp.seq", "udp.length"):
            found[one] += sum(map(int, layers.get(one, [])))
    return found


def test_what_was_cut_is_said_and_comments_name_nobody(tmp_path: Path) -> None:
    path = tmp_path / "anonymous.pcapng"
    source = str(SAMPLES / "dns" / "dns-then-http" / "capture.pcapng")
    done = CliRunner().invoke(cli, ["report", source, "--anonymize", "-o", str(path)])
    assert done.exit_code == 0, done.output
    with closing(open_capture([str(path)])) as again:
        while again.next():
            pass
        remarks = " ".join(remark.text for remark in again.remarks)
    assert "anonymized: addresses are stand-ins" in remarks
    assert "cut, because it is not understood: payloads of TCP (83 frames)" in remarks
    assert "shop" not in remarks
    assert b"shop" not in path.read_bytes()
