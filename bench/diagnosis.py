"""Is the cause named first? python -m bench.diagnosis [SAMPLE ...], or limits [TRANSFER ...] (see bench/limits)

Reads each recorded sample, or those that are named, and holds the verdict against tests/faults/expected.tsv: for each
sample with a fault the finding that is its root, with the reason, or `unsure` where the capture is too poor to say.
Where a sample has two faults, the column names both (`a and b`): one of them comes first, and both are named.
Samples that do not stand there are clean: whatever is told of them at warn or above is a false claim. What is known to
be missed has its reason in the column `open`; it counts as missed all the same.

Exits with 1 where something is wrong. Nothing is measured here but what is said.
"""
from __future__ import annotations

import csv
import sys
from pathlib import Path

from analyzer.model import Analysis, Verdict
from analyzer.pipeline.run import Options, analyze
from bench.limits.run import main as limits

ROOT = Path(__file__).parents[1]
EXPECTED = ROOT / "tests" / "faults" / "expected.tsv"
SAMPLES = ROOT / "samples"
ALARMING = ("warn", "error")


def rows() -> list[dict[str, str]]:
    with EXPECTED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def expected() -> dict[str, tuple[str, ...]]:
    """The codes of the root causes, or `unsure`, of each sample with a fault."""
    return {row["sample"]: tuple(row["cause"].split(" and ")) for row in rows()}


def samples() -> list[str]:
    return sorted(str(path.parent.relative_to(SAMPLES)) for path in SAMPLES.glob("*/*/capture.pcapng"))


def judged(*names: str) -> Analysis:
    """Of one sample, or of several merged by time."""
    return analyze([str(SAMPLES / name / "capture.pcapng") for name in names], Options())


def told(analysis: Analysis) -> list[str]:
    """The codes of the verdict's causes in order; `unsure` first where that is the verdict."""
    codes = {finding.number: finding.code for finding in analysis.findings}
    return [
        *(["unsure"] if analysis.verdict.kind == Verdict.UNSURE else []),
        *[codes[cause.finding] for cause in analysis.verdict.causes],
    ]


def false_claims(analysis: Analysis) -> list[str]:
    """Of a clean capture: findings that say that something went wrong."""
    return [finding.code for finding in analysis.findings if finding.severity in ALARMING]


def main(names: list[str]) -> int:
    roots = expected()
    known = {row["sample"]: row["open"] for row in rows() if row["open"]}
    first = named = faults = clean = 0
    wrong, bad = [], 0
    for sample in names or samples():
        analysis = judged(sample)
        causes, said = roots.get(sample), told(analysis)
        if causes is None:
            clean += 1
            claims = false_claims(analysis)
            if claims:
                wrong.append(f"{sample}: clean, and it says {', '.join(claims)}")
                bad += 1
            continue
        faults += 1
        right = said[:1] and said[0] in causes
        first += bool(right)
        named += set(causes) <= set(said)
        if not right or not set(causes) <= set(said):
            root = " and ".join(causes)
            why = f" (open: {known[sample]})" if sample in known else ""
            wrong.append(f"{sample}: {root} expected, and it says {', '.join(said) or 'nothing'}{why}")
            bad += sample not in known
    print("\n".join(wrong))
    false = sum(1 for line in wrong if ": clean, " in line)
    print(f"\nfirst  {first} of {faults}\nnamed  {named} of {faults}\nfalse  {false} of {clean} clean")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(limits(sys.argv[2:]) if sys.argv[1:2] == ["limits"] else main(sys.argv[1:]))
