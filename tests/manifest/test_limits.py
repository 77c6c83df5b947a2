"""What the account allows: told by a plan and by a check, if that is asked for."""

from __future__ import annotations

import json

import pytest

from cronapi import UnsupportedFunctionError
from cronapi.emulator import create_app
from tests.support.emulated import FAST, NOW, client_of
from tests.support.manifests import HEAD, applied, jobs_text, manifest, planned


class Telling:
    """An app at which the account has other limits."""

    def __init__(self, app, **account):
        self.app, self.emulator, self.account = app, app.emulator, account

    async def __call__(self, scope, receive, send):
        if not scope["path"].endswith("account_get"):
            await self.app(scope, receive, send)
            return
        body = json.dumps({"status": "success", "data": {"id": 1, **self.account}}).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def test_a_plan_tells_how_many_jobs_the_account_may_have():
    """It takes one request, and says if the deletions have to come first."""
    for allowed, said in [
        (4, "4 jobs of 4 that the account allows: --deletes-first keeps below"),
        (3, "4 jobs of 3 that the account allows: it refuses 1"),
        (9, "4 jobs of 9 that the account allows"),
    ]:
        app = Telling(create_app(rates=FAST), cron=allowed)
        await applied(app, manifest(jobs_text(3)))
        wanted = manifest(jobs_text(2) + jobs_text(2, word="new").replace("/run/", "/new/"))
        count = len(app.emulator.requests)
        plan = await planned(app, wanted, prune=True, check_limit=True)
        assert plan.read.requests == len(app.emulator.requests) + 1 - count  # it answers itself
        assert plan.to_text().endswith(f"{said}\n")
        assert plan.limit.is_exceeded == (allowed == 3)
        assert plan.to_dict()["limit"] == {"jobs": 4, "peak": 5, "allowed": allowed}
    assert (await planned(app, wanted)).limit is None
    assert "limit" not in (await planned(app, wanted)).to_dict()
    unknown = Telling(create_app(rates=FAST), dailyExec=50_000)
    plan = await planned(unknown, wanted, check_limit=True)
    assert plan.limit is plan.to_dict()["limit"] is None
    assert plan.to_text().endswith("The account does not tell how many jobs it may have.\n")


async def test_a_check_finds_what_the_account_does_not_allow():
    """More jobs, and jobs that run too often for its plan. `allow` silences a rule."""
    lines = 'expression = "*/3 * * * *"\n'
    text = jobs_text(3) + jobs_text(1, word="often", lines=lines)
    text += jobs_text(1, word="silent", lines=lines + 'allow = ["too-often"]\n')
    text += jobs_text(1, word="seconds", lines='expression = "30 seconds"\n')
    for plan, cron, rules in [
        ("Free", 4, {("too-often", "often 0"), ("too-often", "seconds 0"), ("too-many", "")}),
        ("Business", 6, {("too-often", "seconds 0")}),
        (None, None, {("too-often", "seconds 0")}),
    ]:
        app = Telling(create_app(rates=FAST), plan=plan, cron=cron)
        async with client_of(app) as api:
            found = await manifest(text).check_online(api, NOW)
        assert {(one.rule, one.job) for one in found} == rules
    assert manifest(text).check(NOW) == []
    (many,) = [one for one in await _found(Telling(create_app(rates=FAST), cron=1)) if not one.job]
    assert str(many) == "<text>:2: too-many: 2 jobs are more than the 1 of the account."


async def _found(app):
    async with client_of(app) as api:
        return await manifest(jobs_text(2), head=HEAD).check_online(api, NOW)


async def test_a_service_that_does_not_show_its_accounts_is_told():
    """Nothing is guessed."""
    app = create_app(rates=FAST)
    async with client_of(app, "setcronjob") as api:
        for call in (
            lambda: manifest(jobs_text(1)).check_online(api),
            lambda: manifest(jobs_text(1)).plan(api, check_limit=True),
        ):
            with pytest.raises(UnsupportedFunctionError):
                await call()
