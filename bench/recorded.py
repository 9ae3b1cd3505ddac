"""A recorded mix beside the generated one: real servers and load programs, over a veth pair (Linux, as root).

nginx answers h2load over HTTP/1.1, HTTP/2 in clear and over TLS, unbound answers dnsperf, and tcpdump records it, all
in two network namespaces of their own. It is made where all of these programs are there, and `why_not()` says why it is
not elsewhere. No two recordings are alike, so a ratio counts only within one run on one of them.
"""
from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

from bench.live_wire import INTERFACE, Wire, run
from bench.traffic.capture import Capture, name

VERSION: Final = 1              # raised whenever the traffic changes, so that old recordings are made anew
MANIFEST: Final = "recorded.json"
PROGRAMS: Final = ("ip", "ethtool", "nginx", "h2load", "unbound", "dnsperf", "tcpdump", "openssl")
READY_SECONDS: Final = 15.0
LOAD_SECONDS: Final = 300.0     # for one program of one round
BUFFER_KIB: Final = 256 << 10   # between the system and tcpdump

SERVER: Final = "10.98.0.1"
CLIENT: Final = "10.98.0.2"
CLEAR, CLEAR_2, TLS, DNS = 8080, 8081, 8443, 53
FILES: Final = {"small": 900, "page": 14_000, "picture": 90_000, "archive": 1_000_000}     # octets
NAMES: Final = 1000             # that clients ask for

PCAP_HEADER: Final = 24
RECORD_HEADER: Final = 16
ETHERNET_TYPE, IP_PROTOCOL = 12, 23      # where they stand in a frame without a VLAN tag and IPv4 options
TCP: Final = 6


def recorded_name(packets: int, tcp_only: bool) -> str:
    """recorded-1m, recorded-tcp-1m: a recording of so many packets, and the TCP packets of it."""
    return name(packets, tcp_only).replace("mix-", "recorded-", 1)


def why_not() -> str:
    """Why none can be made here; "" where it can."""
    if not sys.platform.startswith("linux"):
        return "it needs Linux"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return "" if os.geteuid() == 0 else "it needs root, for network namespaces"


def existing(folder: Path, packets: int) -> dict[str, Capture]:
    """The recording and its TCP packets, by name; empty where they are not there, whole and of this version."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    found = {}
    for tcp_only in (False, True):
        key = recorded_name(packets, tcp_only)
        count, size = manifest.get("captures", {}).get(key, (0, -1))
        path = folder / f"{key}.pcap"
        if manifest.get("version") != VERSION or not path.is_file() or path.stat().st_size != size:
            return {}
        found[key] = Capture(path, count, size)
    return found


def make(folder: Path, packets: int) -> dict[str, Capture]:
    """The same, recorded anew where it is missing and `why_not()` has nothing against it."""
    found = existing(folder, packets)
    if found or why_not():
        return found
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / f"{recorded_name(packets, False)}.raw"
    try:
        record(raw, packets)
        found = split(raw, folder, packets)
    finally:
        raw.unlink(missing_ok=True)
    try:
        known = json.loads((folder / MANIFEST).read_text())["captures"]
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        known = {}
    known |= {key: [each.packets, each.bytes] for key, each in found.items()}
    (folder / MANIFEST).write_text(json.dumps({"version": VERSION, "captures": known}, indent=1) + "\n")
    return found


def split(raw: Path, folder: Path, packets: int) -> dict[str, Capture]:
    """The first `packets` of what tcpdump wrote, and those of them that are TCP."""
    found = {}
    with ExitStack() as stack:
        source = stack.enter_context(raw.open("rb"))
        sinks = [stack.enter_context((folder / f"{recorded_name(packets, only)}.part").open("wb"))
                 for only in (False, True)]
        header = source.read(PCAP_HEADER)
        for sink in sinks:
            sink.write(header)
        counts = [0, 0]
        while counts[0] < packets and len(head := source.read(RECORD_HEADER)) == RECORD_HEADER:
            frame = source.read(int.from_bytes(head[8:12], sys.byteorder))
            for place in (0, 1) if is_tcp(frame) else (0,):
                sinks[place].write(head + frame)
                counts[place] += 1
    for only, count in zip((False, True), counts, strict=True):
        key = recorded_name(packets, only)
        path = folder / f"{key}.pcap"
        (folder / f"{key}.part").rename(path)
        found[key] = Capture(path, count, path.stat().st_size)
    return found


def is_tcp(frame: bytes) -> bool:
    return frame[ETHERNET_TYPE:ETHERNET_TYPE + 2] == b"\x08\x00" and frame[IP_PROTOCOL:IP_PROTOCOL + 1] == bytes([TCP])


# -- the recording ---------------------------------------------------------------------------------------------------


def record(path: Path, packets: int) -> None:
    """At least so many packets, in rounds that each hold everything."""
    with tempfile.TemporaryDirectory() as held, Wire() as wire, ExitStack() as stack:
        folder = Path(held)
        folder.chmod(0o755)
        _addresses(wire)
        _content(folder)
        stack.enter_context(_server(wire, ["nginx", "-p", held, "-c", str(folder / "nginx.conf")], TLS))
        stack.enter_context(_server(wire, ["unbound", "-d", "-c", str(folder / "unbound.conf")], DNS))
        with _recorder(wire, path):
            before = _passed(wire)
            while _passed(wire) - before < packets * 1.02:      # some of them are no packets that tcpdump takes
                if sys.stderr.isatty():
                    print(f"\r\033[Krecording: {_passed(wire) - before:,} of {packets:,} packets", end="",
                          file=sys.stderr, flush=True)
                _round(wire, folder)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)


def _addresses(wire: Wire) -> None:
    run("ip", "-n", wire.near, "address", "add", f"{SERVER}/24", "dev", INTERFACE)
    run("ip", "-n", wire.far, "address", "add", f"{CLIENT}/24", "dev", "far")
    # Packets as they are on a wire, and no larger ones that the system takes apart later or puts together.
    for space, interface in ((wire.near, INTERFACE), (wire.far, "far")):
        _quiet("ip", "netns", "exec", space, "ethtool", "-K", interface, "tso", "off", "gso", "off", "gro", "off",
               "tx", "off")


def _quiet(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=20)


def _content(folder: Path) -> None:
    """What the servers give, and what the clients ask for."""
    for name_of, octets in FILES.items():
        (folder / name_of).write_bytes(os.urandom(octets))
    _quiet("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
           "-days", "2", "-subj", "/CN=bench.test", "-keyout", str(folder / "key.pem"), "-out",
           str(folder / "cert.pem"))
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; error_log stderr crit; pid {folder}/nginx.pid;\n"
        "events { worker_connections 8192; }\n"
        "http {\n"
        "  access_log off; keepalive_requests 100000;\n"
        + "".join(f"  {kind}_temp_path {folder};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        + f"  server {{ listen {SERVER}:{CLEAR} backlog=4096; root {folder}; }}\n"
        f"  server {{ listen {SERVER}:{CLEAR_2} http2 backlog=4096; root {folder}; }}\n"
        f"  server {{ listen {SERVER}:{TLS} ssl http2 backlog=4096; root {folder};\n"
        f"    ssl_protocols TLSv1.2 TLSv1.3;\n"
        f"    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem; }}\n"
        "}\n"
    )
    (folder / "unbound.conf").write_text(
        f'server:\n  interface: {SERVER}\n  port: {DNS}\n  access-control: {CLIENT}/32 allow\n  chroot: ""\n'
        f'  username: ""\n  directory: "{folder}"\n  pidfile: ""\n  use-syslog: no\n  verbosity: 0\n'
        '  module-config: "iterator"\n  local-zone: "bench.test." static\n'
        + "".join(f'  local-data: "host{number}.bench.test. 300 A 10.98.{1 + number // 250}.{1 + number % 250}"\n'
                  for number in range(NAMES * 9 // 10))      # the rest does not exist
    )
    (folder / "names").write_text("".join(
        f"host{number}.bench.test {'AAAA' if number % 4 == 0 else 'A'}\n" for number in range(NAMES)))


@contextmanager
def _server(wire: Wire, command: list[str], port: int) -> Iterator[None]:
    """Runs it in the near namespace until the end of `with`. Raises RuntimeError where it does not listen."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(["ip", "netns", "exec", wire.near, *command], stdin=subprocess.DEVNULL,
                                   stdout=said, stderr=said)
        try:
            knock = f"import socket; socket.create_connection(({SERVER!r}, {port}), 1)"
            deadline = time.monotonic() + READY_SECONDS
            while subprocess.run(["ip", "netns", "exec", wire.far, sys.executable, "-c", knock], check=False,
                                 capture_output=True).returncode:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} does not listen: {_text(said)}")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(READY_SECONDS)


@contextmanager
def _recorder(wire: Wire, path: Path) -> Iterator[None]:
    """tcpdump writes what passes into a file. Raises RuntimeError where it lost packets."""
    command = ["tcpdump", "-n", "-i", INTERFACE, "-B", str(BUFFER_KIB), "-Z", "root", "-w", str(path),
               "tcp or udp or icmp"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(["ip", "netns", "exec", wire.near, *command], stdin=subprocess.DEVNULL,
                                   stdout=said, stderr=said)
        try:
            deadline = time.monotonic() + READY_SECONDS
            while "listening on" not in _text(said):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"tcpdump does not capture: {_text(said)}")
                time.sleep(0.05)
            yield
            time.sleep(1.0)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
        lost = re.search(r"(\d+) packets? dropped by kernel", _text(said))
        if lost is None or int(lost[1]):
            raise RuntimeError(f"the recording is not whole: {_text(said)}")


def _text(said: IO[bytes]) -> str:
    return os.pread(said.fileno(), 1 << 16, 0).decode(errors="replace")[-500:]


def _passed(wire: Wire) -> int:
    """Frames that the near interface has received and sent so far."""
    places = [f"/sys/class/net/{INTERFACE}/statistics/{way}_packets" for way in ("rx", "tx")]
    found = subprocess.run(["ip", "netns", "exec", wire.near, "cat", *places], check=True, capture_output=True)
    return sum(int(line) for line in found.stdout.split())


def _round(wire: Wire, folder: Path) -> None:
    """About 25 000 packets, three of five of them DNS, beside HTTP in connections with few requests and with many."""
    clear, clear_2, tls = f"http://{SERVER}:{CLEAR}", f"http://{SERVER}:{CLEAR_2}", f"https://{SERVER}:{TLS}"
    lookups = [
        ["dnsperf", "-s", SERVER, "-d", str(folder / "names"), "-n", "7", "-c", "100", "-Q", "7000"],
        ["dnsperf", "-s", SERVER, "-d", str(folder / "names"), "-n", "1", "-c", "500", "-Q", "1000"],
    ]
    loads = [
        ["h2load", "--h1", "-n", "240", "-c", "120", f"{clear}/small"],
        ["h2load", "--h1", "-n", "200", "-c", "20", f"{clear}/page"],
        ["h2load", "--h1", "-n", "2", "-c", "2", f"{clear}/archive"],
        ["h2load", "-n", "400", "-c", "20", "-m", "10", f"{clear_2}/small"],
        ["h2load", "-n", "20", "-c", "4", "-m", "5", f"{clear_2}/picture"],
        ["h2load", "-n", "120", "-c", "60", f"{tls}/small"],
        ["h2load", "-n", "100", "-c", "10", "-m", "10", f"{tls}/page"],
        ["h2load", "--h1", "-n", "60", "-c", "30", f"{tls}/small"],
    ]
    with ThreadPoolExecutor(len(lookups)) as beside:
        waited = [beside.submit(_load, wire, lookup) for lookup in lookups]
        for load in loads:
            _load(wire, load)
        for each in waited:
            each.result()


def _load(wire: Wire, command: list[str]) -> None:
    """Runs it in the far namespace to its end. Raises RuntimeError where it fails."""
    done = subprocess.run(["ip", "netns", "exec", wire.far, *command], check=False, capture_output=True, text=True,
                          timeout=LOAD_SECONDS)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {(done.stdout + done.stderr)[-500:]}")
