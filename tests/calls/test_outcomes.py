"""What becomes of a call when answers get lost: judged by the emulator's own state, under a virtual clock."""

from __future__ import annotations

from datetime import UTC, datetime

import anyio
import httpx
import pytest

from cronapi import (
    APIError,
    Applied,
    AuthenticationError,
    ConnectionFailedError,
    CronAPIError,
    NotFoundError,
    OutcomeUnknownError,
    RequestTimeoutError,
    ResponseError,
    RetryPolicy,
    ServiceUnavailableError,
    StatusError,
    TransportError,
    WaitTooLongError,
)
from cronapi._calls.retry import MOST_GARBLED
from cronapi.emulator import Fault
from tests.support.emulated import TOKEN, URL, client_of, emulator, paced, virtual

pytestmark = pytest.mark.virtual_clock

LOSSES = ["lose", "cut", "truncated", "garbage", "empty", "bad_gateway"]
"""Faults after which the service has done what was asked and the client cannot know it."""


def names(app, provider="fastcron"):
    return sorted(job["name"] for job in app.emulator.jobs(provider))


def count(app, function):
    return sum(seen.function == function and seen.accepted for seen in app.emulator.requests)


@pytest.mark.parametrize("kind", LOSSES)
async def test_a_create_whose_answer_is_lost_is_adopted(kind):
    """However the answer to an add gets lost, the caller gets the job that was made, and there is one."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault(kind, function="cron.add"))
        job = await api.cron.add(
            url=URL, name="once", http_headers={"X-A": "1"}, notify=False, password="hunter22"
        )
        assert [row["id"] for row in app.emulator.jobs("fastcron")] == [job.id]
        assert job.url == URL


@pytest.mark.parametrize("kind", ["reset", "error", "outage"])
async def test_a_create_that_never_arrived_is_made_once(kind):
    """A create that was refused, failed or reset before the service heard of it is sent again, and there is one job."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault(kind, function="cron.add", times=2))
        job = await api.cron.add(url=URL, name="once")
        assert [row["id"] for row in app.emulator.jobs("fastcron")] == [job.id]


@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
async def test_many_creates_with_losses_make_each_job_once(provider):
    """Of forty concurrent adds a third of the answers is lost: every caller gets its own job, and none is made twice."""
    app = emulator()
    made = {}
    app.emulator.faults.add(
        *[Fault(kind, function="cron.add", times=None, share=0.06) for kind in [*LOSSES, "reset"]]
    )
    async with paced(app, provider) as api:

        async def add(number):
            made[number] = (await api.cron.add(url=f"{URL}/{number}", name=f"job {number}")).id

        async with anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon(add, number)
    assert app.emulator.faults.fired
    assert {row["name"]: row["id"] for row in app.emulator.jobs(provider)} == {
        f"job {n}": made[n] for n in range(40)
    }


async def test_two_identical_creates_are_two_jobs():
    """Two callers that add the same job get two, also when both answers are lost."""
    app = emulator()
    ids = []
    app.emulator.faults.add(Fault("lose", function="cron.add", times=2))
    async with paced(app) as api:

        async def add():
            ids.append((await api.cron.add(url=URL, name="twin")).id)

        async with anyio.create_task_group() as group:
            group.start_soon(add)
            group.start_soon(add)
    assert len(set(ids)) == 2
    assert {row["id"] for row in app.emulator.jobs("fastcron")} == set(ids)


async def test_a_twin_that_goes_away_while_it_waits_for_the_first_is_never_sent():
    """Identical creates go one after the other; one that is cancelled while it waits for its twin costs nothing."""
    app = emulator()
    app.emulator.faults.add(Fault("stall", function="cron.add", seconds=5.0))
    async with paced(app) as api, anyio.create_task_group() as group:
        group.start_soon(lambda: api.cron.add(url=URL, name="twin"))
        await anyio.sleep(1)
        with anyio.move_on_after(2) as scope:
            await api.cron.add(url=URL, name="twin")
        assert scope.cancelled_caught
        assert (await api.cron.add(url=URL, name="twin")).name == "twin"
    assert len(app.emulator.jobs("fastcron")) == 2


async def test_a_job_that_was_there_before_is_not_adopted():
    """A lost add beside an older identical job that the client has seen makes a second one, and returns that."""
    app = emulator()
    async with paced(app) as api:
        old = await api.cron.add(url=URL, name="same")
        app.emulator.faults.add(Fault("reset", function="cron.add"))
        new = await api.cron.add(url=URL, name="same")
        assert new.id != old.id
        assert len(app.emulator.jobs("fastcron")) == 2


async def test_an_older_twin_that_nobody_has_seen_makes_the_outcome_unknown():
    """Where two jobs could be the one that was made, the error says that it cannot tell, and nothing is sent again."""
    app = emulator()
    async with paced(app) as stranger:
        await stranger.cron.add(url=URL, name="same")
    async with paced(app) as api:
        app.emulator.faults.add(Fault("lose", function="cron.add"))
        with pytest.raises(OutcomeUnknownError) as unknown:
            await api.cron.add(url=URL, name="same")
    assert unknown.value.applied is Applied.UNKNOWN
    assert unknown.value.function == "cron.add"
    assert count(app, "cron.add") == 2


async def test_a_look_up_that_fails_makes_the_outcome_unknown():
    """When the service can no longer be asked, the caller is told so and not sent a second create."""
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=2)) as api:
        app.emulator.faults.add(
            Fault("lose", function="cron.add"), Fault("reset", function="cron.list", times=None)
        )
        with pytest.raises(OutcomeUnknownError) as unknown:
            await api.cron.add(url=URL, name="once")
    assert isinstance(unknown.value.__cause__, TransportError)
    assert count(app, "cron.add") == 1


@pytest.mark.parametrize("merged", [False, True])
async def test_a_look_up_that_fails_is_tried_once_more(merged):
    """Before callers are told that nobody knows, the service is asked again: here it answers after all, and nothing is made twice."""
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=2), coalesce=merged) as api:
        await api.cron.add(url=URL, name="known")
        lost = [Fault("lose", function=function) for function in ("cron.add", "cron.batch_add")]
        app.emulator.faults.add(*lost, Fault("reset", function="cron.list", times=2))
        async with anyio.create_task_group() as group:
            for name in ("one", "two"):
                group.start_soon(lambda name=name: api.cron.add(url=URL, name=name))
    assert sorted(row["name"] for row in app.emulator.jobs("fastcron")) == ["known", "one", "two"]
    assert count(app, "cron.batch_add") == merged


async def test_a_create_that_the_service_finishes_after_the_timeout_is_found():
    """A request that stalls past the timeout and is applied meanwhile is adopted by the second look."""
    app = emulator()
    async with paced(app, timeout=5.0) as api:
        app.emulator.faults.add(Fault("stall_before", function="cron.add", seconds=6.0))
        job = await api.cron.add(url=URL, name="slow")
        assert [row["id"] for row in app.emulator.jobs("fastcron")] == [job.id]


async def test_a_lost_batch_is_adopted_whole():
    """A batch whose answer is lost gives the jobs that it made, in order."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("lose", function="cron.batch_add"))
        jobs = await api.cron.batch_add([{"url": f"{URL}/{n}", "name": f"n{n}"} for n in range(5)])
        assert [job.name for job in jobs] == [f"n{n}" for n in range(5)]
        assert len(app.emulator.jobs("fastcron")) == 5


async def test_a_half_done_batch_is_unknown():
    """A batch of which half arrived is not sent again: the caller is told to look."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("half", function="cron.batch_add"))
        with pytest.raises(OutcomeUnknownError):
            await api.cron.batch_add([{"url": f"{URL}/{n}", "name": f"n{n}"} for n in range(4)])
    assert len(app.emulator.jobs("fastcron")) == 2


@pytest.mark.parametrize("kind", ["lose", "reset"])
async def test_a_group_is_made_once(kind):
    """A lost group.add gives one group, adopted or sent again."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault(kind, function="group.add"))
        group = await api.group.add("nightly")
        assert [row["id"] for row in app.emulator.groups("fastcron")] == [group.id]


@pytest.mark.parametrize("kind", ["lose", "reset"])
async def test_a_run_at_a_time_is_queued_once(kind):
    """A lost cron.run with a time is looked up in the queue and made once."""
    app = emulator()
    when = datetime(2100, 5, 24, 2, 44, 25, tzinfo=UTC)
    async with paced(app) as api:
        job = await api.cron.add(url=URL, expression="manual")
        app.emulator.faults.add(Fault(kind, function="cron.run"))
        assert await api.cron.run(job.id, time=when) == when
        assert await api.cron.next(job.id) == [when]


async def test_a_run_without_a_time_is_unknown_when_its_answer_is_lost():
    """A run within the next minute cannot be told from the schedule's own, so it is not repeated."""
    app = emulator()
    async with paced(app) as api:
        job = await api.cron.add(url=URL)
        app.emulator.faults.add(Fault("lose", function="cron.run"))
        with pytest.raises(OutcomeUnknownError):
            await api.cron.run(job.id)
    assert count(app, "cron.run") == 1


async def test_an_edit_with_a_run_is_not_repeated():
    """An edit that also queues a run is a create, and unknown when its answer is lost."""
    app = emulator(era="latest")
    async with paced(app) as api:
        job = await api.cron.add(url=URL)
        app.emulator.faults.add(Fault("lose", function="cron.edit"))
        with pytest.raises(OutcomeUnknownError):
            await api.cron.edit(job.id, run=1)
    assert count(app, "cron.edit") == 1


@pytest.mark.parametrize("kind", [*LOSSES, "reset", "error", "outage"])
async def test_reads_and_edits_are_repeated(kind):
    """A lost answer to a read or an edit is no news to the caller: the call is repeated and its result comes back."""
    app = emulator()
    async with paced(app) as api:
        job = await api.cron.add(url=URL)
        app.emulator.faults.add(Fault(kind, function="cron.get"), Fault(kind, function="cron.edit"))
        assert (await api.cron.get(job.id)).id == job.id
        assert (await api.cron.edit(job.id, name="renamed")).name == "renamed"


@pytest.mark.parametrize("kind", LOSSES)
async def test_a_delete_whose_answer_is_lost_is_done(kind):
    """A delete that is repeated and finds nothing has done what was asked."""
    app = emulator()
    async with paced(app) as api:
        job = await api.cron.add(url=URL)
        app.emulator.faults.add(Fault(kind, function="cron.delete"))
        assert (await api.cron.delete(job.id)).id == job.id
        assert app.emulator.jobs("fastcron") == []


async def test_a_batch_delete_whose_answer_is_lost_is_done():
    """The same holds for a batch of deletes and for groups."""
    app = emulator()
    async with paced(app) as api:
        ids = [
            job.id for job in await api.cron.batch_add([{"url": f"{URL}/{n}"} for n in range(3)])
        ]
        group = await api.group.add("gone")
        app.emulator.faults.add(
            Fault("lose", function="cron.batch_delete"), Fault("lose", function="group.delete")
        )
        assert [job.id for job in await api.cron.batch_delete(ids)] == ids
        assert (await api.group.delete(group.id)).id == group.id
        assert app.emulator.jobs("fastcron") == app.emulator.groups("fastcron") == []


@pytest.mark.parametrize("target", ["cron", "group"])
async def test_a_delete_whose_answer_is_lost_is_done_though_the_listing_fails_once(target):
    """A listing that gave up on answers that nobody can read is asked for once more before a delete would be unknown."""
    app = emulator()
    async with paced(app) as api:
        made = await (api.cron.add(url=URL) if target == "cron" else api.group.add("gone"))
        app.emulator.faults.add(
            Fault("lose", function=f"{target}.delete"),
            Fault("garbage", function=f"{target}.list", times=MOST_GARBLED),
        )
        assert (await (api.cron if target == "cron" else api.group).delete(made.id)).id == made.id
    assert len(app.emulator.faults.fired) == 1 + MOST_GARBLED


async def test_gone_is_said_only_where_a_listing_confirms_it():
    """Asking for a job that does not exist is NotFoundError; an error while it exists is not."""
    app = emulator()
    async with paced(app) as api:
        with pytest.raises(NotFoundError) as gone:
            await api.cron.get(4711)
        assert isinstance(gone.value, APIError)
        with pytest.raises(NotFoundError):
            await api.group.get(4711)
        with pytest.raises(NotFoundError):
            await api.cron.delete(4711)


async def test_an_error_is_not_taken_for_absence_when_the_listing_fails():
    """When the listing that would confirm it fails too, the service's own error comes out."""
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=1)) as api:
        app.emulator.faults.add(Fault("reset", function="cron.list", times=None))
        with pytest.raises(APIError) as refused:
            await api.cron.get(4711)
        assert not isinstance(refused.value, NotFoundError)


async def test_a_wrong_token_is_said_at_once():
    """Code 11 is an AuthenticationError after one request."""
    app = emulator()
    async with paced(app, token="f" * 32) as api:
        with pytest.raises(AuthenticationError) as refused:
            await api.cron.list()
    assert refused.value.code == 11
    assert refused.value.attempts == 1
    assert refused.value.applied is Applied.NO


async def test_an_outage_of_ten_seconds_loses_nothing():
    """While the service refuses everything for ten seconds, fifty adds wait; then each is made once, at full speed."""
    app = emulator()
    async with paced(app, "setcronjob") as api, anyio.create_task_group() as group:
        app.emulator.faults.add(Fault("outage", times=None))
        for number in range(50):
            group.start_soon(lambda number=number: api.cron.add(url=URL, name=f"{number:02}"))
        await anyio.sleep(10)
        app.emulator.faults.clear()
        over = anyio.current_time()
        refused = len(app.emulator.requests)
    assert anyio.current_time() - over < 50 / 10 * 1.1 + 1.0
    assert names(app, "setcronjob") == [f"{number:02}" for number in range(50)]
    assert refused < 25


async def test_an_outage_without_end_is_told_within_the_budget():
    """A call that is refused for longer than the budget ends as ServiceUnavailableError, not applied."""
    app = emulator()
    async with paced(app, retry=RetryPolicy(budget=60)) as api:
        app.emulator.faults.add(Fault("outage", times=None))
        before = anyio.current_time()
        with pytest.raises(ServiceUnavailableError) as refused:
            await api.cron.add(url=URL)
        assert 60 <= anyio.current_time() - before < 75
    assert refused.value.applied is Applied.NO
    assert refused.value.attempts > 3


async def test_refusals_are_bounded_by_max_wait():
    """max_wait counts the time in the queue over all attempts."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("outage", times=None))
        before = anyio.current_time()
        with pytest.raises(WaitTooLongError) as refused:
            await api.with_options(max_wait=5).cron.add(url=URL)
        assert anyio.current_time() - before <= 5.5
    assert refused.value.applied is Applied.NO
    assert refused.value.attempts >= 1


async def test_without_a_policy_nothing_is_repeated():
    """retry=None sends one request and tells what is known of it."""
    app = emulator()
    async with paced(app, retry=None) as api:
        app.emulator.faults.add(
            Fault("lose", function="cron.add"), Fault("outage", function="cron.list")
        )
        with pytest.raises(TransportError) as lost:
            await api.cron.add(url=URL)
        assert lost.value.applied is Applied.UNKNOWN
        with pytest.raises(ServiceUnavailableError):
            await api.cron.list()
    assert len(app.emulator.requests) == 2


async def test_errors_that_do_not_go_away_are_told_after_max_attempts():
    """A service that fails every time is asked max_attempts times, and the last failure is told."""
    app = emulator()
    async with paced(app, retry=RetryPolicy(max_attempts=4)) as api:
        app.emulator.faults.add(Fault("error", times=None))
        with pytest.raises(StatusError) as failed:
            await api.cron.edit(1, name="x")
    assert failed.value.status == 500
    assert failed.value.attempts == len(app.emulator.requests) == 4
    assert failed.value.applied is Applied.UNKNOWN


async def test_what_cannot_be_read_is_told_after_three_attempts():
    """Answers that are no envelope come from the wrong place: three attempts, then ResponseError."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("garbage", times=None))
        with pytest.raises(ResponseError) as unread:
            await api.cron.list()
    assert unread.value.attempts == 3
    assert unread.value.applied is Applied.NO


async def test_a_stalled_answer_is_a_timeout_and_the_read_is_repeated():
    """An answer that is held back past the timeout costs that time; the repeat is answered."""
    app = emulator()
    async with paced(app, timeout=5.0) as api:
        app.emulator.faults.add(Fault("stall", function="cron.list", seconds=60.0))
        before = anyio.current_time()
        assert await api.cron.list() == []
        assert 5.0 <= anyio.current_time() - before < 10.0


async def test_a_timeout_is_said_to_be_one():
    """Without repeats the caller gets RequestTimeoutError, applied unknown for a change."""
    app = emulator()
    async with paced(app, timeout=5.0, retry=None) as api:
        app.emulator.faults.add(Fault("stall", seconds=60.0))
        with pytest.raises(RequestTimeoutError) as late:
            await api.cron.disable(1)
    assert late.value.applied is Applied.UNKNOWN


async def test_a_caller_that_goes_away_before_its_slot_takes_its_request_along():
    """A cancelled call that still waited is never sent."""
    app = emulator()
    async with paced(app) as api:
        await api.cron.list()
        with anyio.move_on_after(0.5) as scope:
            await api.cron.add(url=URL)
        assert scope.cancelled_caught
        await api.cron.list()
    assert count(app, "cron.add") == 0


async def test_a_caller_that_goes_away_after_sending_leaves_a_whole_client():
    """The exchange of a cancelled call ends by itself, and the next call is answered."""
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("stall", function="cron.add", seconds=3.0))
        with anyio.move_on_after(1) as scope:
            await api.cron.add(url=URL, name="left behind")
        assert scope.cancelled_caught
        assert [job.name for job in await api.cron.list()] == ["left behind"]
    assert api.scheduler.stats.in_flight == 0


async def test_closing_waits_for_what_is_under_way():
    """A client that is closed while a request is under way lets it end, and refuses new ones."""
    app = emulator()
    app.emulator.faults.add(Fault("stall", function="cron.list", seconds=3.0))
    api = paced(app)
    async with anyio.create_task_group() as group:
        group.start_soon(api.cron.list)
        await anyio.sleep(1)
        before = anyio.current_time()
        await api.aclose()
        assert anyio.current_time() - before == pytest.approx(2.0)
    with pytest.raises(CronAPIError, match="closed"):
        await api.cron.list()


async def test_closing_can_be_cancelled_while_it_waits():
    """A caller that does not want to wait for the last answers can leave, and the client is closed all the same."""
    app = emulator()
    app.emulator.faults.add(Fault("stall", function="cron.list", seconds=20.0))
    api = paced(app)
    async with anyio.create_task_group() as group:

        async def read():
            with pytest.raises(CronAPIError):
                await api.with_options(retry=None, timeout=10).cron.list()

        group.start_soon(read)
        await anyio.sleep(1)
        with anyio.move_on_after(1) as scope:
            await api.aclose()
        assert scope.cancelled_caught


@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
async def test_the_whole_allowed_rate_is_used_and_never_abused(provider):
    """Thirty callers at once are let through at 0.95 of the rate without a single refusal by the emulator's own count."""
    app = emulator()
    async with paced(app, provider) as api, anyio.create_task_group() as group:
        begun = anyio.current_time()
        for _ in range(30):
            group.start_soon(api.cron.list)
    rate = {"fastcron": 1.0, "setcronjob": 10.0}[provider]
    assert app.emulator.limiters[provider].refused == 0
    assert 29 / rate <= anyio.current_time() - begun <= 29 / rate / 0.95


async def test_another_program_on_the_same_account_costs_no_call():
    """While another program takes half of the rate, every call of ours is answered all the same."""
    app = emulator()
    done = []
    other = httpx.AsyncClient(transport=httpx.ASGITransport(app))

    async def ours(api):
        done.append(await api.cron.list())

    async with paced(app, "setcronjob") as api, other, anyio.create_task_group() as group:
        for _ in range(60):
            group.start_soon(ours, api)
        for _ in range(40):
            await other.post("http://127.0.0.1:1/api/cron.list", data={"token": TOKEN})
            await anyio.sleep(0.2)
    assert len(done) == 60


async def test_max_wait_bounds_the_rests_between_repeats():
    """While nobody listens at the address, a call with max_wait gives up within it instead of resting for longer."""

    def refuse(request):
        raise httpx.ConnectError("nobody listens")

    async with client_of(None, scheduler=virtual(10), transport=httpx.MockTransport(refuse)) as api:
        begun = anyio.current_time()
        with pytest.raises(ConnectionFailedError):
            await api.with_options(max_wait=2.0).cron.list()
        assert anyio.current_time() - begun <= 2.0 + 0.25
