"""Texts that must not be seen, every call that carries them, and where they could be seen."""

from __future__ import annotations

import contextlib
import json
import pickle
import traceback
from urllib.parse import quote, quote_plus

import pytest

from cronapi import Client, CronAPIError, JobSpec
from cronapi._functions import offered_by
from tests.support.emulated import PROVIDERS, URL, WAYS, Hurry
from tests.support.line import QUICK

TOKEN = "s3cr3t+tok3n/with=odd&chars%41!"
PASSWORD = 'pass word/+&="ü'
SECRET = "what __secret__ stands for & more"
HIDDEN = (TOKEN, PASSWORD, SECRET)
SPELLINGS = {
    spelt
    for text in HIDDEN
    for spelt in (
        text,
        quote(text),
        quote(text, safe=""),
        quote_plus(text),
        json.dumps(text)[1:-1],
        repr(text)[1:-1],
    )
}
IN_EVERY_WAY = pytest.mark.parametrize(("provider", "auth", "request_format"), WAYS)


def leaks(text):
    """Return the hidden texts in a text, in whatever spelling."""
    return {spelt for spelt in SPELLINGS if spelt in text}


def written(records):
    """Return what any formatter could write of log records."""
    lines = (
        f"{record.getMessage()} {record.msg!r} {record.args!r}"
        f" {record.exc_text} {record.exc_info!r} {vars(record)!r}"
        for record in records
    )
    return "\n".join(lines)


def told(error):
    """Return what an exception and everything that led to it say, and what a traceback prints."""
    seen, waiting, texts = set(), [error], ["".join(traceback.format_exception(error))]
    while waiting:
        problem = waiting.pop()
        if problem is None or id(problem) in seen:
            continue
        seen.add(id(problem))
        texts.append(f"{problem} {problem!r} {problem.args!r} {getattr(problem, '__notes__', '')}")
        waiting += [problem.__cause__, problem.__context__, *getattr(problem, "exceptions", ())]
    return "\n".join(texts)


def kept(error):
    """Return what a pickle of one of our errors holds, and what comes out of it again."""
    copy = pickle.loads(pickle.dumps(error))
    return f"{vars(error)} {vars(copy)} {copy!r} {copy}"


def params_of(name):
    """Return the parameters of a job, with passwords among them."""
    return {
        "url": URL,
        "name": name,
        "username": "u",
        "password": PASSWORD,
        "http_headers": {"X-Key": PASSWORD},
        "post_data": "a=1",
    }


CALLS = {
    "cron.list": lambda api, job, group: api.cron.list(keyword="ping"),
    "cron.get": lambda api, job, group: api.cron.get(job),
    "cron.add": lambda api, job, group: api.cron.add(**params_of("two")),
    "cron.edit": lambda api, job, group: api.cron.edit(job, **params_of("ping")),
    "cron.enable": lambda api, job, group: api.cron.enable(job),
    "cron.disable": lambda api, job, group: api.cron.disable(job),
    "cron.pause": lambda api, job, group: api.cron.pause(job, for_="1 hour"),
    "cron.delete": lambda api, job, group: api.cron.delete(job),
    "cron.run": lambda api, job, group: api.cron.run(job, payload=f"a={quote(SECRET)}"),
    "cron.logs": lambda api, job, group: api.cron.logs(job),
    "cron.failures": lambda api, job, group: api.cron.failures(job),
    "cron.next": lambda api, job, group: api.cron.next(job),
    "cron.batch_add": lambda api, job, group: api.cron.batch_add(
        [JobSpec(**params_of("a")), params_of("b")]
    ),
    "cron.batch_edit": lambda api, job, group: api.cron.batch_edit([job], password=PASSWORD),
    "cron.batch_delete": lambda api, job, group: api.cron.batch_delete([job]),
    "cron.group_edit": lambda api, job, group: api.cron.group_edit(group, password=PASSWORD),
    "group.list": lambda api, job, group: api.group.list(),
    "group.get": lambda api, job, group: api.group.get(group),
    "group.lookup": lambda api, job, group: api.group.lookup("nightly"),
    "group.add": lambda api, job, group: api.group.add("another"),
    "group.edit": lambda api, job, group: api.group.edit(group, name="daily"),
    "group.delete": lambda api, job, group: api.group.delete(group),
    "group.vanish": lambda api, job, group: api.group.vanish(group),
    "group.empty": lambda api, job, group: api.group.empty(group),
    "group.items": lambda api, job, group: api.group.items(group),
    "account.get": lambda api, job, group: api.account.get(),
    "account.edit": lambda api, job, group: api.account.edit(timezone="UTC"),
    "account.secret": lambda api, job, group: api.account.secret(SECRET),
    "server.time": lambda api, job, group: api.server.time(),
    "server.timezones": lambda api, job, group: api.server.timezones(),
    "server.useragent": lambda api, job, group: api.server.useragent(),
    "server.ip": lambda api, job, group: api.server.ip(),
}


CHANGING = ["cron.add", "cron.edit", "cron.batch_add", "account.secret"]
"""The calls that carry a password or a secret."""


def has(provider, function):
    """Return True if a service has a function."""
    return function in offered_by(provider)


async def outcome(call):
    """Return everything that can be seen of a call's result or of its failure."""
    try:
        result = await call
    except CronAPIError as error:
        return f"{told(error)} {kept(error)}"
    return repr(result)


@contextlib.asynccontextmanager
async def connected(origin, provider, module=None, **options):
    """Give a client of a served emulator, with its own HTTP client or with one of `module`."""
    base_url = f"{origin}/api/v1/" if provider == "fastcron" else f"{origin}/api/"
    options = {"scheduler": Hurry(10_000.0), "retry": QUICK} | options
    async with contextlib.AsyncExitStack() as stack:
        if module is not None:
            options["http_client"] = await stack.enter_async_context(
                module.AsyncClient(verify=False)
            )
        yield await stack.enter_async_context(
            Client(PROVIDERS[provider], TOKEN, base_url=base_url, **options)
        )
