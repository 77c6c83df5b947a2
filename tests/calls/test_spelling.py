"""Services that keep a name or a URL in a spelling of their own: no job is made twice, and nobody
is told "done" of two.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import OutcomeUnknownError, RetryPolicy
from cronapi._calls.spelling import normal
from cronapi.emulator import ALTERS, NORMALISE, UNFORESEEN, Fault
from tests.support.chaos_odd import spec
from tests.support.emulated import emulator, fill, paced, together, virtual
from tests.support.told import CREATES, WAYS, cancelled_when, is_true, told, told_of

pytestmark = pytest.mark.virtual_clock

FAULTS = ["lose", "garbage", "reset"]
"""Applied and the answer lost, applied and the answer unreadable, never arrived."""
SHOP = {"url": "https://shop.example", "name": "shop ping"}


def respelling(kinds):
    """Return an emulator that keeps texts in these spellings, and that loses one create."""
    return emulator(normalise=[kinds] if isinstance(kinds, str) else kinds)


# --- the case ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_shop_whose_url_gets_a_slash_is_pinged_once(fault):
    """`https://shop.example` is kept as `https://shop.example/`, and is the same job."""
    app = respelling("url_slash")
    app.emulator.faults.add(Fault(fault, function="cron.add"))
    async with paced(app) as api:
        job = await api.cron.add(**SHOP)
    assert [row["id"] for row in app.emulator.jobs("fastcron")] == [job.id]


PURE = [
    ("url_lower_host", {"url": "HTTPS://Shop.Example/a"}),
    ("url_default_port", {"url": "https://shop.example:443/a"}),
    ("url_punycode", {"url": "https://b\u00fccher.example/a"}),
    ("url_unicode", {"url": "https://xn--bcher-kva.example/a"}),
    ("url_encoded", {"url": "https://shop.example/\u00e4?q=\u00f6"}),
    ("url_upper_escapes", {"url": "https://shop.example/%c3%a4"}),
    ("name_nfc", {"name": "Caf\u0065\u0301"}),
    ("name_nfd", {"name": "Caf\u00e9"}),
    ("name_strip", {"name": "  shop ping  "}),
]


@pytest.mark.parametrize(("kind", "change"), PURE)
async def test_a_pure_respelling_is_adopted(kind, change):
    """A job whose answer was lost is found again where only its spelling has changed."""
    app = respelling(kind)
    app.emulator.faults.add(Fault("lose", function="cron.add"))
    async with paced(app) as api:
        job = await api.cron.add(**(SHOP | change))
    (row,) = app.emulator.jobs("fastcron")
    assert row["id"] == job.id


LOSSY = [
    ("name_cut", {"name": "nightly backup of the databases of the shop and of its branches"}),
    ("name_default", {"name": ""}),
    ("name_no_tags", {"name": "shop <b>ping</b>"}),
    ("name_escaped", {"name": "shop & ping"}),
    ("name_ascii", {"name": "Caf\u00e9"}),
    ("name_lower", {"name": "Shop Ping"}),
    ("url_no_fragment", {"url": "https://shop.example/a#b"}),
    ("url_https", {"url": "http://shop.example/a"}),
    ("url_cut", {"url": f"https://shop.example/{'a' * 120}"}),
    *((kind, {"url": "https://shop.example/a?b=1&a=2"}) for kind in sorted(UNFORESEEN)),
]


@pytest.mark.few(4)
@pytest.mark.parametrize(("kind", "change"), LOSSY)
async def test_a_text_that_was_altered_is_unknown_and_never_made_twice(kind, change):
    """A text that was cut, defaulted, cleaned or turned around may be somebody else's job."""
    app = respelling(kind)
    app.emulator.faults.add(Fault("lose", function="cron.add"))
    async with paced(app) as api:
        with pytest.raises(OutcomeUnknownError):
            await api.cron.add(**(SHOP | change))
    assert len(app.emulator.jobs("fastcron")) == 1


# --- every kind, every way -----------------------------------------------------------------------


KINDS = list(NORMALISE)


@pytest.fixture
def turns(anyio_backend_name):
    """Return every second kind on each event loop, with a number by which other choices rotate."""
    return list(enumerate(KINDS))[anyio_backend_name == "trio" :: 2]


async def holds(kind, way, fault):
    """Create in one way at a service with one spelling that loses the creates."""
    app = respelling(kind)
    app.emulator.faults.add(*(Fault(fault, function=name) for name in CREATES))
    async with paced(app) as api:
        found = await WAYS[way](api, spec)
    assert is_true(found, app.emulator.jobs("fastcron")), (kind, way, fault, found)


async def group_holds(kind, fault):
    """Make a group at a service with one spelling that loses the create."""
    app = respelling(kind)
    app.emulator.faults.add(Fault(fault, function="group.add"))
    async with paced(app) as api:
        found = await told(api.group.add(spec(0)["name"]))
    assert is_true(found, app.emulator.groups("fastcron")), (kind, fault, found)


async def journal_holds(kind, client, journal, items):
    """Cancel a bulk of some items while they are under way, and resume it."""
    app, given = respelling(kind), [spec(number) for number in range(items)]
    app.emulator.faults.add(Fault("stall", function="cron.batch_add", seconds=0.6))
    async with paced(app) as api:
        await cancelled_when(app, api.cron.add_many(given, journal=journal), 1)
        if client == "same":
            found = told_of(await api.cron.add_many(given, journal=journal))
    if client == "new":
        async with paced(app) as api:
            found = told_of(await api.cron.add_many(given, journal=journal))
    assert is_true(found, app.emulator.jobs("fastcron")), (kind, client, found)


@pytest.mark.few(2)
@pytest.mark.parametrize("way", WAYS)
async def test_every_spelling_in_every_way(way, turns):
    """No job is made that nobody was told of, and none is told done that is not there."""
    for number, kind in turns:
        await holds(kind, way, FAULTS[(number + list(WAYS).index(way)) % 3])


@pytest.mark.crowd
async def test_a_group_is_made_once_in_every_spelling(turns):
    """A group has a name and no URL."""
    for number, kind in turns:
        if "name" in ALTERS[kind]:
            await group_holds(kind, FAULTS[number // 2 % 3])


@pytest.mark.crowd
async def test_a_resumed_journal_makes_nothing_twice_in_any_spelling(tmp_path, turns):
    """The items are under way when the bulk is cancelled, and the next run tells the truth."""
    for number, kind in turns:
        client = ("same", "new")[number // 2 % 2]
        await journal_holds(kind, client, tmp_path / f"{kind}.jsonl", 8)


@pytest.mark.proof
@pytest.mark.parametrize("kind", KINDS)
async def test_every_spelling_in_every_way_and_with_every_fault(kind, tmp_path):
    """The same on both event loops, and with a journal of fifty items."""
    for fault in FAULTS:
        for way in WAYS:
            await holds(kind, way, fault)
        if "name" in ALTERS[kind]:
            await group_holds(kind, fault)
    for client in ("same", "new"):
        await journal_holds(kind, client, tmp_path / f"{client}.jsonl", 50)


@given(kinds=st.sets(st.sampled_from(sorted(NORMALISE)), min_size=2, max_size=5))
def test_a_job_in_several_spellings_at_once_is_no_contradiction(kinds):
    """The normal form of a normal form is itself, so that comparing it is safe."""
    wanted = spec(len(kinds))
    for name in ("name", "url"):
        once = normal(name, wanted[name])
        assert normal(name, once) == once


# --- honest services -----------------------------------------------------------------------------


OWN = [{"timeout": 11 + number} for number in range(4)]
"""Fields of their own for the jobs of four processes."""


async def at_once(app, fault, *, knows, same_name):
    """Let four clients of one account add four jobs each, each of which loses an answer.

    With `knows`, each has made and found a job before. Return what each raised, or None.
    """

    async def work(number, api):
        app.emulator.faults.add(Fault(fault, function="cron.add"))
        for count in range(4):
            name = "ping" if same_name else f"ping {number} {count}"
            fields = {} if knows else OWN[number]
            await api.cron.add(url=f"https://a.example/{number}/{count}", name=name, **fields)

    async with AsyncExitStack() as stack:
        retry = RetryPolicy(max_attempts=8)
        clients = [await stack.enter_async_context(paced(app, retry=retry)) for _ in OWN]
        for number, api in enumerate(clients if knows else ()):
            # It has seen how the service keeps texts.
            url = f"https://a.example/first/{number}"
            await api.cron.add(url=url, name=f"ping {number} first")
        return await together(*(partial(work, *one) for one in enumerate(clients)))


@pytest.mark.parametrize("same_name", [False, True])
async def test_four_processes_that_create_at_once_get_certain_answers(same_name):
    """Four clients of one account each lose the answer to an add, while all others add too."""
    for fault in FAULTS:
        app = emulator(rates={"fastcron": None})
        assert await at_once(app, fault, knows=True, same_name=same_name) == [None] * 4
        urls = [row["url"] for row in app.emulator.jobs("fastcron")]
        assert len(urls) == len(set(urls)) == 20


@pytest.mark.crowd
async def test_four_new_processes_that_create_at_once_get_certain_answers():
    """They have listed nothing before. Their jobs differ in name, URL and another field."""
    for fault in FAULTS:
        app = emulator(rates={"fastcron": None})
        fill(app, "fastcron", 5)
        assert await at_once(app, fault, knows=False, same_name=False) == [None] * 4
        urls = [row["url"] for row in app.emulator.jobs("fastcron")]
        assert len(urls) == len(set(urls)) == 5 + 16


@pytest.mark.parametrize("fault", ["lose", "garbage"])
async def test_four_new_processes_find_what_was_made_beside_jobs_of_one_name(fault):
    """A job that is there in all its fields is certain, whatever else is there."""
    app = emulator(rates={"fastcron": None})
    fill(app, "fastcron", 5)
    assert await at_once(app, fault, knows=False, same_name=True) == [None] * 4
    assert len(app.emulator.jobs("fastcron")) == 5 + 16


CONTRADICTED = [
    {"timeout": 25},
    {"expression": "7 3 * * *"},
    {"timezone": "Europe/London"},
    {"instances": 1},
    {"http_method": "POST"},
    {"http_headers": {"X-Job": "1"}},
    {"post_data": "a=1"},
    {"notify": False},
]


@pytest.mark.crowd
async def test_a_job_that_contradicts_a_field_is_no_answer_to_a_new_clients_create():
    """Its name and URL differ too, and the client has never listed it: the create is sent again."""
    for field in CONTRADICTED:
        for fault in ("reset", "error"):
            app = emulator(rates={"fastcron": None})
            there = fill(app, "fastcron", 20)
            app.emulator.faults.add(Fault(fault, function="cron.add"))
            async with paced(app, scheduler=virtual(1000.0)) as api:
                job = await api.cron.add(**SHOP, **field)
            ids = [row["id"] for row in app.emulator.jobs("fastcron")]
            assert ids == [*there, job.id], (field, fault)


@pytest.mark.each_loop
async def test_a_job_that_contradicts_nothing_leaves_a_new_clients_create_open():
    """A service that alters both texts could have made it: only a listing before tells."""
    for listed in (False, True):
        app = emulator(rates={"fastcron": None})
        there = fill(app, "fastcron", 1)
        app.emulator.faults.add(Fault("reset", function="cron.add"))
        async with paced(app) as api:
            if listed:
                await api.cron.list()
                await api.cron.add(**SHOP)
            else:
                with pytest.raises(OutcomeUnknownError):
                    await api.cron.add(**SHOP)
        assert len(app.emulator.jobs("fastcron")) == len(there) + listed
