"""A second opinion: Wireshark's own dissection of one frame, through pyshark and an installed tshark."""
from __future__ import annotations

import asyncio
import os
import sys
from typing import Final
from xml.etree import ElementTree

import click

from analyzer.programs import Finished, ProgramError, find_program, private_folder, run_program
from analyzer.report.escape import terminal_text
from analyzer.report.rows import TITLE, Row

MAX_PDML: Final = 32 << 20      # octets of what tshark says of one frame
DEEP_SECONDS: Final = 900       # for tshark, which reads the capture up to that frame

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
    found = find_program("tshark", PLACES.get(sys.platform, ()))
    if not found:
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
    if not os.path.isfile(capture):
        raise click.ClickException(terminal_text(f"{capture}: no such file"))
    path = os.path.abspath(capture)
    command = [tshark, "-n", "-T", "pdml", "-r", path, "-Y", f"frame.number == {number}", "-c", str(number)]
    try:
        with private_folder() as folder:
            done = run_program(command, folder, DEEP_SECONDS, MAX_PDML)
    except (OSError, ProgramError) as error:
        raise click.ClickException(terminal_text(f"tshark failed: {error}")) from None
    found = asyncio.run(_first_packet(done.output))
    if found:
        return found
    if done.code:
        raise click.ClickException(terminal_text(f"tshark cannot read {capture}: {_last_line(done)}"))
    raise click.ClickException(terminal_text(f"{capture} has no frame {number}."))


async def _first_packet(pdml: bytes) -> bytes:
    """What pyshark finds in the output of tshark, b"" where that is no packet.

    Only its parser is used: what starts tshark there takes the place of programs from a `config.ini` in the current
    folder.
    """
    from pyshark.tshark.output_parser.tshark_xml import DEL_BAD_XML_CHARS, TsharkXmlParser

    class Parser(TsharkXmlParser):  # type: ignore[misc]
        """Leaves the XML whole: pyshark's own layers forget which field lies within which."""

        def _parse_single_packet(self, packet: bytes) -> bytes:
            return packet.decode(errors="replace").translate(DEL_BAD_XML_CHARS).encode()

    nothing_more = asyncio.StreamReader()
    nothing_more.feed_eof()
    try:
        packet, _rest = await Parser().get_packets_from_stream(nothing_more, pdml)
    except EOFError:
        return b""
    return packet or b""


def _last_line(done: Finished) -> str:
    lines = done.errors.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"it ended with {done.code} and gave no reason"


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
