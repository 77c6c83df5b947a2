"""All cells of the pace in simulated time, beside the same cells of an earlier commit.

    python -m benchmarks.cells [--before COMMIT] [--runs 40] [--only "burst 5"]

Every run has a seed, so the table is the same on any machine and however busy that is. "usual" has
one client and one judge. In "working" the service takes a time of its own for each request.
"shared" has another program that takes every second start for 200 intervals. In "lowered" the judge
allows less from the hundredth interval on, and in "stops" it allows no bursts from the 250th on. A
figure that changed by more than twice its standard error is marked as better (+) or worse (-).
Refusals are per accepted call, or a number in "stops".
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.support.simulated import Conditions, Run, simulate

LEARNING = 20
MANY = 10**6
ROOT = Path(__file__).parents[1]
WIRES = {
    "clean": (0.0005, 0.0001),
    "2 ms": (0.04, 0.002),
    "10 ms": (0.04, 0.01),
    "30 ms": (0.04, 0.03),
}
ROADS = (
    *((10, 0.0006, 0.0002), (10, 0.015, 0.001), (10, 0.015, 0.01), (10, 0.1, 0.01)),
    *((10, 0.2, 0.01), (1, 0.0006, 0.0002), (1, 0.04, 0.002), (1, 0.04, 0.1)),
    *((1, 1.0, 0.1), (1, 2.0, 0.1)),
)
"""Rates, ways and jitters; in the last ones several requests are under way."""
Figures = dict[str, float]
Table = dict[str, dict[str, tuple[float, float]]]


# --- cells ---


def usual() -> dict[str, Conditions]:
    """Return the cells of one client and one judge."""
    cells = {
        f"{rate}/s burst {burst} {name}": Conditions(rate, burst, *wire, calls=calls)
        for rate, calls in ((1, 80), (10, 220))
        for burst in (0, 1, 5)
        for name, wire in WIRES.items()
    }
    for name, wire in WIRES.items():
        cells[f"10/s burst 0 {name} long"] = Conditions(10, 0, *wire, calls=3000)
        cells[f"10/s sliding {name}"] = Conditions(10, 0, *wire, method="sliding")
        cells[f"10/s fixed {name}"] = Conditions(10, 0, *wire, method="fixed")
    for burst in (0, 5):
        cells[f"10/s burst {burst} busy"] = Conditions(10, burst, busy=True)
        cells[f"1/s burst {burst} long"] = Conditions(1, burst, calls=1000)
        cells[f"100/s burst {burst}"] = Conditions(100, burst, calls=1020)
        cells[f"100/s burst {burst} busy"] = Conditions(100, burst, calls=1020, busy=True)
    for burst, busy in ((0, False), (20, False), (20, True)):
        cells[f"1000/s burst {burst}{' busy' * busy}"] = Conditions(
            1000, burst, method="leaky", calls=5020, seats=MANY, busy=busy
        )
    cells["10/s far away 4 ms"] = Conditions(10, 0, 0.3, 0.004)
    cells["10/s far away 10 ms long"] = Conditions(10, 0, 0.3, 0.01, calls=2000)
    return cells


def working() -> dict[str, Conditions]:
    """Return the cells whose service works on a request after it has counted it."""
    wires = ((0.0005, 0.0001), (0.04, 0.002), (0.04, 0.01))
    return {
        f"{rate}/s, {way * 1e3:g} ms with {jitter * 1e3:g}, {work * 1e3:g} ms of work": Conditions(
            rate, 0, way, jitter, calls=220, work=work
        )
        for rate, works in ((1, (0.3, 1.0)), (10, (0.05, 0.2)))
        for work in works
        for way, jitter in wires
    }


def told_too_much() -> dict[str, Conditions]:
    """Return the cells whose client believes in a higher rate than is allowed."""
    return {
        f"10/s told {factor:g} times": Conditions(
            10 * factor, 0, 0.04, 0.002, calls=300, changes_at=0.0, later_rate=10.0
        )
        for factor in (1.05, 1.25, 2.0)
    }


def shared() -> dict[str, Conditions]:
    """Return the cells with another program."""
    return {
        f"{rate}/s, {way * 1e3:g} ms with {jitter * 1e3:g}": Conditions(
            rate, 0, way, jitter, calls=450, shared=(100.37 / rate, 300 / rate)
        )
        for rate, way, jitter in ROADS
    }


def lowered() -> dict[str, Conditions]:
    """Return the cells whose judge lowers the rate."""
    return {
        f"{rate}/s to {part:g}, {way * 1e3:g} ms with {jitter * 1e3:g}": Conditions(
            rate, 0, way, jitter, calls=900, changes_at=100 / rate, later_rate=rate * part
        )
        for rate, way, jitter in ((10, 0.015, 0.001), (10, 0.1, 0.01), (1, 1.0, 0.1))
        for part in (0.5, 0.8)
    }


def stops() -> dict[str, Conditions]:
    """Return the cells whose judge stops allowing bursts."""
    return {
        f"{rate}/s burst {burst}": Conditions(rate, burst, calls=400, changes_at=250 / rate)
        for rate, burst in ((1, 5), (10, 5), (100, 5), (1000, 20))
    }


# --- figures ---


def _used(run: Run, since: float, rate: float) -> Figures:
    share = run.rate(since) / rate
    return {"share": share, "refused": run.refusals(since) / run.rate(since) / _span(run, since)}


def _span(run: Run, since: float) -> float:
    return run.accepted[-1] - since


def of_usual(one: Conditions, run: Run) -> Figures:
    """Return the share of the rate after learning, and the refusals."""
    return _used(run, run.accepted[LEARNING - 1], one.rate)


def of_told(one: Conditions, run: Run) -> Figures:
    """Return the share of the rate after a hundred calls, and the refusals."""
    return _used(run, run.accepted[99], one.later_rate)


def of_shared(one: Conditions, run: Run) -> Figures:
    """Return the share of what is free, and of the usual speed in spans after the end."""
    begin, end = one.shared or (0.0, 0.0)
    usual_rate = run.rate(begin - 60 / one.rate, begin)
    after = {
        f"after {since}-{until}": run.rate(end + since / one.rate, end + until / one.rate)
        / usual_rate
        for since, until in ((10, 30), (30, 60), (60, 100))
    }
    return {"meanwhile": run.rate(begin + 30 / one.rate, end) * 2 / one.rate, **after}


def of_lowered(one: Conditions, run: Run) -> Figures:
    """Return the share of the lower rate and the refusals once the trust is over."""
    over = max(35, 305 / one.rate)  # no release trusts for longer
    return _used(run, one.changes_at + over + 20 / one.later_rate, one.later_rate)


def of_stops(one: Conditions, run: Run) -> Figures:
    """Return the refusals within fifty intervals, and the share before."""
    at = one.changes_at
    return {
        "refused": run.refusals(at, at + 50 / one.rate),
        "share before": run.rate(at - 100 / one.rate, at) / one.rate,
    }


KINDS: dict[str, tuple[dict[str, Conditions], Callable[[Conditions, Run], Figures]]] = {
    "usual": (usual(), of_usual),
    "working": (working(), of_usual),
    "told": (told_too_much(), of_told),
    "shared": (shared(), of_shared),
    "lowered": (lowered(), of_lowered),
    "stops": (stops(), of_stops),
}


# --- before and after ---


def measure(runs: int, only: str) -> Table:
    """Return the mean of every figure of every cell with its standard error."""
    table: Table = {}
    for kind, (cells, figures) in KINDS.items():
        for name, one in cells.items():
            if only in f"{kind}: {name}":
                played = [figures(one, simulate(one, seed)) for seed in range(runs)]
                table[f"{kind}: {name}"] = {key: _mean(played, key) for key in played[0]}
    return table


def _mean(played: list[Figures], key: str) -> tuple[float, float]:
    values = [figures[key] for figures in played]
    return statistics.mean(values), statistics.stdev(values) / math.sqrt(len(values))


def measure_commit(commit: str, runs: int, only: str) -> Table:
    """Return the same table with the library as of a commit."""
    with tempfile.TemporaryDirectory() as room:
        archive = ["git", "archive", commit, "cronapi"]
        data = subprocess.run(archive, cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S603 -- our own repository
        with tarfile.open(fileobj=io.BytesIO(data)) as files:
            files.extractall(room)  # noqa: S202 -- the same
        for package in ("benchmarks", "tests"):
            Path(room, package).symlink_to(ROOT / package)
        command = [sys.executable, "-m", "benchmarks.cells", "--json"]
        said = subprocess.run(  # noqa: S603 -- this very script
            [*command, "--runs", str(runs), "--only", only],
            cwd=room,
            env={**os.environ, "PYTHONPATH": room},
            capture_output=True,
            check=True,
        )
    table: Table = json.loads(said.stdout)
    return table


def shown(before: Table, after: Table) -> str:
    """Return both tables as one, in Markdown."""
    lines = ["| cell | figure | before | after | |", "|---|---|---:|---:|---|"]
    for cell, figures in after.items():
        for key, (mean, error) in figures.items():
            was, its_error = before[cell][key]
            better = (mean - was) * (-1 if key == "refused" else 1)
            noise = 2 * math.hypot(error, its_error)
            sign = "" if abs(better) <= noise else "+" if better > 0 else "-"
            lines.append(f"| {cell} | {key} | {was:.3f} | {mean:.3f} | {sign} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table of before and after."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", default="HEAD", metavar="COMMIT")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--only", default="", help="a part of the cells' names")
    parser.add_argument("--json", action="store_true", help="this commit alone, as JSON")
    args = parser.parse_args()
    after = measure(args.runs, args.only)
    if args.json:
        print(json.dumps(after))
    else:
        print(shown(measure_commit(args.before, args.runs, args.only), after))


if __name__ == "__main__":
    main()
