"""A second opinion: Wireshark's own dissection of one frame, through pyshark and an installed tshark."""
from __future__ import annotations

import asyncio
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

import click

from analyzer.report.escape import terminal_text
from analyzer.report.rows import TITLE, Row

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from pyshark.tshark.output_parser.tshark_xml import TsharkXmlParser

STEP: Final = 3             # columns that a level of the tree is indented
DEEPEST: Final = 60         # levels shown
SKIPPED: Final = "geninfo"  # PDML's own summary, which the frame layer repeats
WRAPPER: Final = "fake-field-wrapper"

INSTALL: Final = {
    "linux": "apt install tshark, dnf install wireshark-cli, pacman -S wireshark-cli, apk add tshark",
    "darwin": "brew install wireshark, or the package of wireshark.org",
    "win32": "winget install WiresharkFoundation.Wireshark, with the component TShark",
}
# Where installers put tshark without adding it to PATH.
PLACES: Final = {
    "darwin": ("/Applications/Wireshark.app/Contents/MacOS/tshark",),
    "win32": (r"C:\Program Files\Wireshark\tshark.exe", r"C:\Program Files (x86)\Wireshark\tshark.exe"),
}


def find_tshark() -> str:
    """The path of tshark. Says how to install it where there is none."""
    found = shutil.which("tshark")
    for place in () if found else PLACES.get(sys.platform, ()):
        if os.path.isfile(place):
            found = place
    if found is None:
        how = INSTALL.get(sys.platform, INSTALL["linux"])
        raise click.ClickException(f"--deep needs Wireshark's tshark, and none is installed. To install it: {how}.")
    return found


def dissection_rows(capture: str, number: int) -> list[Row]:
    """Wireshark's tree of frame `number`. Raises ClickException where there is none."""
    document = pdml_of(capture, number, find_tshark())
    rows: list[Row] = []
    for layer in ElementTree.fromstring(document).iterfind("proto"):
        if layer.get("name") != SKIPPED:
            _node(rows, layer, 0)
    return rows


def pdml_of(capture: str, number: int, tshark: str) -> bytes:
    """The PDML of one frame. tshark reads up to that frame only, so that reassembly and numbers are right."""
    import pyshark
    from pyshark.tshark.output_parser.tshark_xml import DEL_BAD_XML_CHARS, TsharkXmlParser

    class Parser(TsharkXmlParser):  # type: ignore[misc]
        """Leaves the XML whole: pyshark's own layers forget which field lies within which."""

        def _parse_single_packet(self, packet: bytes) -> bytes:
            return packet.decode(errors="replace").translate(DEL_BAD_XML_CHARS).encode()

    class OneFrame(pyshark.FileCapture):  # type: ignore[misc]
        exit_code = 0

        def _setup_tshark_output_parser(self) -> TsharkXmlParser:
            return Parser()

        async def _cleanup_subprocess(self, process: Process) -> None:
            """Let tshark end by itself: killing it while it ends, as pyshark does, now and then loses its exit code."""
            if not self._eof_reached:
                process.kill()
            await asyncio.gather(*self._stderr_handling_tasks)
            self.exit_code = await process.wait()
            self._running_processes.discard(process)

    if not os.path.isfile(capture):
        raise click.ClickException(f"{capture}: no such file")
    # A loop of our own: pyshark would set a child watcher, which newer versions of Python no longer have.
    loop = asyncio.new_event_loop()
    reader: Any = OneFrame(
        capture, display_filter=f"frame.number == {number}", custom_parameters=["-c", str(number)],
        keep_packets=False, tshark_path=tshark, eventloop=loop,
    )
    try:
        found: list[bytes] = list(reader._packet_generator)
    finally:
        loop.close()
    if found:
        return found[0]
    if reader.exit_code:
        raise click.ClickException(terminal_text(f"tshark cannot read {capture}: {reader._last_error_line}"))
    raise click.ClickException(f"{capture} has no frame {number}.")


def _node(rows: list[Row], node: ElementTree.Element, depth: int) -> None:
    """A layer or a field and all that lies within, one row each."""
    if node.get("hide") == "yes" or depth > DEEPEST:
        return
    wrapped = node.get("name") == WRAPPER
    text = node.get("showname") or node.get("show") or node.get("name") or ""
    if text and not wrapped:
        rows.append(Row().to(depth * STEP).add(text, TITLE if depth == 0 else None))
    for child in node:
        _node(rows, child, depth if wrapped else depth + 1)
