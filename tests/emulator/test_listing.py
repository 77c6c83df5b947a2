"""Lists whose search, order or pages are odd, and lists that lag behind."""

from __future__ import annotations

from itertools import pairwise

import anyio
import pytest

from cronapi.emulator import Clock, create_app

from .conftest import UNLIMITED, Desk, calling

URL = "https://example.com/ping"


def names(jobs):
    return [job["name"] for job in jobs]


async def list_names(caller, **params):
    return names((await caller.fastcron("cron.list", **params)).json()["data"])


async def add(caller, *added):
    rows = [{"url": URL, "name": name} for name in added]
    return [
        job["id"] for job in (await caller.fastcron("cron.batch_add", data=rows)).json()["data"]
    ]


@pytest.mark.parametrize(
    ("search", "keyword", "found"),
    [
        ("contains", "PING", ["ping all", "pinging", "50% ping", "a_b pings"]),
        ("contains", "%", ["50% ping"]),
        ("words", "ping", ["ping all", "50% ping"]),
        ("words", "ping all", ["ping all"]),
        ("words", "all ping", []),
        ("words", "%", []),
        ("words", "example", ["ping all", "pinging", "50% ping", "a_b pings"]),
        ("words", "100002", ["pinging"]),
        ("like", "g%l", ["ping all"]),
        ("like", "a_l", ["ping all"]),
        ("like", "a_b", ["a_b pings"]),
        ("like", "5_% p", ["50% ping"]),
        ("like", "50\\% p", ["50% ping"]),
        ("like", "\\50%", ["50% ping"]),
        ("like", "[a]", []),
        ("like", "\\", []),
        ("like_badly_escaped", "ping", ["ping all", "pinging", "50% ping", "a_b pings"]),
        ("like_badly_escaped", "50%", []),
        ("like_badly_escaped", "a_b", []),
        ("none", "ping", []),
        ("none", "", ["ping all", "pinging", "50% ping", "a_b pings"]),
    ],
)
def test_a_search_finds_by_its_method(search, keyword, found):
    """Each method of search finds the jobs that it should, and an empty keyword finds all."""
    desk = Desk(search=search)
    for name in ("ping all", "pinging", "50% ping", "a_b pings"):
        desk.add(name=name, url="https://service.example/x")
    assert names(desk("cron.list", keyword=keyword)) == found


def test_like_does_not_find_a_text_by_itself():
    """A search by `like` for a name with a backslash does not find that name."""
    desk = Desk(search="like")
    desk.add(name="a\\b")
    assert desk("cron.list", keyword="a\\b") == []


def test_pages_can_be_ignored():
    """With ignore_page every page is the whole list, whatever page_size is."""
    desk = Desk(ignore_page=True, page_size=2)
    for name in "abc":
        desk.add(name=name)
    assert names(desk("cron.list")) == names(desk("cron.list", page=7)) == list("abc")


async def read(caller, times):
    return [(await caller.fastcron("cron.list")).json()["data"] for _ in range(times)]


async def test_a_list_by_failures_moves_between_reads():
    """One job fails more after each read, and the list has the most failures first."""
    async with calling(create_app(rates=UNLIMITED, moves="fail")) as caller:
        await add(caller, *"abcd")
        reads = await read(caller, 20)
    for jobs in reads:
        assert jobs == sorted(jobs, key=lambda job: (-job["fail"], job["id"]))
    assert [sum(job["fail"] for job in jobs) for jobs in reads] == list(range(20))
    assert len({tuple(names(jobs)) for jobs in reads}) > 3


async def test_a_moving_row_is_missed_by_a_walk_over_pages():
    """A job that fails while a client is between two pages comes twice, and another not at all."""
    app = create_app(rates=UNLIMITED, moves="fail", page_size=2)
    async with calling(app) as caller:
        await add(caller, *"abcd")
        walks = [[*await list_names(caller), *await list_names(caller, page=2)] for _ in range(20)]
    assert all(len(walk) == 4 for walk in walks)
    assert any(len(set(walk)) < 4 for walk in walks)


@pytest.mark.parametrize("moves", ["fail", "shuffle"])
async def test_moves_repeat_with_the_seed(moves):
    """Rows move in the same way for one seed, and in another way for another seed."""

    async def orders(seed):
        async with calling(create_app(rates=UNLIMITED, moves=moves, seed=seed)) as caller:
            await add(caller, *"abcdef")
            return [tuple(names(jobs)) for jobs in await read(caller, 8)]

    assert await orders(1) == await orders(1) != await orders(2)


async def test_a_shuffled_list_has_every_job():
    """Each read of a shuffled list has all jobs, and the order changes."""
    async with calling(create_app(rates=UNLIMITED, moves="shuffle")) as caller:
        await add(caller, *"abcdef")
        reads = [names(jobs) for jobs in await read(caller, 6)]
    assert all(sorted(jobs) == list("abcdef") for jobs in reads)
    assert any(before != after for before, after in pairwise(reads))


async def test_a_list_lags_behind_changes(clock):
    """List and search show changes only after the lag, and get shows them at once."""
    app = create_app(clock=clock, rates=UNLIMITED, lag=5.0)
    async with calling(app) as caller:
        first, second = await add(caller, "a", "b")
        assert await list_names(caller) == []
        assert (await caller.fastcron("cron.get", id=first)).json()["data"]["name"] == "a"
        clock.advance(4.9)
        assert await list_names(caller, keyword="a") == []
        clock.advance(0.1)
        assert await list_names(caller) == ["a", "b"]
        await caller.fastcron("cron.edit", id=first, name="changed")
        await caller.fastcron("cron.delete", id=second)
        clock.advance(3)
        await caller.fastcron("cron.edit", id=first, name="changed again")
        assert await list_names(caller) == ["a", "b"]
        clock.advance(2)
        assert await list_names(caller) == ["changed"]
        clock.advance(3)
        assert await list_names(caller) == ["changed again"]


async def test_lists_of_groups_lag_too(clock):
    """The list, the lookup and the items of groups lag as the list of jobs does."""
    app = create_app(clock=clock, rates=UNLIMITED, lag=5.0)
    async with calling(app) as caller:
        group = (await caller.setcronjob("group.add", name="g")).json()["data"]["id"]
        await caller.setcronjob("cron.add", url=URL, group=group)
        questions = [
            ("group.list", {}),
            ("group.lookup", {"name": "g"}),
            ("group.items", {"id": group}),
        ]
        for question, params in questions:
            assert (await caller.setcronjob(question, **params)).json()["data"] == []
        clock.advance(5)
        for question, params in questions:
            assert len((await caller.setcronjob(question, **params)).json()["data"]) == 1


async def test_a_refused_change_leaves_a_lagging_list_as_it_was(clock):
    """A batch that is refused as a whole is in no list, and its ids go to the next jobs."""
    app = create_app(clock=clock, rates=UNLIMITED, lag=5.0)
    async with calling(app) as caller:
        (first,) = await add(caller, "a")
        clock.advance(5)
        refused = await caller.fastcron("cron.batch_delete", id=[first, 7])
        assert refused.json()["code"] == 1
        assert await list_names(caller) == ["a"]
        await add(caller, "b")
        assert await list_names(caller) == ["a"]
        clock.advance(5)
        assert await list_names(caller) == ["a", "b"]


def test_a_lag_passes_on_the_clock_of_the_event_loop(virtual_backend):
    """The lag is measured by the clock's ticks, so that a virtual clock moves it."""

    async def main():
        clock = Clock(ticks=anyio.current_time)
        async with calling(create_app(clock=clock, rates=UNLIMITED, lag=60.0)) as caller:
            await add(caller, "a")
            assert await list_names(caller) == []
            await anyio.sleep(60)
            assert await list_names(caller) == ["a"]

    anyio.run(main, **virtual_backend)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"moves": "away"}, "unknown moves 'away'"),
        ({"search": "regex"}, "unknown search 'regex'"),
        ({"lag": -1.0}, "lag must be 0 or more"),
        ({"lag": float("nan")}, "lag must be 0 or more"),
        ({"page_size": 0}, "page_size must be"),
    ],
)
def test_nonsense_is_refused(wrong, message):
    """An unknown name or a number out of range raises ValueError."""
    with pytest.raises(ValueError, match=message):
        create_app(**wrong)


@pytest.mark.parametrize("expression", ["1 minute", "manual"])
def test_pages_put_together_are_the_whole_list(expression):
    """A page has the rows that it would have in the whole list, up to date, with gaps in the ids
    and beyond the end.
    """
    pages, whole = Desk(page_size=3), Desk(ignore_page=True)
    for desk in (pages, whole):
        ids = [
            desk.add(name=f"n{n}", expression=expression, url=f"{URL}/404")["id"] for n in range(8)
        ]
        desk("cron.delete", id=ids[2])
        desk("cron.pause", id=ids[5], **{"for": "5 minutes"})
        desk.now += 600
    rows = [pages("cron.list", page=number) for number in (1, 2, 3, 4, 2**60)]
    assert [len(page) for page in rows] == [3, 3, 1, 0, 0]
    assert [row for page in rows for row in page] == whole("cron.list")
    assert pages("cron.list", page=0) == pages("cron.list", page=-1) == rows[0]


def test_what_a_caller_does_to_a_job_stays_with_the_caller():
    """A test may change the documents that the emulator hands out."""
    app = create_app()
    app.emulator.store.add("job", "fastcron", "one", {"name": "kept", "queued": []})
    (job,) = app.emulator.jobs("fastcron")
    job["queued"].append(1)
    job.clear()
    assert app.emulator.jobs("fastcron")[0]["queued"] == []
