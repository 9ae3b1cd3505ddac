"""What tshark says of a capture, and what `wiretale frames` says, in the same words."""
from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from analyzer.pipeline.run import Frames

Said = Any
Row = dict[str, list[str]]
Line = dict[str, Any]

HEADERS = {"eth", "ip", "ipv6", "tcp", "udp", "icmp", "icmpv6", "arp", "sctp"}
ANALYSIS = (
    "retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "lost_segment",
    "ack_lost_segment", "duplicate_ack", "zero_window", "zero_window_probe", "zero_window_probe_ack", "keep_alive",
    "keep_alive_ack", "window_full", "window_update", "reused_ports",
)
FIELDS = (
    "frame.protocols", "tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.seq_raw", "tcp.len",
    *("tcp.analysis." + name for name in ANALYSIS),
    "tcp.analysis.bytes_in_flight", "tcp.analysis.initial_rtt", "tcp.analysis.ack_rtt",
    "dns.id", "dns.flags.response", "dns.flags.rcode", "dns.qry.name", "dns.qry.type", "dns.count.answers",
    "tls.record.content_type", "tls.record.opaque_type", "tls.handshake.type",
    "http.request.method", "http.response.code",
    "quic.packet_number", "quic.frame_type",
    "http2.type", "http2.streamid", "http2.flags", "http2.length", "websocket.opcode", "websocket.fin",
)
ROUNDING_NS = 2_000    # tshark prints seconds with nine digits, calculated with microseconds in between


def rows_of_tshark(capture: Path) -> list[Row]:
    """One row a frame: the values of each field, in order."""
    command = ["tshark", "-n", "-r", str(capture), "-T", "fields", "-E", "separator=/t", "-E", "aggregator=/s"]
    command += [word for field in FIELDS for word in ("-e", field)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return [
        {field: cell.split(" ") for field, cell in zip(FIELDS, line.split("\t"), strict=False) if cell}
        for line in done.stdout.splitlines()
    ]


def rows_of_wiretale(capture: Path) -> list[Line]:
    return [json.loads(line) for block in Frames([str(capture)]) for line in block.splitlines()]


def said_by_tshark(row: Row) -> dict[str, Said]:
    """By aspect; an aspect that the frame has nothing of is absent. TCP only where there is one header of it."""
    protocols = row["frame.protocols"][0].split(":")
    said: dict[str, Said] = {"layers": tuple(sorted(set(protocols) & HEADERS))}
    if len(row.get("tcp.srcport", ())) == 1:
        if "tcp.seq_raw" in row:
            said["tcp.header"] = (
                int(row["tcp.srcport"][0]), int(row["tcp.dstport"][0]), int(row["tcp.flags"][0], 16) & 0xFF,
                int(row["tcp.seq_raw"][0]), int(row["tcp.len"][0]),
            )
        said["tcp.analysis"] = tuple(name for name in ANALYSIS if "tcp.analysis." + name in row)
        if "tcp.analysis.bytes_in_flight" in row:
            said["tcp.bytes_in_flight"] = int(row["tcp.analysis.bytes_in_flight"][0])
        for name in ("initial_rtt", "ack_rtt"):
            if "tcp.analysis." + name in row:
                said["tcp." + name] = round(float(row["tcp.analysis." + name][0]) * 1e9)
    if "dns" in protocols and "dns.id" in row:
        response = row["dns.flags.response"][0] in ("1", "True")
        said["dns"] = (
            int(row["dns.id"][0], 16), response, int(row.get("dns.flags.rcode", ["0"])[0]) if response else 0,
            row.get("dns.qry.name", [""])[0].lower().strip(".").replace("<root>", ""),
            int(row.get("dns.qry.type", ["0"])[0]), int(row.get("dns.count.answers", ["0"])[0]),
        )
    said |= _application_by_tshark(row)
    return {aspect: value for aspect, value in said.items() if value != ()}


def _numbers(row: Row, field: str) -> list[int]:
    return [int(value == "True") if value in ("True", "False") else int(value, 0) for value in row.get(field, [])]


def _application_by_tshark(row: Row) -> dict[str, Said]:
    types = _numbers(row, "tls.record.content_type") + _numbers(row, "tls.record.opaque_type")
    http = tuple(row.get("http.request.method", ())) + tuple(_numbers(row, "http.response.code"))
    frames = [_numbers(row, "http2." + name) for name in ("type", "streamid", "flags", "length")]
    messages = [_numbers(row, "websocket." + name) for name in ("opcode", "fin")]
    return {
        "tls.records": tuple(sorted(Counter(types).items())),
        "tls.handshake": tuple(_numbers(row, "tls.handshake.type")),
        "quic.packet_number": tuple(_numbers(row, "quic.packet_number")),
        "quic.frames": tuple(_numbers(row, "quic.frame_type")),
        "http": http,
        "http2": tuple(zip(*frames, strict=True)),
        "websocket": tuple(zip(*messages, strict=True)),
    }


def _application_by_wiretale(row: Line) -> dict[str, Said]:
    http = row.get("http", ())
    types = Counter(record["content_type"] for record in row.get("tls", ()) if "content_type" in record)
    packets = [packet for packet in row.get("quic", ()) if "packet_number" in packet]
    return {
        "tls.records": tuple(sorted(types.items())),
        "tls.handshake": tuple(kind for record in row.get("tls", ()) for kind in record.get("handshake", ())),
        "quic.packet_number": tuple(packet["packet_number"] for packet in packets),
        "quic.frames": tuple(kind for packet in packets for kind in packet["frames"]),
        "http": tuple(one["method"] for one in http if "method" in one)
        + tuple(one["status"] for one in http if "status" in one),
        "http2": tuple((one["type"], one["stream"], one["flags"], one["length"]) for one in row.get("http2", ())),
        "websocket": tuple((one["opcode"], int(one["fin"])) for one in row.get("websocket", ())),
    }


def said_by_wiretale(row: Line) -> dict[str, Said]:
    said: dict[str, Said] = {"layers": tuple(sorted(set(row["layers"]) & HEADERS))}
    if "tcp" in row:
        tcp = row["tcp"]
        said["tcp.header"] = (row["src_port"], row["dst_port"], tcp["flags"] & 0xFF, tcp["seq"], tcp["len"])
        said["tcp.analysis"] = tuple(name for name in ANALYSIS if name in tcp.get("analysis", ()))
        for aspect, key in (("tcp.bytes_in_flight", "bytes_in_flight"), ("tcp.initial_rtt", "initial_rtt_ns"),
                            ("tcp.ack_rtt", "ack_rtt_ns")):
            if key in tcp:
                said[aspect] = tcp[key]
    if "dns" in row:
        dns = row["dns"][0]
        said["dns"] = (
            dns["id"], dns["response"], dns.get("rcode", 0) if dns["response"] else 0,
            (dns.get("qname") or "").lower().strip("."), dns.get("qtype", 0), dns.get("answers", 0),
        )
    said |= _application_by_wiretale(row)
    return {aspect: value for aspect, value in said.items() if value != ()}


def agree(aspect: str, ours: Said, theirs: Said) -> bool:
    if aspect in ("tcp.initial_rtt", "tcp.ack_rtt") and ours is not None and theirs is not None:
        return bool(abs(ours - theirs) <= ROUNDING_NS)
    return bool(ours == theirs)
