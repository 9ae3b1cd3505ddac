"""Rights that are needed to open a socket, given up once it is open."""
from __future__ import annotations

import os
import sys
from typing import Final

import mypy_extensions

import analyzer
from analyzer.ingest.live import rights
from analyzer.ingest.live.caller import ROOT, Caller, caller, user_name
from analyzer.ingest.live.outputs import Output, allowed
from analyzer.ingest.source import CaptureError

# What a later import reads: Python's own modules, those of others, and ours.
MODULES: Final = (os.__file__, mypy_extensions.__file__ or os.__file__, analyzer.__file__ or os.__file__)
KEEP: Final = "--keep-privileges"
POWERLESS: Final = "root without any capability"


def drop_privileges(
    needed: tuple[str, ...] = MODULES, inputs: tuple[str, ...] = (), outputs: tuple[Output, ...] = (),
    socket: bool = True,
) -> str:
    """Go on as the person who called, or as nobody, without any capability; "" where there was nothing to give up.

    Returns what was done, in a few words. Raises CaptureError where the rights would not go away, or where the user
    could not go on: needed are modules to be read, inputs other files to be read where they are there, and outputs
    files to be written. The process must have no other threads yet: capabilities belong to a thread.

    socket: what is open needed the rights. A pipe or a file did not: where nobody cannot go on with it, root itself
    does, without its capabilities.
    """
    if sys.platform == "win32" or not rights.held():
        return ""
    inputs = tuple([path for path in inputs if os.path.lexists(path)])    # what root sees, the user may not
    who = caller()
    began = "the socket is open; " if socket else ""
    was_root = rights.is_root()
    try:
        rights.regain_root()
        trouble = _hindrance(who, needed, inputs, outputs) if was_root else ""
        if trouble and who.why and not socket:
            who = Caller(0, os.getgid(), [], POWERLESS, f"{trouble}; {KEEP} keeps the capabilities as well")
        elif trouble:
            raise CaptureError(_cannot_go_on(who, trouble))
        bounded = rights.become(who)
        left = rights.left_of(who, bounded)
    except OSError as error:
        raise CaptureError(_not_given_up(f"cannot be given up ({error.strerror or error})")) from error
    if left:
        raise CaptureError(_not_given_up(f"were not given up for good ({left})"))
    if not was_root:
        trouble = _trouble_of(who, needed, inputs, outputs)
        if trouble:
            raise CaptureError(_cannot_go_on(who, trouble))
        return f"{began}capabilities are given up, from here on as {who.name}"
    return f"{began}from here on as {who.name}" + (f" ({who.why})" if who.why else "")


def keep_privileges() -> str:
    """What is said where the rights are kept because the user asks for it; "" where there are none."""
    if sys.platform == "win32" or not rights.held():
        return ""
    what = "root's rights" if rights.is_root() else "capabilities"
    return f"as {whom()}: {what} are kept, as {KEEP} asks"


def whom() -> str:
    """As whom this process acts now."""
    if sys.platform == "win32":
        return os.environ.get("USERNAME", "") or "you"
    user = os.geteuid()
    return ROOT if user == 0 else user_name(user)


def _cannot_go_on(who: Caller, trouble: str) -> str:
    because = f" ({who.why})" if who.why else ""
    return (
        f"{trouble}: wiretale cannot go on as {who.name}{because}, and nothing is captured. Install it where everybody "
        f"can read it, write elsewhere, call it by sudo as somebody who may, or let it keep its rights: {KEEP}"
    )


def _not_given_up(how: str) -> str:
    what = "root's rights" if rights.is_root() else "capabilities"
    return f"{what} {how}; nothing is captured. {KEEP} captures with them"


def _hindrance(who: Caller, needed: tuple[str, ...], inputs: tuple[str, ...], outputs: tuple[Output, ...]) -> str:
    """The first of these files that the user may not read or write, as a clause; "" where there is none.

    Raises OSError where we cannot become that user even for a while.
    """
    if sys.platform == "win32":
        return ""
    rights.set_groups(who.groups)
    before = os.getegid()
    os.setegid(who.group)
    os.seteuid(who.user)
    try:
        return _trouble_of(who, needed, inputs, outputs)
    finally:
        os.seteuid(0)
        os.setegid(before)


def _trouble_of(who: Caller, needed: tuple[str, ...], inputs: tuple[str, ...], outputs: tuple[Output, ...]) -> str:
    """The same for whom we act as now."""
    for path in needed:
        try:
            os.close(os.open(path, os.O_RDONLY))
        except OSError:
            return f"{who.name} may not read {path}, a module that is needed"
    for path in inputs:
        if not allowed(path, os.R_OK):       # not opened: the writer of a pipe would take us for its reader
            return f"{who.name} may not read {path}"
    for output in outputs:
        if not output.may_be_written():
            return f"{who.name} may not write {output.path}"
    return ""


def no_rights(what: str, reason: str) -> CaptureError:
    """What is told somebody who may not capture: what failed, and the ways to get the right, a line each."""
    if sys.platform != "linux":
        return CaptureError(
            f"{what}: no right to capture ({reason}). Run it with sudo, or as a user who may read the BPF devices."
        )
    python = os.path.realpath(sys.executable or "python3")
    return CaptureError(
        f"{what}: no right to capture ({reason}). There are three ways to get it:",
        "  sudo wiretale sniff ...      root opens the socket, then wiretale goes on as you",
        f"  sudo setcap cap_net_raw+ep {python}      everything that this Python runs may then capture",
        "  dumpcap -i ... -w - | wiretale sniff -      as a member of the group that may run dumpcap (wireshark)",
    )
