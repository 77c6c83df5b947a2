"""What shared buckets keep, in Redis and in a file: turns, crashes, one evaluation a slot."""

from __future__ import annotations

import random
from functools import partial

import anyio
import pytest

from cronapi import Rate, WaitTooLongError
from cronapi.emulator import create_app
from cronapi.scheduler import LocalBucket
from tests.support.emulated import FAST, client_of
from tests.support.fleet import caller, gaps, run_all, settle

pytestmark = [pytest.mark.virtual_clock, pytest.mark.each_loop]


def bound_twins(shared_fleet, now):
    """Return a local bucket and a shared one of the same rate, whose time is that in a list."""
    clock = partial(now.__getitem__, 0)
    twins = [LocalBucket(Rate(10), clock=clock), shared_fleet.bucket(clock=clock)]
    for twin in twins:
        twin.bind(Rate(10))
    return twins


@pytest.mark.crowd
@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(4, 20))]
)
async def test_a_shared_bucket_keeps_the_rules_of_the_local_one(shared_fleet, seed):
    """Both buckets wait, widen and hold alike for outcomes in any order."""
    rng = random.Random(seed)
    kinds = ["accepted"] * (3 if seed % 2 else 60) + ["refused"] * 3 + ["lost"]
    now = [1000.0]
    twins = bound_twins(shared_fleet, now)
    out = []
    for _ in range(60 if seed % 2 else 180):
        while out and (len(out) > 2 or out[-1][0].probe or rng.random() < 0.5):
            now[0] += rng.uniform(0.001, 0.08)
            starts, outcome = out.pop(rng.randrange(len(out))), rng.choice(kinds)
            asked = [2.5] if outcome == "refused" and rng.random() < 0.1 else []
            for twin, start in zip(twins, starts, strict=True):
                getattr(twin, outcome)(start, *asked)
                await twin.publish()
        now[0] += rng.choice([0.0, 0.0, 0.05, 1.0])
        await twins[1].reserve()
        waits = [twin.wait() for twin in twins]
        assert waits[0] == pytest.approx(waits[1], abs=2e-5)
        now[0] += max(waits)
        out.append([twin.take() for twin in twins])
        assert out[-1][0].probe == out[-1][1].probe
        looks = [
            twin.read(
                lambda pace, _: (pace.refusal_streak, pace.refused_calls, pace.holds, pace.margin)
            )
            for twin in twins
        ]
        assert looks[0] == pytest.approx(looks[1], abs=2e-4)


@pytest.mark.crowd
async def test_a_shared_bucket_makes_up_for_late_timers_like_the_local_one(shared_fleet):
    """After long calm both let a late start cost nothing, until the next refusal."""
    now = [1000.0]
    twins = bound_twins(shared_fleet, now)
    margins = []
    for outcome in ["accepted"] * 110 + ["refused"] + ["accepted"] * 20:
        await twins[1].reserve()
        waits = [twin.wait() for twin in twins]
        assert waits[0] == pytest.approx(waits[1], abs=2e-5)
        looks = [twin.read(lambda pace, _: (pace.margin, pace.spacing)) for twin in twins]
        assert looks[0] == pytest.approx(looks[1], abs=2e-4)
        margins.append(looks[0][0])
        now[0] += max(waits) + (0.003 if len(margins) > 1 else 0.0)
        for twin in twins:
            start = twin.take()
            twin.sent(start)
            getattr(twin, outcome)(start)
            await twin.publish()
    assert margins[110] < -0.05
    assert min(margins[111:]) >= 0


@pytest.mark.crowd
async def test_processes_take_turns(shared_fleet):
    """None of four processes is ever ahead of another by more than two starts."""
    starts = []
    schedulers = [shared_fleet.scheduler() for _ in range(4)]
    await run_all(
        *[
            caller(scheduler, starts, place)
            for place, scheduler in enumerate(schedulers)
            for _ in range(25)
        ]
    )
    for end in range(4, 97):
        counts = [sum(name == place for _, name in starts[:end]) for place in range(4)]
        assert max(counts) - min(counts) <= 2


async def test_a_hold_reaches_every_process(shared_fleet):
    """What one process learns holds the others, and its probe frees them."""
    first, second = shared_fleet.scheduler(), shared_fleet.scheduler()
    await settle(second, "accepted")
    await settle(first, *["refused"] * 3)
    probe = await first.acquire()
    with anyio.move_on_after(0.9):
        await second.acquire()
        pytest.fail("a second start while the probe was out")
    probe.accepted()
    probe.close()
    await probe.publish()
    before = anyio.current_time()
    await settle(second, "accepted")
    assert anyio.current_time() - before < 0.5


async def test_a_probe_whose_process_crashed_frees_the_others(shared_fleet):
    """Nobody hears of the probe again: after ten intervals and two seconds another one goes."""
    first, second = shared_fleet.scheduler(), shared_fleet.scheduler()
    await settle(first, *["refused"] * 3)
    await first.acquire()
    before = anyio.current_time()
    await settle(second, "accepted")
    assert 2.5 < anyio.current_time() - before < 4.0


@pytest.mark.crowd
async def test_waiting_for_a_probe_costs_few_evaluations(shared_fleet):
    """Fifty processes that wait for a probe together ask as often as starts would be due."""
    schedulers = [shared_fleet.scheduler() for _ in range(50)]
    await settle(schedulers[0], *["refused"] * 3)
    await schedulers[0].acquire()
    before = len(shared_fleet.asked)
    with anyio.move_on_after(2.0):
        await run_all(*[caller(scheduler, []) for scheduler in schedulers[1:]])
    assert len(shared_fleet.asked) - before <= 49 + 2.0 / 0.1 + 2


async def test_a_start_that_was_reserved_before_a_hold_is_not_sent_in_it(shared_fleet):
    """A process that learns of a hold gives up the start that it still has."""
    scheduler = shared_fleet.scheduler()
    first = await scheduler.acquire()
    with anyio.move_on_after(0.01):
        await scheduler.acquire()
    first.refused(5.0)
    first.close()
    await first.publish()
    before = anyio.current_time()
    await settle(scheduler, "accepted")
    assert anyio.current_time() - before >= 5.0 - 1e-3


async def test_a_start_that_nobody_used_in_time_lapses(shared_fleet):
    """A start whose caller went away is not sent an hour later beside somebody else's."""
    first, second = shared_fleet.scheduler(1.0), shared_fleet.scheduler(1.0)
    await settle(first, "accepted")
    with anyio.move_on_after(0.5):
        await first.acquire()
    await anyio.sleep(3600)
    starts = []
    await run_all(caller(second, starts), caller(first, starts))
    assert min(gaps(starts)) >= 1.0 - 1e-6


async def test_a_start_that_lapsed_is_not_waited_for_again(shared_fleet):
    """A process that lets its start lapse gets another at once, if none was reserved since."""
    scheduler = shared_fleet.scheduler(1.0)
    await settle(scheduler, "accepted")
    with anyio.move_on_after(0.5):
        await scheduler.acquire()
    await anyio.sleep(0.55 + 0.7)
    before = anyio.current_time()
    await settle(scheduler, "accepted")
    assert anyio.current_time() == before


async def test_refusals_with_a_success_between_them_are_no_row(shared_fleet):
    """Two processes are refused once each, and a call went through in between: nobody is held."""
    first, second = shared_fleet.scheduler(), shared_fleet.scheduler()
    await settle(first, "refused", "accepted")
    await anyio.sleep(60)
    await settle(second, "refused", "accepted")
    assert second.stats.refusals == 2
    assert second.stats.holds == 0


async def test_a_probe_without_an_answer_lets_another_process_try(shared_fleet):
    """A process that loses its probe says so at once, though it has no other call."""
    first, second = shared_fleet.scheduler(), shared_fleet.scheduler()
    await settle(first, *["refused"] * 3, "lost")
    before = anyio.current_time()
    await settle(second, "accepted")
    assert anyio.current_time() - before < 0.2


async def test_one_evaluation_a_slot(shared_fleet):
    """A hundred accepted calls cost a hundred evaluations."""
    scheduler = shared_fleet.scheduler()
    await run_all(*[caller(scheduler, []) for _ in range(100)])
    assert len(shared_fleet.asked) == 100


@pytest.mark.crowd
async def test_processes_that_make_a_single_call_share_what_they_learn(shared_fleet):
    """Thirty clients that make a call and are closed, one after the other, narrow the margin."""
    margins = []
    for _ in range(30):
        scheduler = shared_fleet.scheduler()
        async with client_of(create_app(rates=FAST), scheduler=scheduler) as api:
            await api.cron.list()
        margins.append(scheduler.stats.margin)
        await api.aclose()
    assert len(shared_fleet.asked) == 60
    assert margins[-1] < margins[0] / 2


async def test_a_process_that_ends_gives_back_the_start_that_it_waited_for(shared_fleet):
    """A client whose call gave up in the queue leaves its start to the next process."""
    (first,) = await settle(shared_fleet.scheduler(1.0), "accepted")
    scheduler = shared_fleet.scheduler(1.0)
    async with client_of(create_app(rates=FAST), scheduler=scheduler) as api:
        with pytest.raises(WaitTooLongError):
            await api.with_options(max_wait=0.1).cron.list()
    (second,) = await settle(shared_fleet.scheduler(1.0), "accepted")
    assert second - first < 1.1


async def test_a_client_that_is_closed_takes_nothing_from_another(shared_fleet):
    """A scheduler that two clients have serves the second when the first is closed."""
    scheduler = shared_fleet.scheduler(1.0)
    app = create_app(rates=FAST)
    async with client_of(app, scheduler=scheduler) as api:
        await api.cron.list()
        begun = anyio.current_time()
        async with anyio.create_task_group() as group, client_of(app, scheduler=scheduler) as other:
            group.start_soon(api.cron.list)
            await anyio.sleep(0.5)
            await other.aclose()
        assert anyio.current_time() - begun < 1.1


async def test_requests_that_get_ready_together_keep_the_fleet_away_as_well(shared_fleet):
    """A request that waits on the wire for its turn delays the next start of every process."""
    ours, theirs = shared_fleet.scheduler(1), shared_fleet.scheduler(1)
    first, second = await ours.acquire(), await ours.acquire()
    await first.ready()
    sent = anyio.current_time()
    await second.ready()
    late = anyio.current_time()
    assert late - sent >= 1.0
    for slot in (first, second):
        slot.refused()
        slot.close()
        await slot.publish()
    await theirs.acquire()
    assert anyio.current_time() - late >= 1.0


@pytest.mark.few(1)
@pytest.mark.crowd
@pytest.mark.parametrize("rate", [30, pytest.param(100, marks=pytest.mark.proof)])
async def test_what_a_process_keeps_of_the_rate_grows_with_time_and_not_with_calls(
    shared_fleet, rate
):
    """The starts of ten seconds leave a note for each second, not for each start."""
    scheduler = shared_fleet.scheduler(rate)
    await settle(scheduler, *["accepted"] * 10 * rate)
    assert 0.9 * rate < scheduler.stats.rate <= rate
    assert scheduler.bucket.read(lambda pace, _: len(pace._tally._counts)) <= 13
