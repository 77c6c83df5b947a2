"""The answers of a client to a failing service, compared with the state of the service.

    python -m benchmarks.chaos [--seeds 10] [--seed 7] [--only mixed] [--write]

Crowds of callers with cancellations, and bulks killed with -9, work over real sockets.

Faults, in shares of the requests: connections reset before anything is applied (5 %), 503 (10 %),
answers lost after applying (5 %), garbled answers (3 %), stalls of 0.2 s past the client's timeout
of 2 s, before or after applying (1 %), and batches of which only the first half is applied (2 %). A
fifth of the callers are cancelled: after a while, or up to 30 ms after their request has arrived.
The client's delays before retries and lookups are a quarter of the library's own.

A killed bulk has a journal and dies at 20 moments: when a request arrives, when it is answered, or
up to 50 ms later. Its delays are a tenth of the library's own. A stalled request is applied 0.7 s
after its arrival, and the last lookup is later than that.

Merged calls (`coalesce=True`) add, read, find, edit and delete jobs of all callers, in sequence and
at once. If requests go out one by one, they must arrive in the order of the calls. Twenty tasks
with two clients ensure six names, and some of them delete them. Bulks edit (also in batches of
equal jobs), disable, enable and delete the same jobs side by side, and add and delete groups. Each
answer is compared with the states of the service during the call.

The parts named "odd" add jobs at services that differ from their documentation. These respell names
and URLs by kinds that the seed draws, have short pages whose rows move, search by words or by SQL's
LIKE, show changes in lists 0.3 s late, apply requests 0.4 s after the connection is gone, or answer
with the 503 of a load balancer although the request was applied. Such a part is clean if nobody was
told anything wrong; items reported as failed do not count against it.

The last table has the share of unknown items beside the share of requests whose answer was lost.
At most 0.5 % may be unknown. Where a service alters texts, or moves rows while they are read, the
share of lost answers may be.

Lost: reported as done but missing, or different from the report. Duplicated: present twice, or
present though reported as failed. Knowable: reported as unknown though a list would have told.
Overtaken: an edit undone by an earlier request that the service had held back until the later edit
came. Misread: an answer that was true at no time during its call. Disordered: a request that
arrived before that of an earlier call, or was sent again after its call had ended.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from tests.support.chaos import Figures, Scenario, bulk, figures, mixed, single_adds
from tests.support.chaos_deeds import changed, ensured, mingled
from tests.support.chaos_judge import FEW, Verdict
from tests.support.chaos_kill import killed
from tests.support.chaos_odd import PARTS, spec
from tests.support.chaos_service import SHARES

KILLS, AT_ONCE = 20, 2
LONG, SHORT = 2.0, 0.5
"""The client's timeouts in seconds.

A page of thousands of jobs takes long while several parts run at once. A client that sends one
request at a time needs less, since nothing else goes on meanwhile.
"""
PROVIDERS = ("fastcron", "setcronjob")


def crowd(
    scenario: Scenario, provider: str | None = None, backend: str = "asyncio", **options: Any
) -> Callable[[int], Figures]:
    """Return a function that runs a crowd; without a provider, seeds alternate between both."""

    def run(seed: int) -> Figures:
        return anyio.run(
            partial(figures, scenario, provider or PROVIDERS[seed % 2], seed, **options),
            backend=backend,
        )

    return run


def odd(scenario: Scenario, part: str) -> Callable[[int], Figures]:
    """Return a function that runs a crowd at an odd service; seeds alternate between providers."""

    def run(seed: int) -> Figures:
        return crowd(scenario, timeout=LONG, **PARTS[part](seed))(seed)

    return run


def mortal(method: str, provider: str, count: int) -> Callable[[int], Figures]:
    """Return a function that runs a bulk and kills it."""

    def run(seed: int) -> Figures:
        with tempfile.TemporaryDirectory(prefix="cronapi-chaos-") as room:
            found, kills = killed(method, provider, seed, count, KILLS, Path(room))
        if kills < KILLS:
            print(
                f"seed {seed}, {method} at {provider}: only {kills} kills, the bulk was done before"
            )
        return found

    return run


RUNS: dict[str, Callable[[int], Figures]] = {
    "1,000 single adds, FastCron": crowd(single_adds(1000), "fastcron", timeout=LONG),
    "1,000 single adds, SetCronJob": crowd(single_adds(1000), "setcronjob", timeout=LONG),
    "5,000 bulk adds, half deleted, FastCron": crowd(bulk(5000, 500), "fastcron", timeout=LONG),
    "2,000 bulk adds, half deleted, FastCron, 20 a batch at most": crowd(
        bulk(2000, 200), "fastcron", timeout=LONG, max_batch=20
    ),
    "1,000 bulk adds, half deleted, SetCronJob": crowd(bulk(1000, 100), "setcronjob", timeout=LONG),
    "mixed adds, edits and deletes by 50 tasks for a minute": crowd(mixed(60), timeout=LONG),
    "merged calls of 50 tasks": crowd(mingled(8), timeout=LONG, coalesce=True),
    "merged calls of 50 tasks, one request at a time, trio": crowd(
        mingled(5), None, "trio", timeout=SHORT, coalesce=True, seats=1
    ),
    "ensured names, 20 tasks": crowd(ensured(5), timeout=LONG),
    "ensured names, 20 tasks, merged calls, trio": crowd(
        ensured(4), None, "trio", timeout=LONG, coalesce=True
    ),
    "200 jobs and their groups changed by bulks, FastCron": crowd(
        changed(200, 40), "fastcron", timeout=LONG
    ),
    "100 jobs and their groups changed by bulks, SetCronJob, trio": crowd(
        changed(100, 20), "setcronjob", "trio", timeout=LONG
    ),
    "6,000 bulk adds killed 20 times, FastCron": mortal("add_many", "fastcron", 6000),
    "6,000 bulk deletes killed 20 times, FastCron": mortal("delete_many", "fastcron", 6000),
    "300 bulk adds killed 20 times, SetCronJob": mortal("add_many", "setcronjob", 300),
    "300 bulk deletes killed 20 times, SetCronJob": mortal("delete_many", "setcronjob", 300),
    **{f"odd: {part}, 300 single adds": odd(single_adds(300, spec), part) for part in PARTS},
    **{f"odd: {part}, 600 bulk adds": odd(bulk(600, 100, spec), part) for part in PARTS},
}


def is_clean(name: str, verdict: Verdict) -> bool:
    """Return True if a part of this name may have this verdict."""
    return verdict.is_honest if name.startswith("odd: ") else verdict.is_clean


def run(task: tuple[str, int]) -> Figures:
    """Run one part with one seed."""
    name, seed = task
    found = RUNS[name](seed)
    verdict = "clean" if is_clean(name, found.verdict) else "NOT CLEAN"
    print(f"{verdict}: --seed {seed} --only {name!r}: {found}", file=sys.stderr, flush=True)
    return found


REFUSALS = {
    "outage",
    "busy",
    "slow_503",
    "envelope_503",
    "envelope_503_before",
    "envelope_429",
    "envelope_429_before",
}
"""The faults that are answers. All others lose one."""
UNTELLING = ("respelt", "rows move")
"""Words in the names of parts in which a list cannot always tell what became of a lost create."""


def bounds_row(name: str, parts: Sequence[Figures]) -> tuple[str, bool]:
    """Return the row of a part with its share of unknown items, and if that is within its bound."""
    unknown = sum(part.verdict.unknown for part in parts) / sum(
        part.verdict.items for part in parts
    )
    lost = sum(
        count for part in parts for kind, count in part.fired.items() if kind not in REFUSALS
    ) / sum(part.requests for part in parts)
    most = lost if any(word in name for word in UNTELLING) else FEW
    return f"| {name} | {unknown:.2%} | {lost:.2%} | {most:.2%} |", unknown <= most


JUDGED = (
    "lost",
    "duplicated",
    "unknown",
    "knowable",
    "failed",
    "overtaken",
    "misread",
    "disordered",
)
HEAD = ("items", "requests", *SHARES, "left", *JUDGED, "seconds")


def row(title: str, parts: Sequence[Figures]) -> str:
    """Return the table row with the sums of some parts."""
    verdicts = [part.verdict for part in parts]

    def total(name: str) -> int:
        return sum(getattr(verdict, name) for verdict in verdicts)

    fired = [sum(part.fired.get(kind, 0) for part in parts) for kind in SHARES]
    cells = [total("items"), sum(part.requests for part in parts), *fired, total("cancelled")]
    cells += [total(name) for name in JUDGED]
    seconds = sum(part.seconds for part in parts)
    return f"| {title} | {' | '.join(f'{cell:,}' for cell in cells)} | {seconds:.0f} |"


def table(title: str, rows: Iterable[str]) -> str:
    """Return a Markdown table."""
    heads = [f"| {title} | {' | '.join(HEAD)} |", f"|---|{'---:|' * len(HEAD)}"]
    return "\n".join([*heads, *rows])


def measure(seeds: Sequence[int], only: str = "") -> tuple[str, list[bool], list[bool]]:
    """Run the parts with `only` in their name.

    Return the tables, if each run is clean, and if each part is within its bound.
    """
    names = [name for name in RUNS if only in name]
    tasks = [(name, seed) for seed in seeds for name in names]
    with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as pool:
        found = dict(zip(tasks, pool.map(run, tasks), strict=True))
    by_seed = table(
        "seed", [row(str(seed), [found[name, seed] for name in names]) for seed in seeds]
    )
    by_part = table(
        "part, all seeds", [row(name, [found[name, seed] for seed in seeds]) for name in names]
    )
    bounds = [bounds_row(name, [found[name, seed] for seed in seeds]) for name in names]
    heads = ["| part, all seeds | unknown | answers lost | bound |", "|---|---:|---:|---:|"]
    by_bound = "\n".join([*heads, *(line for line, _ in bounds)])
    clean = [is_clean(name, figure.verdict) for (name, _), figure in found.items()]
    return f"{by_seed}\n\n{by_part}\n\n{by_bound}", clean, [within for _, within in bounds]


def main() -> None:
    """Measure, print the tables, and write the section with `--write`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10, help="how many, from 1")
    parser.add_argument("--seed", type=int, help="this one only")
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    tables, clean, within = measure(
        [args.seed] if args.seed is not None else range(1, args.seeds + 1), args.only
    )
    text = (
        f"{tables}\n\nClean: {sum(clean)} of {len(clean)} runs. "
        f"Within the bound of unknown items: {sum(within)} of {len(within)} parts."
    )
    print(text)
    if args.write:
        from benchmarks import results  # noqa: PLC0415 -- only for writing

        results.write(
            "Chaos", f"{str(__doc__).strip()}\n\n{text}\n\n{results.footing('httpx', 'anyio')}"
        )
    sys.exit(not all(clean + within))


if __name__ == "__main__":
    main()
