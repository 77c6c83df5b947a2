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
from tests.support.emulated import emulator, paced, together
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


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", NORMALISE)
async def test_every_spelling_in_every_way(kind, way):
    """No job is made that nobody was told of, and none is told done that is not there."""
    for fault in FAULTS:
        app = respelling(kind)
        app.emulator.faults.add(*(Fault(fault, function=name) for name in CREATES))
        async with paced(app) as api:
            found = await WAYS[way](api, spec)
        assert is_true(found, app.emulator.jobs("fastcron")), (fault, found)


@pytest.mark.parametrize("kind", [kind for kind in NORMALISE if "name" in ALTERS[kind]])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_group_is_made_once_in_every_spelling(kind, fault):
    """A group has a name and no URL."""
    app = respelling(kind)
    app.emulator.faults.add(Fault(fault, function="group.add"))
    async with paced(app) as api:
        found = await told(api.group.add(spec(0)["name"]))
    assert is_true(found, app.emulator.groups("fastcron"))


@pytest.mark.parametrize("client", ["same", "new"])
@pytest.mark.parametrize("kind", NORMALISE)
async def test_a_resumed_journal_makes_nothing_twice_in_any_spelling(tmp_path, kind, client):
    """Fifty items are under way when the bulk is cancelled, and the next run tells the truth."""
    app, given = respelling(kind), [spec(number) for number in range(50)]
    app.emulator.faults.add(Fault("stall", function="cron.batch_add", seconds=0.6))
    journal = tmp_path / "journal.jsonl"
    async with paced(app) as api:
        await cancelled_when(app, api.cron.add_many(given, journal=journal), 1)
        if client == "same":
            found = told_of(await api.cron.add_many(given, journal=journal))
    if client == "new":
        async with paced(app) as api:
            found = told_of(await api.cron.add_many(given, journal=journal))
    assert is_true(found, app.emulator.jobs("fastcron")), found


@given(kinds=st.sets(st.sampled_from(sorted(NORMALISE)), min_size=2, max_size=5))
def test_a_job_in_several_spellings_at_once_is_no_contradiction(kinds):
    """The normal form of a normal form is itself, so that comparing it is safe."""
    wanted = spec(len(kinds))
    for name in ("name", "url"):
        once = normal(name, wanted[name])
        assert normal(name, once) == once


# --- honest services -----------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("texts", ["of their own", "the same name"])
async def test_four_processes_that_create_at_once_get_certain_answers(fault, texts):
    """Four clients of one account each lose the answer to an add, while all others add too."""
    app = emulator(rates={"fastcron": None})
    retry = RetryPolicy(max_attempts=8)

    async def work(number, api):
        app.emulator.faults.add(Fault(fault, function="cron.add"))
        for count in range(4):
            name = "ping" if texts == "the same name" else f"ping {number} {count}"
            await api.cron.add(url=f"https://a.example/{number}/{count}", name=name)

    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(paced(app, retry=retry)) for _ in range(4)]
        for number, api in enumerate(clients):  # each has seen how the service keeps texts
            url = f"https://a.example/first/{number}"
            await api.cron.add(url=url, name=f"ping {number} first")
        works = (partial(work, number, api) for number, api in enumerate(clients))
        assert await together(*works) == [None] * 4
    urls = [row["url"] for row in app.emulator.jobs("fastcron")]
    assert len(urls) == len(set(urls)) == 20
