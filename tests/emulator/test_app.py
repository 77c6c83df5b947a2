"""The app in process, through httpx: envelopes, formats and the limiter."""

from __future__ import annotations

import json
from functools import partial

import anyio
import httpx
import pytest

from cronapi.emulator import (
    Clock,
    ConnectionLost,
    Fault,
    ManualClock,
    MovableClock,
    create_app,
)
from cronapi.emulator.create import RATES

from .conftest import TOKEN, UNLIMITED, calling

PAGE_503 = (
    "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n"
    "<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
JOB = {"url": "https://example.com/ping"}


async def test_success_is_an_envelope(caller):
    """A call that succeeds is answered in JSON with data, status success and code 0."""
    response = await caller.fastcron("cron.list")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.json() == {"data": [], "status": "success", "code": 0}


async def test_an_unknown_token_has_code_11(caller):
    """An unknown token gets the error sample of the documentation, word for word."""
    response = await caller.http.get("/api/cron.list?token=wrong")
    expected = {"message": "Invalid API token, user not found.", "status": "error", "code": 11}
    assert (response.status_code, response.json()) == (200, expected)


async def test_a_missing_token_has_code_1(caller):
    """A call without a token is refused with code 1."""
    assert (await caller.http.get("/api/cron.list")).json()["code"] == 1


@pytest.mark.parametrize(
    "path", ["/api/v1/cron_explode", "/api/cron.next", "/api/v1/server_time", "/api/v1/cron.list"]
)
async def test_unknown_functions_are_api_errors(caller, path):
    """A function that the provider does not have under that name is an error with code 1."""
    response = await caller.http.post(path, json={"token": TOKEN})
    assert response.json()["code"] == 1
    assert response.json()["message"].startswith("Unknown function: ")


async def test_other_paths_are_not_found(caller):
    """A path outside the API is a web server's 404."""
    for path in ("/other", "/index.html", "/favicon.ico"):
        assert (await caller.http.get(path)).status_code == 404


@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE", "PUT"])
async def test_any_verb_and_format_will_do(caller, verb):
    """JSON, form, query and, in the latest era, a bearer token work with every verb."""
    ways = [
        {"json": {"token": TOKEN, "name": "n"}},
        {"data": {"token": TOKEN, "name": "n"}},
        {"params": {"token": TOKEN, "name": "n"}},
        {"params": {"token": TOKEN}, "json": {"name": "n"}},
    ]
    bearer = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "params": {"name": "n"}}
    for era, way in [*(("seed", way) for way in ways), ("latest", bearer)]:
        await caller.http.patch("/_emulator/settings", json={"era": era})
        response = await caller.http.request(verb, "/api/v1/group_lookup", **way)
        assert response.json() == {"data": [], "status": "success", "code": 0}


async def test_other_authorization_schemes_are_no_token(caller):
    """Only a bearer token in the authorization header counts."""
    for header in (f"Basic {TOKEN}", "Bearer"):
        response = await caller.http.get("/api/v1/cron_list", headers={"Authorization": header})
        assert response.json()["code"] == 1


async def test_providers_and_accounts_are_apart(clock):
    """A call sees only jobs of its own provider and token, and the emulator sees all."""
    app = create_app(clock=clock, rates=UNLIMITED, tokens=(TOKEN, "second"))
    async with calling(app) as caller:
        await caller.fastcron("cron.add", **JOB)
        await caller.http.post("/api/v1/cron_add", json={"token": "second", **JOB})
        assert (await caller.setcronjob("cron.list")).json()["data"] == []
        assert len((await caller.fastcron("cron.list")).json()["data"]) == 1
    assert len(app.emulator.jobs("fastcron")) == app.emulator.created("fastcron") == 2
    assert app.emulator.groups("fastcron") == []


async def test_errors_can_have_another_http_status(clock):
    """With error_status, API errors have that HTTP status and the same envelope."""
    async with calling(create_app(clock=clock, rates=UNLIMITED, error_status=400)) as caller:
        response = await caller.fastcron("cron.get", id=1)
    assert (response.status_code, response.json()["message"]) == (400, "Cronjob not found.")


async def test_a_refused_call_changes_nothing(caller):
    """An error in the middle of a function undoes its earlier changes."""
    await caller.fastcron("cron.add", **JOB, httpMethod="GET", run=1, payload="{}")
    assert caller.app.emulator.jobs("fastcron") == []


async def test_a_strict_judge_can_be_told_to_be_lenient(clock):
    """Unknown parameters are refused by default, and ignored if strict is off."""
    async with calling(create_app(clock=clock, rates=UNLIMITED)) as caller:
        assert (await caller.fastcron("cron.list", foo=1)).json()[
            "message"
        ] == "Unknown parameter: foo."
    async with calling(create_app(clock=clock, rates=UNLIMITED, strict=False)) as caller:
        assert (await caller.fastcron("cron.list", foo=1)).json()["code"] == 0


async def test_the_limit_answers_as_nginx_does(clock):
    """A call too early gets nginx's 503 page, and one a full interval later passes."""
    app = create_app(clock=clock)
    async with calling(app) as caller:
        assert (await caller.fastcron("cron.list")).status_code == 200
        clock.advance(0.999)
        refused = await caller.fastcron("cron.add", **JOB)
        assert (refused.status_code, refused.text, refused.headers["content-type"]) == (
            503,
            PAGE_503,
            "text/html",
        )
        assert (await caller.setcronjob("cron.list")).status_code == 200
        clock.advance(0.001)
        assert (await caller.fastcron("cron.list")).status_code == 200
    assert app.emulator.created("fastcron") == 0
    assert [
        (seen.function, seen.accepted)
        for seen in app.emulator.requests
        if seen.provider == "fastcron"
    ] == [
        ("cron.list", True),
        ("cron.add", False),
        ("cron.list", True),
    ]
    limiter = app.emulator.limiters["fastcron"]
    assert (limiter.accepted, limiter.refused, limiter.rate) == (2, 1, RATES["fastcron"])


async def test_the_limit_counts_each_token_or_address(clock):
    """Each address has a rate of its own by default, and each token with limit_by."""
    for limit_by, expected in (("token", [200, 200, 200, 503]), ("address", [200, 503, 503, 503])):
        async with calling(create_app(clock=clock, limit_by=limit_by)) as caller:
            bodies = (b"token=a", b"token=b", b"{", b"{}")
            answers = [await caller.http.post("/api/v1/cron_list", content=body) for body in bodies]
        assert [answer.status_code for answer in answers] == expected
    assert create_app().emulator.limit_by == "address"


def test_arrivals_can_be_counted_in_the_loops_time(virtual_backend):
    """With anyio's clock, ten calls a virtual second apart all pass."""

    async def main():
        async with calling(create_app(clock=Clock(ticks=anyio.current_time))) as caller:
            for _ in range(10):
                assert (await caller.fastcron("cron.list")).status_code == 200
                await anyio.sleep(1.0)
            assert (await caller.fastcron("cron.list")).status_code == 200
            assert (await caller.fastcron("cron.list")).status_code == 503

    anyio.run(main, **virtual_backend)


async def test_state_survives_a_restart(tmp_path, clock):
    """A new app on the same file has the same jobs, and the file does not hold the token."""
    path = tmp_path / "state.sqlite"
    for count in (0, 1):
        app = create_app(clock=clock, rates=UNLIMITED, storage=str(path))
        async with calling(app) as caller:
            assert len((await caller.fastcron("cron.list")).json()["data"]) == count
            await caller.fastcron("cron.add", **JOB)
        app.emulator.close()
    assert TOKEN.encode() not in path.read_bytes()


async def test_a_body_may_come_in_pieces():
    """A body is read to its end, and a client that disconnects before gets no answer."""
    app = create_app()
    scope = {"type": "http", "path": "/api/v1/cron_list", "query_string": b"", "headers": []}
    pieces = [(b"token=", True), (TOKEN.encode(), False)]
    sent = []

    async def receive():
        body, more = pieces.pop(0)
        return {"type": "http.request", "body": body, "more_body": more}

    async def leave():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    assert json.loads(sent[1]["body"])["code"] == 0
    with pytest.raises(ConnectionLost):
        await app(scope, leave, send)
    assert len(sent) == 2


async def test_only_http_is_spoken():
    """A websocket raises NotImplementedError."""
    with pytest.raises(NotImplementedError, match="websocket"):
        await create_app()({"type": "websocket"}, None, None)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tokens": ()}, "at least one token"),
        ({"tokens": ("",)}, "none may be empty"),
        ({"rates": {"cronjob": 1}}, "unknown provider 'cronjob'"),
        ({"rates": {"fastcron": 0}}, "rate must be"),
        ({"limiter": "token"}, "unknown limiter"),
        ({"limit_by": "name"}, "unknown limit_by 'name'; known: token, address"),
        ({"burst": -1}, "burst must be"),
        ({"era": "next"}, "unknown era"),
        ({"log_shape": "round"}, "unknown log_shape"),
        ({"page_size": 0}, "page_size must be"),
        ({"max_batch": 0}, "max_batch must be"),
        ({"error_status": 99}, "error_status must be"),
    ],
)
def test_nonsense_is_refused(wrong, message):
    """An unknown name or a number out of range raises ValueError."""
    with pytest.raises(ValueError, match=message):
        create_app(**wrong)


@pytest.mark.parametrize(
    "make",
    [
        *(partial(create_app, **{name: 10**5000}) for name in ("page_size", "max_batch", "seed")),
        *(partial(create_app, **{name: 10**5000}) for name in ("lag", "burst")),
        lambda: create_app(rates={"fastcron": 10**5000}),
        *(partial(Fault, "busy", **{name: 10**5000}) for name in ("times", "retry_after", "code")),
        lambda: Fault("late", seconds=10**5000),
        lambda: Fault("lose", match={"id": 10**5000}),
        *(partial(clock, 10**5000) for clock in (ManualClock, MovableClock)),
        lambda: ManualClock().advance(10**5000),
    ],
)
def test_a_number_that_python_does_not_show_is_refused(make):
    """It has thousands of digits: the repr of a setting, and the refusal itself, could not be."""
    with pytest.raises(ValueError, match="a number of 16610 bits"):
        make()


async def test_a_batch_over_the_limit_is_refused_whole(clock):
    """A batch longer than max_batch is refused and changes nothing."""
    async with calling(create_app(clock=clock, rates=UNLIMITED, max_batch=2)) as caller:
        made = [(await caller.fastcron("cron.add", **JOB)).json()["data"] for _ in range(3)]
        ids, before = [job["id"] for job in made], caller.app.emulator.jobs("fastcron")
        for name, given in [
            ("batch_add", {"data": [JOB] * 3}),
            ("batch_edit", {"id": ids, "name": "new"}),
            ("batch_delete", {"id": ids}),
        ]:
            answer = (await caller.fastcron(f"cron.{name}", **given)).json()
            assert answer == {
                "status": "error",
                "code": 1,
                "message": "Too many items: 3, the most is 2.",
            }
        assert caller.app.emulator.jobs("fastcron") == before
        assert (await caller.fastcron("cron.batch_delete", id=ids[:2])).json()[
            "status"
        ] == "success"


async def test_ids_from_a_query_are_read_like_any(caller):
    """The ids of a batch may come as a PHP array or a comma list in the query."""
    made = (await caller.fastcron("cron.batch_add", data=[JOB] * 4)).json()["data"]
    first, second, third, fourth = (job["id"] for job in made)
    query = httpx.QueryParams([("token", TOKEN), ("id[]", first), ("id[]", second)])
    await caller.http.get("/api/v1/cron_batch_delete", params=query)
    await caller.http.get(
        "/api/v1/cron_batch_delete", params={"token": TOKEN, "id": f"{third},{fourth}"}
    )
    assert caller.app.emulator.jobs("fastcron") == []
