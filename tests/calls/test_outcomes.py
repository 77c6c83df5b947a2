"""What becomes of a call when answers get lost, when it is refused, and when callers go away."""

from __future__ import annotations

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
from tests.support.emulated import LOSSES, TOKEN, URL, client_of, emulator, paced, virtual
from tests.support.seen import accepted, names

pytestmark = pytest.mark.virtual_clock


@pytest.mark.parametrize("kind", [*LOSSES, "reset", "error", "outage"])
async def test_reads_and_edits_are_repeated(kind):
    """A lost answer to a read or an edit is no news to the caller: the call is repeated and its
    result comes back.
    """
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
    """A batch of deletes or a group's delete whose answer is lost is repeated, and done."""
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
    """A listing that gave up on answers that nobody can read is asked for once more before a delete
    would be unknown.
    """
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


@pytest.mark.each_loop
async def test_a_wrong_token_is_said_at_once():
    """Code 11 is an AuthenticationError after one request."""
    app = emulator()
    async with paced(app, token="f" * 32) as api:
        with pytest.raises(AuthenticationError) as refused:
            await api.cron.list()
    assert refused.value.code == 11
    assert refused.value.attempts == 1
    assert refused.value.applied is Applied.NO


@pytest.mark.each_loop
async def test_an_outage_of_ten_seconds_loses_nothing():
    """While the service refuses everything for ten seconds, fifty adds wait; then each is made
    once, at full speed.
    """
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
    assert sorted(names(app, "setcronjob")) == [f"{number:02}" for number in range(50)]
    assert refused < 25


@pytest.mark.each_loop
async def test_an_outage_without_end_is_told_within_the_budget():
    """A call that is refused for longer than the budget ends as ServiceUnavailableError, not
    applied.
    """
    app = emulator()
    async with paced(app, retry=RetryPolicy(budget=60)) as api:
        app.emulator.faults.add(Fault("outage", times=None))
        before = anyio.current_time()
        with pytest.raises(ServiceUnavailableError) as refused:
            await api.cron.add(url=URL)
        assert 60 <= anyio.current_time() - before < 75
    assert refused.value.applied is Applied.NO
    assert refused.value.attempts > 3


@pytest.mark.each_loop
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


@pytest.mark.each_loop
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
    """Answers that are no envelope come from the wrong place: three attempts,
    then ResponseError.
    """
    app = emulator()
    async with paced(app) as api:
        app.emulator.faults.add(Fault("garbage", times=None))
        with pytest.raises(ResponseError) as unread:
            await api.cron.list()
    assert unread.value.attempts == 3
    assert unread.value.applied is Applied.NO


@pytest.mark.each_loop
async def test_a_stalled_answer_is_a_timeout_and_the_read_is_repeated():
    """An answer that is held back past the timeout costs that time; the repeat is answered."""
    app = emulator()
    async with paced(app, timeout=5.0) as api:
        app.emulator.faults.add(Fault("stall", function="cron.list", seconds=60.0))
        before = anyio.current_time()
        assert await api.cron.list() == []
        assert 5.0 <= anyio.current_time() - before < 10.0


@pytest.mark.each_loop
async def test_a_timeout_is_said_to_be_one():
    """Without repeats the caller gets RequestTimeoutError, applied unknown for a change."""
    app = emulator()
    async with paced(app, timeout=5.0, retry=None) as api:
        app.emulator.faults.add(Fault("stall", seconds=60.0))
        with pytest.raises(RequestTimeoutError) as late:
            await api.cron.disable(1)
    assert late.value.applied is Applied.UNKNOWN


@pytest.mark.each_loop
async def test_a_caller_that_goes_away_before_its_slot_takes_its_request_along():
    """A cancelled call that still waited is never sent."""
    app = emulator()
    async with paced(app) as api:
        await api.cron.list()
        with anyio.move_on_after(0.5) as scope:
            await api.cron.add(url=URL)
        assert scope.cancelled_caught
        await api.cron.list()
    assert accepted(app, "cron.add") == 0


@pytest.mark.each_loop
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


@pytest.mark.each_loop
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


@pytest.mark.each_loop
async def test_closing_can_be_cancelled_while_it_waits():
    """A caller that does not want to wait for the last answers can leave, and the client is closed
    all the same.
    """
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
    """Thirty callers at once are let through at 0.95 of the rate without a single refusal by the
    emulator's own count.
    """
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


@pytest.mark.each_loop
async def test_max_wait_bounds_the_rests_between_repeats():
    """While nobody listens at the address, a call with max_wait gives up within it instead of
    resting for longer.
    """

    def refuse(request):
        raise httpx.ConnectError("nobody listens")

    async with client_of(None, scheduler=virtual(10), transport=httpx.MockTransport(refuse)) as api:
        begun = anyio.current_time()
        with pytest.raises(ConnectionFailedError):
            await api.with_options(max_wait=2.0).cron.list()
        assert anyio.current_time() - begun <= 2.0 + 0.25
