"""What a type checker refuses: each marked line is an error, and no other. Run by nobody."""

from __future__ import annotations

from cronapi import Client, FastCron, JobParams, JobSpec, NewJobParams, Scheduler, SetCronJob
from cronapi.emulator import Fault, create_app

URL = "https://example.com"


async def single_calls(api: FastCron) -> None:
    """A parameter that is missing, misspelt or of another type."""
    await api.cron.add()  # error: add
    await api.cron.add(name="ping")  # error: add
    await api.cron.add(url=None)  # error: None
    await api.cron.add(url=URL, tiemout=30)  # error: add
    await api.cron.add(url=URL, timeout="30")  # error: int
    await api.cron.add(url=URL, retry_failed="false")  # error: bool
    await api.cron.add({"url": URL})  # error: dict[str, str]
    await api.cron.add(JobSpec(url=URL), nmae="ping")  # error: add
    await api.cron.edit(7, JobSpec(url=URL))  # error: positional
    await api.cron.ensure(url=URL)  # error: name
    await api.cron.ensure(name="ping")  # error: url
    await api.cron.ensure(url=URL, name=None)  # error: None
    await api.cron.edit(7, nmae="ping")  # error: nmae
    await api.cron.batch_edit([7], nmae="ping")  # error: nmae
    await api.cron.group_edit(7, nmae="ping")  # error: nmae
    JobSpec(name="ping")  # error: url
    JobSpec(url=URL, nmae="ping")  # error: nmae


async def literals(api: FastCron) -> None:
    """A literal with a misspelt key, without a url or with a value of another type."""
    api.cron.add_many([{"url": URL, "nmae": "ping"}])  # error: dict[str, str]
    api.cron.add_many([{"url": URL}, {"url": URL, "nmae": "ping"}])  # error: dict[str, str]
    api.cron.add_many([{"name": "ping"}])  # error: dict[str, str]
    api.cron.add_many([{"url": URL, "timeout": "30"}])  # error: dict[str, str]
    api.cron.add_many({"url": URL, "nmae": "ping"} for _ in range(3))  # error: dict[str, str]
    await api.cron.batch_add([{"url": URL, "nmae": "ping"}])  # error: dict[str, str]
    api.cron.edit_many([(7, {"nmae": "ping"})])  # error: dict[str, str]
    api.cron.edit_many({7: {"nmae": "ping"}})  # error: dict[str, str]
    api.cron.edit_many((n, {"nmae": "ping"}) for n in range(3))  # error: dict[str, str]
    _new: NewJobParams = {"url": URL, "nmae": "ping"}  # error: nmae
    _some: JobParams = {"nmae": "ping"}  # error: nmae


async def inputs(api: FastCron, jobs: list[JobParams]) -> None:
    """Inputs that are no jobs."""
    api.cron.add_many(jobs)  # error: JobParams
    api.cron.add_many([7])  # error: int
    api.cron.add_many({"url": URL})  # error: str
    api.cron.edit_many([{"name": "ping"}])  # error: dict[str, str]
    api.cron.edit_many({"7": {"name": "ping"}})  # error: str


async def services(fast: FastCron, other: SetCronJob) -> None:
    """A function that the service does not have."""
    await other.cron.next(7)  # error: next
    await other.cron.batch_add([{"url": URL}])  # error: batch_add
    await other.cron.batch_edit([7], name="x")  # error: batch_edit
    await other.cron.batch_delete([7])  # error: batch_delete
    await other.cron.group_edit(7, name="x")  # error: group_edit
    await other.with_options(lane="bulk").cron.next(7)  # error: next
    await other.account.get()  # error: get
    await other.account.secret("x")  # error: secret
    await fast.server.time()  # error: time
    await fast.cron.lits()  # error: lits


def choices(api: Client) -> None:
    """A misspelt kind of fault, era or lane."""
    Fault("loose")  # error: loose
    create_app(era="2024")  # error: 2024
    create_app(limiter="leakey")  # error: leakey
    create_app(log_shape="round")  # error: round
    api.with_options(lane="fast")  # error: fast
    Scheduler(1.0).slot(lane="fast")  # error: fast
    Scheduler(1.0).eta("fast")  # error: fast
