"""Manifests for tests, and the accounts that they are compared with."""

from __future__ import annotations

from cronapi.manifest import Manifest
from tests.support.emulated import client_of

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
