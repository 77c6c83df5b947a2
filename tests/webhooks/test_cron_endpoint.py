"""The endpoint that jobs call: its key, its calls, and one run at a time for each job."""

from __future__ import annotations

from datetime import UTC, datetime

import anyio
import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from fastapi import Depends, FastAPI

from cronapi import ConfigurationError, WebhookError
from cronapi.webhooks import CronCall, CronEndpoint, MemoryDedupe
from cronapi.webhooks.cron_call import call_in
from tests.support.emulated import NOW, START
from tests.support.heavy import MIB, measured
from tests.support.posts import ask

KEY = "a/key+of=the jobs?".replace(" ", "-")
HEADERS = [("X-Cron-Key", KEY)]
CALL = f"job=7&at={START}"


def endpoint_of(handler=None, **options):
    handled = []

    async def keep(call):
        handled.append(call)

    options.setdefault("clock", lambda: START)
    return CronEndpoint(secrets=[KEY], handler=handler or keep, **options), handled


@pytest.mark.each_loop
@pytest.mark.virtual_clock
async def test_each_call_has_its_answer():
    """A right call is 202 by any method, a wrong key 404, an unreadable or an old call 400."""
    endpoint, handled = endpoint_of()
    wrong = "Neither the query nor the body has job=__cronjob__&at=__timestamp__, replaced."
    old = "It is too old, or a clock is wrong."
    allow = {"allow": "GET, HEAD, POST, PUT, PATCH, DELETE"}
    table = [
        (f"/run?{CALL}", "GET", b"", 202, ""),
        (f"/run?{CALL}&x=1", "HEAD", b"", 202, ""),
        ("/run", "POST", CALL.encode(), 202, ""),
        ("/run?x=1", "PUT", f"x=1&{CALL}".encode(), 202, ""),
        ("/run", "PATCH", f'{{"job": 7, "at": "{START}", "x": []}}'.encode(), 202, ""),
        (f"/run?job=8&at={START - 3600}", "DELETE", b"", 202, ""),
        (f"/run?job=8&at={START + 60}", "GET", b"\xff" * 1000, 202, ""),
        (f"/run?job=7&at={START - 3601}", "GET", b"", 400, old),
        ("/run", "GET", b"", 400, wrong),
        ("/run?job=__cronjob__&at=__timestamp__", "GET", b"", 400, wrong),
        (f"/run?job=canary&at={START}", "GET", b"", 400, wrong),
        ("/run?job=7&at=1e400", "GET", b"", 400, wrong),
        ("/run?" + "&" * 5000, "GET", b"", 400, wrong),
        ("/run", "POST", b"[7]", 400, wrong),
        ("/run", "POST", b"{" * 5000, 400, wrong),
        ("/run", "POST", b'{"job": [], "at": {}}', 400, wrong),
        ("/run", "POST", b"x" * 2**21, 413, "The body is too large."),
        (f"/run?{CALL}", "TRACE", b"", 405, "Method Not Allowed"),
    ]
    for path, method, body, status, text in table:
        answer = await ask(endpoint.asgi(), path, body, method, headers=HEADERS)
        assert (answer.status, answer.text) == (status, text), (path, method)
        assert status != 405 or allow.items() <= answer.headers.items()
    for headers in ([], [("X-Cron-Key", "")], [("X-Cron-Key", KEY[:-1])], [("Key", KEY)]):
        assert (await ask(endpoint.asgi(), f"/run?{CALL}", headers=headers)).status == 404
    await endpoint.aclose()
    assert sorted(call.key for call in handled) == [
        (7, NOW, "call"),
        (8, datetime.fromtimestamp(START - 3600, UTC), "call"),
        (8, datetime.fromtimestamp(START + 60, UTC), "call"),
    ]
    assert endpoint.stats.duplicates == 4


@pytest.mark.each_loop
@pytest.mark.virtual_clock
async def test_one_job_never_runs_twice_at_the_same_time():
    """A run that takes longer than the job's interval delays the next, other jobs go on."""
    running, most, order = set(), 0, []

    async def handler(call):
        nonlocal most
        assert call.job not in running
        running.add(call.job)
        most = max(most, len(running))
        await anyio.sleep(90)
        running.remove(call.job)
        order.append((call.job, call.at))

    endpoint, _ = endpoint_of(handler)
    for minute in range(3):
        for job in (1, 2):
            path = f"/run?job={job}&at={START + 60 * minute}"
            assert (await ask(endpoint.asgi(), path, headers=HEADERS)).status == 202
    begin = anyio.current_time()
    await endpoint.aclose()
    assert (most, anyio.current_time() - begin) == (2, pytest.approx(270))
    assert [at for job, at in order if job == 1] == sorted(at for job, at in order if job == 1)


@pytest.mark.each_loop
@pytest.mark.virtual_clock
async def test_a_call_may_wait_for_its_handler():
    """With answer="after" a job is told 200 or 500, and a call that failed may come again."""
    outcomes = iter([OSError(), None])

    async def handler(_):
        await anyio.sleep(5)
        if error := next(outcomes):
            raise error

    endpoint, _ = endpoint_of(handler, answer="after")
    answers = [(await ask(endpoint.asgi(), f"/?{CALL}", headers=HEADERS)).status for _ in "abc"]
    assert answers == [500, 200, 200]


@pytest.mark.each_loop
@pytest.mark.virtual_clock
async def test_a_full_queue_is_told():
    """A service counts 503 as a failed run, which is the truth."""
    go_on = anyio.Event()

    async def handler(_):
        await go_on.wait()

    endpoint, _ = endpoint_of(handler)
    paths = [f"/run?job={number}&at={START}" for number in range(1012)]
    answers = [(await ask(endpoint.asgi(), path, headers=HEADERS)).status for path in paths]
    assert answers == [202] * 1010 + [503] * 2
    go_on.set()
    await endpoint.aclose()
    assert (endpoint.stats.handled, endpoint.stats.dropped) == (1010, 2)
    assert (endpoint.stats.accepted, endpoint.stats.refused) == (1012, 2)


async def test_reading_needs_no_server():
    """`read` is for frameworks without a door, and `once` tells a call that comes again."""
    endpoint, _ = endpoint_of()
    call = endpoint.read(CALL, b"", key=KEY)
    assert call == endpoint.read({"job": "7", "at": START}, key=KEY) == CronCall(job=7, at=NOW)
    assert endpoint.read("", CALL.encode(), key=KEY, now=START + 3600) == call
    for source, key, now, status in [
        (CALL, "guess", None, 404),
        (CALL, None, None, 404),
        (CALL, KEY, START + 3601, 400),
        ("", KEY, None, 400),
    ]:
        with pytest.raises(WebhookError) as refused:
            endpoint.read(source, key=key, now=now)
        assert refused.value.status == status
    with pytest.raises(ConfigurationError, match="key"):
        endpoint.read(CALL, key=b"x")
    for wrong in (5, None, [], 10**12):
        with pytest.raises(ConfigurationError, match="source"):
            endpoint.read(wrong, key=KEY)
    for wrong in (float("nan"), "now", False):
        with pytest.raises(ConfigurationError, match="now must be Unix seconds"):
            endpoint.read(CALL, key=KEY, now=wrong)
    memory = MemoryDedupe()
    assert [await call.once(memory) for _ in "ab"] == [True, False]
    assert await CronCall(job=8, at=call.at).once(memory)


async def test_the_doors_are_those_of_the_receiver():
    """FastAPI and aiohttp take calls too, one call once."""
    endpoint, handled = endpoint_of()
    app = FastAPI()

    async def run(call: CronCall = Depends(endpoint.fastapi())) -> None:  # noqa: B008
        assert call.job == 7

    app.get("/run")(run)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as service:
        for key, status in ((KEY, 202), ("guess", 404)):
            answer = await service.get(f"/run?{CALL}", headers={"X-Cron-Key": key})
            assert answer.status_code == status
    site = web.Application()
    site.router.add_get("/run", endpoint.aiohttp())
    async with TestClient(TestServer(site)) as service:
        for key, status in ((KEY, 202), ("guess", 404)):
            async with service.get(f"/run?{CALL}", headers={"X-Cron-Key": key}) as answer:
                assert answer.status == status
    await endpoint.aclose()
    assert len(handled) == 1


def test_a_byte_that_is_no_utf_8_is_never_left_out():
    """A job, a time or a name with such a byte is none, and not the one without the byte."""
    whole = b'{"job": "12", "at": "%d", "x": "y"}' % START
    places = [whole.index(text) + 1 for text in (b"12", b"18", b"job", b"at")]
    for broken in (b"\xff", b"\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80"):
        for place in places:
            with pytest.raises(WebhookError, match="Neither"):
                CronCall.read(whole[:place] + broken + whole[place:])
        for field in (b"job=1%s2&at=%d" % (broken, START), b"jo%sb=12&at=%d" % (broken, START)):
            with pytest.raises(WebhookError, match="Neither"):
                CronCall.read(field)
        beside = whole.replace(b"y", broken)
        for source in (beside, bytearray(beside), beside.decode("utf-8", "surrogateescape")):
            assert CronCall.read(source) == CronCall(job=12, at=NOW)


def test_a_body_of_any_size_may_be_read_without_a_bound():
    """`read` has no bound of its own, however wide the characters are and whatever is escaped."""
    plain = ("x", "é", "\u20ac", "\U0001f600")
    for unit in (*plain, r"\n", r"\u20ac", r"\ud83d\ude00", "\\\\\U0001f600"):
        text = f'{{"job": 7, "at": {START}, "x": "{unit * 400_000}"}}'
        assert CronCall.read(text.encode()).job == 7, unit
    mixed = b'{"job": 7, "at": %d, "x": "%s\xff\xf0\x9f\x98\x80"}' % (START, rb"\n" * 2_000_000)
    assert CronCall.read(mixed) == CronCall.read({}, mixed) == CronCall(job=7, at=NOW)


async def test_a_source_that_takes_too_much_memory_hides_no_call_in_the_next():
    """The next source is read, and the refusal says "too large" only if none has a call."""
    endpoint, handled = endpoint_of()
    heavy = b'{"x": "%s\xf0\x9f\x98\x80"}' % (b"x" * 400_000)
    answers = [
        await ask(endpoint.asgi(), f"/run{query}", heavy, headers=HEADERS)
        for query in (f"?{CALL}", "", "?job=7")
    ]
    assert [answer.status for answer in answers] == [202, 413, 413]
    sources = [heavy, b"", heavy, CALL]
    assert call_in(sources, 2**20) == CronCall(job=7, at=NOW)
    for few in (sources[:1], sources[:2], sources[1:3], sources[:3]):
        with pytest.raises(WebhookError) as refused:
            call_in(few, 2**20)
        assert refused.value.status == 413
    with pytest.raises(WebhookError) as refused:
        call_in([b"", {}, "x=1"], 2**20)
    assert refused.value.status == 400
    await endpoint.aclose()
    assert len(handled) == 1


async def test_bytes_that_are_no_utf_8_take_the_memory_of_what_stands_for_them():
    """A body whose bytes are replaced is refused if its text takes twice the bound."""
    endpoint, _ = endpoint_of()
    await measured(endpoint.asgi(), CALL.encode(), HEADERS)  # all is imported now
    for unit, fits in [(b"\x80", 400_000), (b"x\xc3", 200_000), (b"\xff", 220_000)]:
        for times, status in [(fits, 202), (2**20 // len(unit) - 100, 413)]:
            body = b'{"job": 7, "at": %d, "x": "%s"}' % (START, unit * times)
            answer, peak = await measured(endpoint.asgi(), body, HEADERS)
            assert answer.status == status, (unit, times)
            assert peak <= 2 * MIB + 2**16, (unit, times, peak)
    text = "é" * 150_000 + "x" * 300_000
    latin = f'{{"job": 7, "at": {START}, "x": "{text}"}}'
    answer, peak = await measured(endpoint.asgi(), latin.encode(), HEADERS)
    assert (answer.status, peak <= 2 * MIB + 2**16) == (202, True)
    await endpoint.aclose()
