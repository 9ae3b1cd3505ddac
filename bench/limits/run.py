"""Records what is not recorded yet, compares all of it, and adds up."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.limits.compare import CONTROLS, POINTS, WINDOW_OFF, Compared, compared, told_of
from bench.limits.named import Names, counted
from bench.limits.record import HOSTS, capture, controls, counters, made, record, samples, why_not
from bench.limits.transfers import MORE, PACED, TRANSFERS, Transfer
from bench.limits.truth import read
from samples.record.lab import LabError

FOLDER: Final = Path(__file__).parents[2] / "build" / "limits"
SHARES_WANTED: Final = 95       # per cent of the transfers
WINDOWS_WANTED: Final = 80      # per cent of the round trips


def chosen(names: list[str]) -> list[Transfer]:
    """Those whose name begins with one of the names; all of them without a name."""
    return [one for one in TRANSFERS if not names or any(one.name.startswith(name) for name in names)]


def ready(folder: Path, transfers: list[Transfer]) -> Iterator[Transfer]:
    """Those that are recorded, or can be now. What cannot be is said."""
    reason, has = why_not(), controls()
    folder.mkdir(parents=True, exist_ok=True)
    for one in transfers:
        if not made(folder, one):
            why = reason or ("" if one.control in has else f"the kernel has no {one.control}")
            try:
                if not why:
                    record(folder, one)
            except LabError as error:
                why = str(error)
            if why:
                print(f"{one.name:36} not recorded: {why}", flush=True)
                continue
        yield one


def lines(folder: Path, transfer: Transfer, names: Names | None = None) -> Iterator[Compared]:
    """Of both captures.     names: where what is said by name is counted, of the capture at the sender."""
    sender = "client" if transfer.upload else "server"
    said = read(samples(folder, transfer, sender))
    for host in HOSTS:
        late = 0 if host == sender else int(transfer.delay_ms * 1e6)
        name = f"{transfer.name}-{'sender' if host == sender else 'receiver'}"
        _analysis, told = told_of(capture(folder, transfer, host))
        if names is not None and host == sender:
            counters_of = counted(counters(folder, transfer, host))
            names.take(transfer.name, transfer.control, told, HOSTS.index(sender), counters_of, said)
        if transfer not in MORE:
            yield compared(name, told, said, sender=HOSTS.index(sender), late=late, paced=transfer.control in PACED)


def main(names: list[str]) -> int:
    found: list[Compared] = []
    named: list[bool | None] = []       # is the congestion control the one that was set; None where none is named
    by_name = Names()
    for transfer in ready(FOLDER, chosen(names)):
        for one in lines(FOLDER, transfer, by_name):
            print(one.line(), flush=True)
            found.append(one)
            named.append(CONTROLS.get(one.control) == transfer.control if one.control else None)
    if not found:
        return 2
    near, strict = sum(one.near() for one in found), sum(one.near_counters() for one in found)
    trips, right = sum(one.trips for one in found), sum(one.right for one in found)
    print(
        f"\nshares   {near} of {len(found)} within {POINTS:.0f} points, {100 * near / len(found):.0f} % (wanted "
        f"{SHARES_WANTED} %); with rwnd_limited of senders that pace too, {strict}"
        f"\nwindows  {right} of {trips} round trips within {WINDOW_OFF} %, {100 * right / max(trips, 1):.0f} % (wanted "
        f"{WINDOWS_WANTED} %)"
        f"\ncontrol  named for {len(found) - named.count(None)} of {len(found)}, {named.count(False)} of them wrong"
    )
    print("\n".join(by_name.lines()))
    enough = 100 * near >= SHARES_WANTED * len(found) and 100 * right >= WINDOWS_WANTED * trips
    return 0 if enough and False not in named and not by_name.wrong() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
