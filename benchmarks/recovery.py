"""The cost of disturbances, judged by real nginx at 10/s without a burst.

    python -m benchmarks.recovery [--runs 3] [--only outage] [--write]

The disturbances are an outage, a restart, another program, a wrong rate, and services that count by
windows. Each strikes in the middle of the work of many coroutines. Figures in intervals count from
its end. An outage ends at the worst moment: right after a refused probe. "Steady" is the first
accepted request from which on five gaps in a row are at most 10 % longer than the usual one, the
median before the disturbance. Requests in flight are counted at the wire, which delays each way:
over 40 ms an answer is there before the next request is due, over 100 ms two requests are usually
on their way. Another program takes every second start of the rate and insists on it, so half of the
rate is free beside it.
"""

from __future__ import annotations

import argparse
import asyncio

from benchmarks.disturbances import DISTURBANCES, Disturbance
from benchmarks.recovery_figures import Figure
from cronapi.emulator import create_app, run_in_thread


def rows(disturbance: Disturbance, runs: list[list[Figure]]) -> list[str]:
    """Return the table rows of a disturbance; an aim is reached only if every run reached it."""
    lines = []
    for figures in zip(*runs, strict=True):
        values = " / ".join(f"{figure.value:{figure.form}}" for figure in figures)
        reached = (
            "-"
            if figures[0].aim == "-"
            else ("reached" if all(figure.reached for figure in figures) else "missed")
        )
        title, one = str(disturbance.__doc__).rstrip("."), figures[0]
        lines.append(f"| {title} | {one.what} | {values} | {one.aim} | {reached} |")
    return lines


def measure(runs: int, only: str = "") -> str:
    """Return the table of the disturbances with `only` in their name, measured in turn."""
    lines = ["| disturbance | figure | runs | aim | |", "|---|---|---:|---|---|"]
    with run_in_thread(create_app(rates={"fastcron": None, "setcronjob": None})) as service:
        for disturbance in DISTURBANCES:
            if only in disturbance.__name__:
                lines += rows(disturbance, [asyncio.run(disturbance(service)) for _ in range(runs)])
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, and write the section with `--write`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    table = measure(args.runs, args.only)
    print(table)
    if args.write:
        from benchmarks import results  # noqa: PLC0415 -- only for writing

        results.write(
            "Recovery", f"{str(__doc__).strip()}\n\n{table}\n\n{results.footing('httpx')}"
        )


if __name__ == "__main__":
    main()
