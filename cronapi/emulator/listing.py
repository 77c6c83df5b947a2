"""The list of jobs: its search, its order and its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.eras import RULES
from cronapi.emulator.jobs import catch_up, job_data, listed_jobs
from cronapi.emulator.search import found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cronapi.emulator.call import Call
    from cronapi.emulator.store import Document


def list_jobs(call: Call) -> list[Document]:
    """Return one page of the jobs with the keyword in their name, id or URL."""
    keyword = call.params.get("keyword", "")
    if not (keyword or call.settings.moves or call.settings.lag or _is_whole(call)):
        return [job_data(call, catch_up(call, job)) for job in call.some("job", *_place(call))]
    jobs = _ORDERS[call.settings.moves](call, listed_jobs(call))
    shown = [job for job in jobs if found(job, keyword, call.settings.search)]
    return [job_data(call, job) for job in _page(call, shown)]


def _page(call: Call, jobs: list[Document]) -> list[Document]:
    if _is_whole(call):
        return jobs
    begin, size = _place(call)
    return jobs[begin : begin + size]


def _is_whole(call: Call) -> bool:
    return call.settings.ignore_page or call.provider not in RULES[call.settings.era].paged


def _place(call: Call) -> tuple[int, int]:
    """Return where the page that was asked for begins, and its length."""
    size = call.settings.page_size
    return (max(1, call.params.get("page", 1)) - 1) * size, size


def _by_id(_call: Call, jobs: list[Document]) -> list[Document]:
    return jobs


def _by_fail(call: Call, jobs: list[Document]) -> list[Document]:
    """Sort by failures, the most first, and then let a job fail once more, for the next read."""
    current = call.all("job")
    if current:
        failing = call.random.choice(current)
        call.put("job", {**failing, "fail": failing["fail"] + 1})
    return sorted(jobs, key=lambda job: (-job["fail"], job["id"]))


def _shuffled(call: Call, jobs: list[Document]) -> list[Document]:
    return call.random.sample(jobs, len(jobs))


_ORDERS: Mapping[str | None, Callable[[Call, list[Document]], list[Document]]] = {
    None: _by_id,
    "fail": _by_fail,
    "shuffle": _shuffled,
}
