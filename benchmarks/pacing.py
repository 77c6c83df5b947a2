r"""The share of the allowed rate that a client uses, and its refusals, judged by real nginx.

    python -m benchmarks.pacing [--write]
    python -m benchmarks.pacing --rate 10 --burst 0 --wire 0.04 0.01 --calls 100 \
        --players cronapi "aiolimiter(1, 1/rate)"

cronapi, fixed spacings and peers are compared. Without options the whole matrix is measured, in
about half an hour. Each client has an nginx, a wire and a process of its own. Where the rate is
low, it runs beside others of the same cell. The first 20 calls are for learning, and the share is
that of the calls after them: counted calls / rate / (time of the last answer - time of the 20th).
cronapi runs three times a cell.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import shlex
import statistics
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack
from threading import Lock
from typing import NamedTuple, Self

from attrs import frozen

from benchmarks import chart, players, results
from benchmarks.players import (
    CRONAPI,
    FIXED,
    LEARNING,
    LOUD,
    MARGINS,
    MOST_REFUSED,
    PEERS,
    WIDER,
    Result,
    best_fixed,
)
from cronapi.emulator import create_app, run_in_thread
from tests.support.judges import NGINX, nginx, wire

TITLE = "The pace, judged by real nginx"
RUNS = 3
CALLS = {1: 60, 10: 200, 100: 1000}
AT_ONCE = {1: 44, 10: 6, 100: 1}
"""Clients that run beside each other, by rate. At 1/s, where 10 ms are 1 % of a call, two cells."""
AT_ONCE_NEARBY = {1: 44, 10: 2, 100: 1}
"""The same on a clean wire without a burst: there, at 10/s, other clients' work costs too much."""
SWEEP = tuple(name for name, margin in FIXED.items() if margin in MARGINS)
EXTRA = tuple(name for name, margin in FIXED.items() if margin in WIDER)
WIRES = ((0.0, 0.0), (0.04, 0.002), (0.04, 0.01), (0.04, 0.03))


class Cell(NamedTuple):
    """The conditions of a client: nginx's rate and burst, and the wire's delays in seconds."""

    rate: int
    burst: int
    mean: float = 0.0
    jitter: float = 0.0

    @property
    def words(self) -> str:
        """The cell in words."""
        road = (
            f"{self.mean * 1e3:g} ms with {self.jitter * 1e3:g} ms of jitter"
            if self.mean
            else "clean"
        )
        return f"{self.rate}/s, burst {self.burst}, wire {road}"


CELLS = [Cell(rate, burst, *road) for rate in (1, 10) for burst in (0, 5) for road in WIRES] + [
    Cell(100, 0)
]
CHARTED = {
    "on a clean wire": Cell(10, 0),
    "over 40 ms of wire with 10 ms of jitter": Cell(10, 0, 0.04, 0.01),
}


class Game(NamedTuple):
    """One run of one client in one cell."""

    cell: Cell
    name: str
    run: int
    calls: int


@frozen
class Standing:
    """The result of a client in a cell, over all its runs."""

    name: str
    share: float
    of_best: float
    refused: float
    lost: int


Table = dict[Cell, dict[str, list[Result]]]


# --- playing ---


class Stage:
    """The service, and a process for each client that runs at once."""

    def __init__(self, service: str, at_once: int) -> None:
        self._service, self._lock = service, Lock()
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload(["benchmarks.pacing"])
        self._processes = ProcessPoolExecutor(at_once, forks)
        self._seats = ThreadPoolExecutor(at_once)
        # So that no process is still being started while another's client plays.
        wait([self._processes.submit(players.warm_up) for _ in range(at_once)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._seats.shutdown(cancel_futures=True)
        self._processes.shutdown()

    def play(self, games: Iterable[Game]) -> Iterator[tuple[Game, Result]]:
        """Play games beside each other, and yield each result as its game ends."""
        playing = {self._seats.submit(self._play, game): game for game in games}
        for future in as_completed(playing):
            yield playing[future], future.result()

    def _play(self, game: Game) -> Result:
        cell = game.cell
        with ExitStack() as stack:
            with self._lock:  # so that no two find the same port free
                origin = stack.enter_context(nginx(self._service, cell.rate, cell.burst)).origin
            if cell.mean:
                origin = stack.enter_context(wire(origin, cell.mean, cell.jitter, seed=game.run))
            return self._processes.submit(
                players.play, game.name, origin, cell.rate, LEARNING + game.calls
            ).result()


def measure(
    cells: Sequence[Cell],
    names: Sequence[str],
    calls: int | None = None,
    at_once: int | None = None,
    rounds: int | None = None,
) -> Table:
    """Return the results of every client in every cell, measured rate by rate.

    With `rounds` each client plays so often, in turns. Otherwise only cronapi plays several times.
    """
    table: Table = {cell: {} for cell in cells}
    with run_in_thread(create_app(rates={"fastcron": None, "setcronjob": None})) as service:
        for rate, beside in sorted({(cell.rate, _beside(cell)) for cell in cells}):
            alike = [cell for cell in cells if (cell.rate, _beside(cell)) == (rate, beside)]
            with Stage(service, at_once or beside) as stage:
                counted = calls or CALLS.get(rate, 100)
                _measure_cells(stage, table, alike, names, counted, rounds)
    return table


def _beside(cell: Cell) -> int:
    """Return the number of clients that run beside each other in a cell."""
    return (AT_ONCE if cell.mean or cell.burst else AT_ONCE_NEARBY).get(cell.rate, 1)


def _measure_cells(
    stage: Stage,
    table: Table,
    cells: Sequence[Cell],
    names: Sequence[str],
    calls: int,
    rounds: int | None,
) -> None:
    def play(who: Sequence[str], where: Iterable[Cell]) -> None:
        order = in_turns(who, rounds) if rounds else _line_up(who)
        games = [Game(cell, name, run, calls) for cell in where for name, run in order]
        for number, (game, result) in enumerate(stage.play(games), 1):
            table[game.cell].setdefault(game.name, []).append(result)
            print(
                f"{number}/{len(games)} {game.cell.words}: {game.name}: {result.share:.3f}",
                file=sys.stderr,
            )

    play([name for name in names if name not in LOUD], cells)
    play([name for name in names if name in LOUD], cells)
    if set(SWEEP) <= set(names):
        play(EXTRA, [cell for cell in cells if best_fixed(table[cell]) is None])


def in_turns(names: Sequence[str], rounds: int) -> list[tuple[str, int]]:
    """Return the order of runs in which each client has its turn in each round."""
    return [(name, run) for run in range(1, rounds + 1) for name in names]


def _line_up(names: Iterable[str]) -> list[tuple[str, int]]:
    """Return the order of the runs: cronapi's are spread among the fixed spacings."""
    others = [(name, 1) for name in names if name != CRONAPI]
    if CRONAPI in names:
        for run in range(1, RUNS + 1):
            others.insert((run - 1) * (len(SWEEP) // RUNS + 1), (CRONAPI, run))
    return others


# --- judging ---


def standings(played: dict[str, list[Result]]) -> dict[str, Standing]:
    """Return the standings of the best fixed spacing, the peers and cronapi in one cell."""
    best = best_fixed(played)
    top = played[best][0].share if best else float("nan")
    shown = [name for name in (best, *PEERS, CRONAPI) if name in played]
    return {name: _standing(name, played[name], top) for name in shown if name}


def _standing(name: str, runs: list[Result], top: float) -> Standing:
    share = statistics.median(run.share for run in runs)
    refused = sum(run.refusals for run in runs) / sum(run.counted for run in runs)
    title = (
        f"best fixed spacing ({name.removeprefix('fixed ')})"
        if name in FIXED
        else players.titled(name)
    )
    return Standing(title, share, share / top, refused, sum(run.lost for run in runs))


def aims(cell: Cell) -> dict[str, float]:
    """Return cronapi's aims in a cell: least shares and most refusals."""
    wanted = {
        "of the best fixed": 0.95,
        "503s per call": 0.05 if cell.jitter and not cell.burst else 0.02,
    }
    if cell.burst or (not cell.mean and cell.rate <= 10):
        wanted["share of the rate"] = 0.97
    return wanted


def missed(cell: Cell, standing: Standing) -> list[str]:
    """Return the missed aims."""
    wanted = aims(cell)
    reached = {
        "share of the rate": standing.share >= wanted.get("share of the rate", 0),
        "of the best fixed": standing.of_best >= wanted["of the best fixed"],
        "503s per call": standing.refused <= wanted["503s per call"],
        "lost": standing.lost == 0,
    }
    return [name for name, yes in reached.items() if not yes]


# --- showing ---


def summary(table: Table) -> str:
    """Return cronapi's standing and its aims in every cell, as a Markdown table."""
    lines = [
        (
            "| cell | share of the rate | of the best fixed | 503s per call | lost"
            " | aims: rate, best, 503s | |"
        ),
        "|---|---:|---:|---:|---:|---|---|",
    ]
    for cell, played in table.items():
        if CRONAPI in played:
            one, wanted = standings(played)[CRONAPI], aims(cell)
            rate = f"{wanted['share of the rate']:.2f}" if "share of the rate" in wanted else "-"
            aim = f"{rate}, {wanted['of the best fixed']:.2f}, {wanted['503s per call']:.0%}"
            lines.append(
                f"| {cell.words} | {_figures(one)} | {aim} | {_verdict(missed(cell, one))} |"
            )
    return "\n".join(lines)


def _verdict(missing: list[str]) -> str:
    return f"**missed**: {', '.join(missing)}" if missing else "reached"


def _figures(one: Standing) -> str:
    of_best = "-" if math.isnan(one.of_best) else f"{one.of_best:.3f}"
    return f"{one.share:.3f} | {of_best} | {one.refused:.1%} | {one.lost}"


def details(table: Table) -> str:
    """Return every client's standing in every cell, as Markdown tables."""
    head = (
        "| client | share of the rate | of the best fixed | 503s per call | lost |\n"
        "|---|---:|---:|---:|---:|"
    )
    parts = []
    for cell, played in table.items():
        rows = [f"| {one.name} | {_figures(one)} |" for one in standings(played).values()]
        parts.append("\n".join([f"{cell.words[0].upper()}{cell.words[1:]}:\n", head, *rows]))
    return "\n\n".join(parts)


def section(table: Table, counted: str) -> str:
    """Return the section of the results; `counted` describes the counted calls."""
    lost = f"not answered in {players.ATTEMPTS} attempts or {players.PATIENCE} times the ideal time"
    beside = ", ".join(f"{AT_ONCE[rate]} at {rate}/s" for rate in sorted(AT_ONCE))
    words = (
        f"`limit_req` of {_nginx_version()}, all calls at once: {LEARNING} for learning, then "
        f"{counted}. The best fixed spacing is the best of {len(MARGINS)} in the same run with at "
        f"most {MOST_REFUSED:.0%} refusals. cronapi ran {RUNS} times a cell: the median share, and "
        f"the refusals and lost calls of all. A lost call was {lost}. Clients that run beside each "
        f"other, each with an nginx of its own: {beside} ({AT_ONCE_NEARBY[10]} on the clean wire "
        "without a burst)."
    )
    return (
        f"{textwrap.fill(words, 100)}\n\n"
        f"    {shlex.join(['python', '-m', 'benchmarks.pacing', *sys.argv[1:]])}\n\n"
        f"{summary(table)}\n\nEvery client:\n\n{details(table)}\n\n"
        f"{results.footing('cronapi-client', 'httpx', 'anyio')}"
    )


def _nginx_version() -> str:
    said = subprocess.run([str(NGINX), "-v"], capture_output=True, text=True, check=True)  # noqa: S603 -- the one that judges
    return said.stderr.partition(": ")[2].strip().replace("/", " ")


def write(table: Table, calls: int | None) -> None:
    """Write the section of the results, and the chart if its cells were measured."""
    usual = ", ".join(f"{CALLS[rate]} at {rate}/s" for rate in sorted(CALLS))
    results.write(TITLE, section(table, str(calls) if calls else usual))
    if all(cell in table for cell in CHARTED.values()):
        chart.write(
            {f"{cell.rate} a second {where}": _bars(table[cell]) for where, cell in CHARTED.items()}
        )


def _bars(played: dict[str, list[Result]]) -> list[chart.Bar]:
    return [
        chart.Bar(one.name, one.share, one.refused, one.lost, name == CRONAPI)
        for name, one in standings(played).items()
    ]


def chosen(rate: int | None, burst: int | None, road: Sequence[float] | None) -> list[Cell]:
    """Return the cells of the matrix that fit the options, or else the one cell they describe."""
    found = [
        cell
        for cell in CELLS
        if rate in (None, cell.rate)
        and burst in (None, cell.burst)
        and (road is None or tuple(road) == (cell.mean, cell.jitter))
    ]
    mean, jitter = road or (0.0, 0.0)
    return found or [Cell(rate or 10, burst or 0, mean, jitter)]


def main() -> None:
    """Measure, print the tables, and write them with `--write`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int)
    parser.add_argument("--burst", type=int)
    parser.add_argument("--wire", type=float, nargs=2, metavar=("MEAN", "JITTER"))
    parser.add_argument("--calls", type=int, help="counted calls after those for learning")
    parser.add_argument(
        "--at-once", type=int, help="clients that run beside each other, at any rate"
    )
    parser.add_argument(
        "--players",
        nargs="+",
        choices=[*SWEEP, *PEERS, CRONAPI],
        default=[*SWEEP, *PEERS, CRONAPI],
        metavar="PLAYER",
    )
    parser.add_argument(
        "--write", action="store_true", help="write benchmarks/results.md and docs/pace.svg"
    )
    args = parser.parse_args()
    table = measure(
        chosen(args.rate, args.burst, args.wire), args.players, args.calls, args.at_once
    )
    print(f"{summary(table)}\n\n{details(table)}")
    if args.write:
        write(table, args.calls)


if __name__ == "__main__":
    main()
