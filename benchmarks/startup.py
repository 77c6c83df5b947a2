"""What an import costs, each beside the dependency that it cannot do without.

    python -m benchmarks.startup [--runs 40] [--write]

A virtual environment in a temporary folder holds cronapi with its required dependencies, and click.
The commands take turns, each in a fresh process. Figures are processor time over that of a bare
`python -c pass`: other work on the machine disturbs it less than the clock. A ratio is that of the
medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import venv
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parent.parent
RUNS = 40
BARE = "-c pass"
DEPENDENCIES = "import httpx, attrs, cattrs, anyio"


@frozen
class Comparison:
    """A statement or command, the one beside it, and the greatest ratio that is aimed at."""

    measured: str
    beside: str
    aim: float


COMPARISONS = (
    Comparison("import cronapi", "import attrs", 0.2),
    Comparison("import cronapi.errors", "import attrs", 0.5),
    Comparison("import cronapi.models", "import attrs", 1.4),
    Comparison("import cronapi; cronapi.FastCron", DEPENDENCIES, 1.2),
    Comparison("cronapi --help", "import click", 2.5),
)


def install(folder: str) -> Path:
    """Make a virtual environment with cronapi and click, and return its folder of programs."""
    venv.create(folder, with_pip=True)
    programs = Path(folder) / "bin"
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--compile"]
    subprocess.run([*pip, str(ROOT), "click"], check=True)  # noqa: S603 -- the arguments are ours
    return programs


def command(programs: Path, what: str) -> list[str]:
    """Return the arguments of a process that runs a statement or a program."""
    if what == BARE:
        return [str(programs / "python"), "-c", "pass"]
    if what.startswith("import "):
        return [str(programs / "python"), "-c", what]
    name, *arguments = what.split()
    return [str(programs / name), *arguments]


def seconds(arguments: list[str], folder: str) -> float:
    """Return the processor time of a process, in a folder without a source tree."""
    # Without these, Python would compile every module again or read a foreign tree.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    process = subprocess.Popen(  # noqa: S603 -- the arguments are ours
        arguments, cwd=folder, env=env, stdout=subprocess.DEVNULL
    )
    _, process.returncode, used = os.wait4(process.pid, 0)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments)
    return used.ru_utime + used.ru_stime


def measure(runs: int) -> dict[str, float]:
    """Return the median of each command in milliseconds, that of a bare Python taken off."""
    whats = [BARE, *{what: None for one in COMPARISONS for what in (one.measured, one.beside)}]
    times: dict[str, list[float]] = {what: [] for what in whats}
    with tempfile.TemporaryDirectory() as folder:
        programs = install(folder)
        for turn in range(runs + 1):
            for what in whats:
                took = seconds(command(programs, what), folder)
                if turn:  # the first fills the caches
                    times[what].append(took)
    bare = statistics.median(times[BARE])
    return {what: 1000 * (statistics.median(took) - bare) for what, took in times.items()}


def table(medians: dict[str, float]) -> str:
    """Return the table of all comparisons."""
    lines = ["| measured | ms | beside | ms | ratio | aim | |", "|---|---:|---|---:|---:|---:|---|"]
    for one in COMPARISONS:
        own, other = medians[one.measured], medians[one.beside]
        reached = "reached" if own / other <= one.aim else "missed"
        lines.append(
            f"| `{one.measured}` | {own:.1f} | `{one.beside}` | {other:.1f} "
            f"| {own / other:.2f} | at most {one.aim} | {reached} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, and put it into the results if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    text = table(measure(args.runs))
    print(text)
    if args.write:
        from benchmarks import results  # noqa: PLC0415 -- only for writing

        results.write(
            "Startup",
            f"{str(__doc__).strip()}\n\n{text}\n\n"
            f"{results.footing('attrs', 'cattrs', 'httpx', 'anyio', 'click')}",
        )


if __name__ == "__main__":
    main()
