"""Manifests for tests, and the accounts that they are compared with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs

from cronapi.emulator.request import Request
from cronapi.manifest import Manifest
from tests.support.emulated import TOKEN, client_of

HEAD = 'version = 1\n[scope]\ngroup = "g"\n'
ENVIRON = {"REPORT_TOKEN": "canary-report-token", "INVOICE_PASSWORD": "canary-invoice-password"}

FULL = """\
version = 1

[scope]
provider = "fastcron"
group = "billing"
keep = ["manual *"]
max_deletes = "30%"

[vars]
host = "https://app.example.com"

[defaults]
timezone = "Europe/Berlin"
timeout = 60
notify = true

[job."nightly report"]
url = "${host}/report?at=__timestamp__"
expression = "30 3 * * *"
http_method = "POST"
post_data = '{"kind": "nightly"}'
http_headers.Authorization = "Bearer ${REPORT_TOKEN}"
was = "nightly"

[job."invoice reminder"]
url = "${host}/cron/invoices"
expression = "0 7 * * 1-5"
username = "cron"
password = "${INVOICE_PASSWORD}"
enabled = true
unmanaged = ["timeout"]

[job."import"]
url = "${host}/import"
expression = "manual"
clear = ["post_data", "http_headers"]

[env.staging.vars]
host = "https://staging.example.com"
[env.staging.scope]
group = "billing staging"
[env.staging.job."import"]
enabled = false
[env.production]
"""


def jobs_text(count, *, word="job", lines=""):
    """Return tables of so many jobs, with further lines in each."""
    return "".join(
        f'[job."{word} {number}"]\nurl = "https://example.com/run/{number}"\n{lines}'
        for number in range(count)
    )


def manifest(tables, *, head=HEAD, environ=None, **options):
    """Return the manifest of these tables."""
    return Manifest.loads(head + tables, environ=environ or {}, **options)


async def planned(app, wanted, provider="fastcron", **options):
    """Plan with a client of its own, as another process would."""
    async with client_of(app, provider) as api:
        return await wanted.plan(api, **options)


async def applied(app, wanted, provider="fastcron", **options):
    """Plan and apply with a client of its own, and return the plan and the result."""
    async with client_of(app, provider) as api:
        plan = await wanted.plan(api, **options)
        return plan, await plan.apply()


def shown_jobs(app, provider="fastcron"):
    """Return the jobs of an account by name, with the members that users set."""
    return {job["name"]: job for job in app.emulator.jobs(provider)}


def send(app, function, provider="fastcron", **params):
    """Call a function as another program of the account does, with the wire's names."""
    body = json.dumps({"token": TOKEN, **params}).encode()
    return app.emulator.apply(Request(provider, function, body=body))["data"]


def sent_since(app, count=0):
    """Return the functions that change something, of the requests after the first `count`."""
    reads = {"cron.list", "group.lookup"}
    seen = [one.function for one in list(app.emulator.requests)[count:]]
    return [function for function in seen if function not in reads]


@attrs.define(slots=False)
class Meanwhile:
    """An app at which something happens once, after the first request of a function."""

    app: Any
    function: str
    happens: Callable[[], object] | None

    @property
    def emulator(self):
        """The emulator of the app."""
        return self.app.emulator

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
        if self.happens is not None and self.emulator.requests[-1].function == self.function:
            happens, self.happens = self.happens, None
            happens()


@attrs.define(slots=False)
class Terse:
    """An app that shows little of its jobs: an id, a name, a URL, a group and a status."""

    app: Any

    @property
    def emulator(self):
        """The emulator of the app."""
        return self.app.emulator

    async def __call__(self, scope, receive, send):
        body = bytearray()

        async def whole(message):
            if message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    document = json.dumps(json.loads(body, object_hook=_shortened)).encode()
                    await send({**message, "body": document})
                return
            length = b"content-length"
            headers = [pair for pair in message["headers"] if pair[0] != length]
            await send({**message, "headers": headers})

        await self.app(scope, receive, whole)


def _shortened(members):
    shown = {"id", "name", "url", "group", "status"}
    return {key: members[key] for key in members.keys() & shown} if "url" in members else members
