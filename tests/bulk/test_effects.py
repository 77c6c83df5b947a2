"""What many edits and deletes did is told as it is, and is not done once more: judged by the
emulator's own state.
"""

from __future__ import annotations

import json
from functools import partial

import anyio
import httpx
import pytest

from cronapi import (
    APIError,
    Applied,
    AuthenticationError,
    ConfigurationError,
    CronAPIError,
    Group,
    JobSpec,
    OutcomeUnknownError,
    RetryPolicy,
    ServiceUnavailableError,
    TransportError,
)
from cronapi.emulator import Fault
from tests.support.bulks import LATER
from tests.support.emulated import TOKEN, URL, emulator, paced, specs, together
from tests.support.seen import names, sent

pytestmark = pytest.mark.virtual_clock

LAST = {
    "outage": ServiceUnavailableError,
    "wrong token": AuthenticationError,
    "no connection": TransportError,
    "no token": ConfigurationError,
}
"""What may end a further try, and the error of that."""


async def made(app, count):
    async with paced(app) as api:
        ids = [
            job.id
            for job in (
                await api.cron.add_many({"url": URL, "name": f"n{n}"} for n in range(count))
            ).values
        ]
        await anyio.sleep(2)  # so that the next client, which has a pace of its own, is not refused
        return ids


async def cut_off(app, bulk, requests):
    """Carry a bulk out until that many of its requests were held back, and cancel it while the last
    is.
    """
    async with anyio.create_task_group() as group:

        async def carry_out():
            await bulk

        group.start_soon(carry_out)
        while len(app.emulator.faults.fired) < requests:  # noqa: ASYNC110 -- the emulator announces nothing
            await anyio.sleep(0.05)
        group.cancel_scope.cancel()
    await anyio.sleep(10)


def runs(app):
    return [len(job["queued"]) for job in app.emulator.jobs("fastcron")]


class Scripted(httpx.AsyncBaseTransport):
    """A service that meets the requests for one function as it is told to, and all requests after
    those in one and the same way.
    """

    def __init__(self, app, function, *deeds, last):
        self._inner, self._path = httpx.ASGITransport(app), f"/{function}"
        self.deeds, self.last = list(deeds), last

    def token(self):
        return "" if self.last == "no token" and not self.deeds else TOKEN

    async def handle_async_request(self, request):
        if not self.deeds and self.last != "no token":
            return self._end()
        deed = self.deeds.pop(0) if self.deeds and request.url.path.endswith(self._path) else "pass"
        if deed == "reset":
            raise httpx.ReadError("reset")
        response = await self._inner.handle_async_request(request)
        await response.aread()
        if deed == "lose":
            raise httpx.ReadError("lost")
        return response

    def _end(self):
        if self.last == "outage":
            return httpx.Response(503, text="503 Service Temporarily Unavailable")
        if self.last == "no connection":
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={"status": "error", "code": 11, "message": "No such token"})


def is_open(error):
    """Whether an error says that nobody knows, and promises nothing."""
    text = str(error)
    return (
        error.applied is Applied.UNKNOWN
        and "applied: unknown" in text
        and "safe" not in text
        and "each time" not in text
    )


# --- edits that run their jobs -------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["lose", "cut", "garbage", "truncated", "bad_gateway", "half", "stall"]
)
async def test_a_shared_edit_that_runs_its_jobs_is_sent_once(kind):
    """Jobs that are changed and run by one request whose answer is lost run once, and all of them
    are unknown.
    """
    app = emulator(undocumented=["run"])
    ids = await made(app, 4)
    app.emulator.faults.add(
        Fault(kind, function="cron.batch_edit", seconds=40.0 if kind == "stall" else 0.0)
    )
    async with paced(app, timeout=5.0) as api:
        report = await api.cron.edit_many(
            [(number, {"name": "x", "run": LATER}) for number in ids], batch=True
        )
        await anyio.sleep(60)
    assert [outcome.status for outcome in report] == ["unknown"] * 4
    assert {type(outcome.error) for outcome in report} == {OutcomeUnknownError}
    assert max(runs(app)) == 1
    assert (sent(app, "cron.batch_edit"), sent(app, "cron.edit")) == (1, 0)


class Short(httpx.AsyncBaseTransport):
    """Passes everything on, and leaves the last job out of what is answered to a batch of edits."""

    def __init__(self, app):
        self._inner = httpx.ASGITransport(app)

    async def handle_async_request(self, request):
        response = await self._inner.handle_async_request(request)
        if not request.url.path.endswith("/cron_batch_edit"):
            return response
        answer = json.loads(await response.aread())
        return httpx.Response(200, json=answer | {"data": answer["data"][:-1]})


@pytest.mark.parametrize("run", [False, True])
async def test_an_answer_with_too_few_jobs_runs_none_again(run):
    """Where a shared edit is answered with too few jobs, each job is asked for, unless that would
    run it once more.
    """
    app = emulator(undocumented=["run"])
    ids = await made(app, 3)
    async with paced(app, transport=Short(app)) as api:
        report = await api.cron.edit_many(
            [(number, {"name": "x", "run": run}) for number in ids], batch=True
        )
    assert [outcome.status for outcome in report] == ["unknown" if run else "done"] * 3
    assert (runs(app), names(app)) == ([int(run)] * 3, ["x"] * 3)
    assert sent(app, "cron.edit") == (0 if run else 3)


async def test_a_refused_edit_that_runs_its_jobs_is_not_taken_apart():
    """No documentation says that a refused batch has run nothing: its jobs are unknown, with the
    refusal; one alone has failed.
    """
    app = emulator(undocumented=["run"])
    ids = await made(app, 3)
    async with paced(app) as api:
        report = await api.cron.edit_many(
            [*((number, {"run": True}) for number in ids), (4711, {"run": True})], batch=True
        )
        assert len(report.unknown) == 4
        assert all(
            isinstance(outcome.error.__cause__, APIError) and "not found" in str(outcome.error)
            for outcome in report
        )
        assert sent(app, "cron.edit") == 0
        report = await api.cron.edit_many(
            [(4711, {"run": True}), (ids[0], {"run": 1, "name": "x"})], batch=True
        )
        assert [outcome.status for outcome in report] == ["failed", "done"]
    assert runs(app) == [1, 0, 0]


async def test_a_resumed_shared_edit_runs_nothing_twice(tmp_path):
    """Shared edits that were under way when a run ended are made again, but those that also run
    their jobs are unknown.
    """
    app, journal = emulator(undocumented=["run"]), tmp_path / "journal.jsonl"
    ids = await made(app, 6)
    edits = [
        (number, {"name": "x"} | ({"run": True} if place % 2 else {}))
        for place, number in enumerate(ids)
    ]
    app.emulator.faults.add(Fault("stall", function="cron.batch_edit", times=2, seconds=8.0))
    async with paced(app) as api:
        await cut_off(app, api.cron.edit_many(edits, batch=True, journal=journal), 2)
        assert runs(app) == [0, 1] * 3
        report = await api.cron.edit_many(edits, batch=True, journal=journal)
    assert [outcome.status for outcome in report] == ["done", "unknown"] * 3
    assert {type(outcome.error) for outcome in report.unknown} == {OutcomeUnknownError}
    assert (runs(app), names(app)) == ([0, 1] * 3, ["x"] * 6)


# --- what an earlier request may have done -------------------------------------------------------


@pytest.mark.each_value
@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize(("attempts", "losses"), [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize("way", ["bulk", "merged"])
async def test_deletes_that_may_have_been_done_are_not_told_failed(way, attempts, losses, last):
    """Deletes whose answer was lost are unknown, whatever the tries after that end in."""
    app = emulator()
    ids = await made(app, 3)
    service = Scripted(app, "cron_batch_delete", *["lose"] * losses, last=last)
    policy = RetryPolicy(max_attempts=attempts, budget=20.0)
    async with paced(
        app, transport=service, token=service.token, retry=policy, coalesce=way == "merged"
    ) as api:
        if way == "bulk":
            report = await api.cron.delete_many(ids)
            assert [outcome.status for outcome in report] == ["unknown"] * 3
            errors = [outcome.error for outcome in report]
        else:
            await api.cron.get(ids[0])  # so that the deletes wait for a slot, and share it
            errors = await together(*(partial(api.cron.delete, number) for number in ids))
    assert all(isinstance(error, LAST[last]) and is_open(error) for error in errors)
    assert app.emulator.jobs("fastcron") == []


@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("attempts", [1, 2])
async def test_edits_that_may_have_been_done_are_not_told_failed(attempts, last):
    """Shared edits whose answer was lost are unknown, whatever the tries after that end in."""
    app = emulator(undocumented=["run"])
    ids = await made(app, 3)
    service = Scripted(app, "cron_batch_edit", "lose", last=last)
    async with paced(
        app,
        transport=service,
        token=service.token,
        retry=RetryPolicy(max_attempts=attempts, budget=20.0),
    ) as api:
        report = await api.cron.edit_many([(number, {"name": "x"}) for number in ids], batch=True)
    assert [outcome.status for outcome in report] == ["unknown"] * 3
    assert all(
        isinstance(outcome.error, LAST[last]) and is_open(outcome.error) for outcome in report
    )
    assert names(app) == ["x"] * 3


async def test_the_loss_is_the_cause_of_what_nobody_knows():
    """The error of the last try is told, and the loss before it, for which nobody knows, is its
    cause.
    """
    app = emulator(undocumented=["run"])
    ids = await made(app, 2)
    for function, call in {
        "delete": lambda cron: cron.delete_many(ids),
        "edit": lambda cron: cron.edit_many([(n, {"name": "x"}) for n in ids], batch=True),
    }.items():
        service = Scripted(app, f"cron_batch_{function}", "reset", last="outage")
        async with paced(
            app, transport=service, retry=RetryPolicy(max_attempts=1, budget=20.0)
        ) as api:
            report = await call(api.cron)
        assert [type(outcome.error) for outcome in report] == [ServiceUnavailableError] * 2
        assert all(type(outcome.error.__cause__) is TransportError for outcome in report)


@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("function", ["edit", "delete"])
async def test_a_single_call_that_may_have_been_done_promises_nothing(function, last):
    """An edit or a delete whose first answer was lost says that nobody knows, whatever its repeats
    end in.
    """
    app = emulator()
    (number,) = await made(app, 1)
    service = Scripted(app, f"cron_{function}", "lose", last=last)
    async with paced(
        app, transport=service, token=service.token, retry=RetryPolicy(budget=20.0)
    ) as api:
        with pytest.raises(LAST[last]) as failure:
            await (
                api.cron.edit(number, name="x") if function == "edit" else api.cron.delete(number)
            )
    assert is_open(failure.value)


@pytest.mark.parametrize(
    ("deeds", "told"),
    [
        (["pass"], [Applied.NO] * 4),
        (["reset", "pass"], [Applied.UNKNOWN] * 4),
        (["pass", "lose"], [Applied.UNKNOWN] * 2 + [Applied.NO] * 2),
    ],
    ids=["nothing lost", "all of it lost", "the first half lost"],
)
async def test_each_half_of_a_batch_is_told_what_became_of_it(deeds, told):
    """The half that is not sent, since the other met an outage, has failed, unless an earlier
    request for all of it was lost.
    """
    app = emulator(max_batch=2)
    ids = [*await made(app, 2), *await made(app, 2)]
    service = AfterTheList(app, *deeds)
    async with paced(
        app, transport=service, retry=RetryPolicy(max_attempts=1 + ("reset" in deeds), budget=20.0)
    ) as api:
        report = await api.cron.delete_many(ids)
    assert [outcome.error.applied for outcome in report] == told
    assert [outcome.status for outcome in report] == [
        "unknown" if applied is Applied.UNKNOWN else "failed" for applied in told
    ]


class AfterTheList(Scripted):
    """The same, and the jobs can be listed meanwhile."""

    def __init__(self, app, *deeds):
        super().__init__(app, "cron_batch_delete", *deeds, last="outage")

    async def handle_async_request(self, request):
        if request.url.path.endswith("/cron_list"):
            return await self._inner.handle_async_request(request)
        return await super().handle_async_request(request)


@pytest.mark.parametrize("kind", ["delete", "edit", "shared edit", "enable"])
async def test_what_an_earlier_run_may_have_done_is_not_told_failed(tmp_path, kind):
    """Changes under way when a run ended are unknown where an outage keeps the next run from making
    them; a later one makes them.
    """
    app, journal = emulator(undocumented=["run"]), tmp_path / "journal.jsonl"
    ids = await made(app, 3)

    def bulk(cron):
        if "edit" in kind:
            return cron.edit_many(
                [(n, {"name": "x"}) for n in ids], batch=kind == "shared edit", journal=journal
            )
        return (cron.delete_many if kind == "delete" else cron.enable_many)(ids, journal=journal)

    app.emulator.faults.add(Fault("stall", times=None, seconds=8.0))
    async with paced(app, retry=RetryPolicy(budget=20.0)) as api:
        await cut_off(app, bulk(api.cron), 1)
        app.emulator.faults.clear()
        app.emulator.faults.add(Fault("outage", times=None))
        report = await bulk(api.cron)
        assert report.unknown
        assert not report.failed + report.done
        assert all(
            isinstance(outcome.error, ServiceUnavailableError) and is_open(outcome.error)
            for outcome in report.unknown
        )
        app.emulator.faults.clear()
        assert len((await bulk(api.cron)).done) == 3


async def test_a_refusal_of_the_job_itself_proves_that_it_was_not_changed(tmp_path):
    """An edit under way when a run ended that the service refuses in the next run has failed."""
    app, journal = emulator(), tmp_path / "journal.jsonl"
    app.emulator.faults.add(Fault("stall", function="cron.edit", seconds=8.0))
    async with paced(app) as api:
        await cut_off(app, api.cron.edit_many([(4711, {"name": "x"})], journal=journal), 1)
        report = await api.cron.edit_many([(4711, {"name": "x"})], journal=journal)
    assert [outcome.status for outcome in report] == ["failed"]
    assert report[0].error.applied is Applied.NO


async def test_without_retry_a_refused_batch_says_that_nobody_looked():
    """With `retry=None` each delete of a refused batch is unknown: it says of how many it was one,
    and that nobody looked which was refused.
    """
    app = emulator()
    ids = await made(app, 3)
    async with paced(app, retry=None) as api:
        before = len(app.emulator.requests)
        report = await api.cron.delete_many([*ids, 4711])
        assert len(app.emulator.requests) - before == 1
    assert {outcome.status for outcome in report} == {"unknown"}
    assert all(
        "batch of 4" in str(outcome.error) and "retry=None" in str(outcome.error)
        for outcome in report
    )
    assert all("not found" in str(outcome.error) and outcome.error.code == 1 for outcome in report)
    assert len(app.emulator.jobs("fastcron")) == 3


async def test_an_error_after_the_first_jobs_does_not_say_that_nothing_was_done():
    """A wrong item behind five good ones ends the bulk with an error that is no reason to repeat
    it, and so does closing it.
    """
    app = emulator()
    async with paced(app) as api:
        with pytest.raises(ConfigurationError) as wrong:
            await api.cron.add_many(iter([*specs(5), {"nonsense": 1}]))
        assert len(app.emulator.jobs("fastcron")) == 5
        bulk = api.cron.add_many(specs(300))
        with pytest.raises(ConfigurationError, match="closed before its end") as closed:
            await closed_midway(bulk)
    assert [caught.value.applied for caught in (wrong, closed)] == [Applied.UNKNOWN] * 2


async def closed_midway(bulk):
    """Wait for a bulk that is closed after its first request. Raise its own error."""
    error = None
    async with anyio.create_task_group() as group:

        async def wait():
            nonlocal error
            try:
                await bulk
            except ConfigurationError as caught:
                error = caught

        group.start_soon(wait)
        await anyio.sleep(3.5)
        await bulk.aclose()
    raise error


async def test_without_retry_a_refused_batch_of_adds_is_unknown_and_not_sent_again():
    """With `retry=None` nothing tells if a refused batch has made a part of its jobs."""
    app = emulator(max_batch=1)
    async with paced(app, retry=None) as api:
        report = await api.cron.add_many(specs(2))
    assert {type(outcome.error) for outcome in report} == {OutcomeUnknownError}
    assert sent(app, "cron.batch_add") == 1
    assert sent(app, "cron.add") == 0


# --- what may be given ---------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [False, True])
async def test_an_id_that_is_edited_twice_is_refused(batch):
    """Edits of one bulk have no order, so `edit_many` names the second place of an id that is given
    twice.
    """
    app = emulator(undocumented=["run"])
    ids = await made(app, 2)
    edits = [(ids[0], {"name": "a"}), (ids[1], {"name": "a"}), (ids[0], {"name": "b"})]
    async with paced(app) as api:
        with pytest.raises(
            ConfigurationError,
            match=rf"^cron\.edit_many: item 2: It is the same id as item 0: {ids[0]}\.$",
        ):
            api.cron.edit_many(edits, batch=batch)
        assert names(app) == ["n0", "n1"]
        bulk = api.cron.edit_many(iter(edits), batch=batch)
        with pytest.raises(
            ConfigurationError, match=r"^cron\.edit_many: item 2: It is the same id as item 0: "
        ):
            await bulk
        assert len(bulk.report.done) == 2
    assert names(app) == ["a", "a"]


@pytest.mark.parametrize("batch", [False, True])
async def test_the_changes_of_an_edit_may_be_a_job_spec(batch):
    """`edit_many` takes JobSpecs as changes, in pairs or in a mapping, and sends what each was
    given.
    """
    app = emulator(undocumented=["run"])
    ids = await made(app, 2)
    spec = JobSpec(url=f"{URL}/new", timeout=20, group=None)
    async with paced(app) as api:
        for edits in ([(number, spec) for number in ids], dict.fromkeys(ids, spec)):
            assert [
                job.timeout for job in (await api.cron.edit_many(edits, batch=batch)).values
            ] == [20, 20]
    assert [(job["url"], job["name"]) for job in app.emulator.jobs("fastcron")] == [
        (f"{URL}/new", "n0"),
        (f"{URL}/new", "n1"),
    ]


async def test_what_is_no_id_is_said_in_a_way_that_helps():
    """A group among jobs, or a job among groups, is told where an id is, and what is too long for
    an id is named by its place.
    """
    app = emulator()
    ids = await made(app, 2)
    async with paced(app) as api:
        cron, job, group = api.cron, await api.cron.get(ids[0]), Group(id=5)
        pause = partial(cron.pause_many, for_="1 hour")
        ways = [
            cron.delete_many,
            cron.get_many,
            cron.enable_many,
            cron.disable_many,
            cron.run_many,
            pause,
            api.group.delete_many,
        ]
        for way in [
            *ways,
            lambda given: cron.edit_many([(number, {"name": "x"}) for number in given]),
        ]:
            other, hint = (
                (job, "job.group") if way == api.group.delete_many else (group, "group.id")
            )
            with pytest.raises(ConfigurationError, match=rf"_many: item 1: .*{hint}"):
                way([ids[1], other])
            for bad in (10**18, -(10**18), 10**5000):
                with pytest.raises(
                    ConfigurationError, match="_many: item 1: An id has at most 18 digits"
                ):
                    way([ids[1], bad])
            with pytest.raises(CronAPIError, match="_many: item 0: An id is a number, not a str"):
                way(["5"])
