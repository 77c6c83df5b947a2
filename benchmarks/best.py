"""Every cell of the pace beside the best peer in it, in one screen, judged by real nginx.

    python -m benchmarks.best [--rate 10] [--write]

cronapi and its rivals play seven times a cell, in turns, under the conditions of
`benchmarks.pacing`. The best peer of a cell has the greatest median share of the rate among those
that were refused at most 6 % of their calls. cronapi keeps up if its median is at least that of the
best peer less its noise, the standard deviation of its runs. The rivals are those that came near
the best in the matrix of `benchmarks.pacing` with so few refusals; all others are in its table.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence

from benchmarks import results
from benchmarks.pacing import CELLS, Cell, Table, measure
from benchmarks.players import CRONAPI, MOST_REFUSED, Result, titled

ROUNDS = 7
RIVALS = {
    True: ("aiolimiter(rate, 1)", "aiolimiter(1, 1/rate)"),
    False: ("aiolimiter(1, 1/rate)", "pyrate-limiter, burst of 1", "throttled-py, burst of 1"),
}
"""By the server: True if it allows bursts."""
HEAD = (
    "| cell | best peer | its share | its 503s | cronapi | its 503s | |\n"
    "|---|---|---:|---:|---:|---:|---|"
)


def _share(runs: Sequence[Result]) -> float:
    return statistics.median(run.share for run in runs)


def _refused(runs: Sequence[Result]) -> float:
    return sum(run.refusals for run in runs) / sum(run.counted for run in runs)


def best_peer(played: Mapping[str, Sequence[Result]]) -> str | None:
    """Return the peer with the greatest share among those with few refusals, or None."""
    fair = {
        name: _share(runs)
        for name, runs in played.items()
        if name != CRONAPI and _refused(runs) <= MOST_REFUSED
    }
    return max(fair, key=lambda name: fair[name], default=None)


def row(cell: Cell, played: Mapping[str, Sequence[Result]]) -> str:
    """Return the line of a cell: the best peer, cronapi, and the verdict."""
    ours, peer = played[CRONAPI], best_peer(played)
    mine = f"{_share(ours):.3f} | {_refused(ours):.1%}"
    if peer is None:
        return f"| {cell.words} | none under {MOST_REFUSED:.0%} | - | - | {mine} | ahead |"
    runs = played[peer]
    noise = statistics.stdev(run.share for run in runs)
    ahead = round(round(_share(ours), 3) - round(_share(runs), 3), 3)  # as they are shown
    verdict = (
        "ahead"
        if ahead > 0
        else "level"
        if ahead >= -round(noise, 3)
        else f"**behind by {-ahead:.3f}**"
    )
    theirs = f"{titled(peer)} | {_share(runs):.3f} ± {noise:.3f} | {_refused(runs):.1%}"
    return f"| {cell.words} | {theirs} | {mine} | {verdict} |"


def screen(table: Table) -> str:
    """Return the table of all cells."""
    return "\n".join([HEAD, *(row(cell, played) for cell, played in table.items())])


def main() -> None:
    """Measure, print the screen, and write it with `--write`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, help="only the cells of this rate")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results.md")
    args = parser.parse_args()
    table: Table = {}
    for bursts, rivals in RIVALS.items():
        cells = [
            cell for cell in CELLS if bool(cell.burst) is bursts and args.rate in (None, cell.rate)
        ]
        table |= measure(cells, [*rivals, CRONAPI], rounds=ROUNDS)
    text = screen({cell: table[cell] for cell in CELLS if cell in table})
    print(text)
    if args.write:
        results.write_screen(
            f"{text}\n\nMedians of {ROUNDS} runs, written by `python -m benchmarks.best --write`."
        )


if __name__ == "__main__":
    main()
