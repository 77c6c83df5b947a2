"""The secrets of endpoints: their rules, their comparison, and logs without them."""

from __future__ import annotations

import io
import logging
import math
import pickle
from copy import copy
from datetime import UTC, datetime
from types import MappingProxyType
from typing import get_type_hints

import pytest

from cronapi import ConfigurationError, FastCron, Notification, WebhookError
from cronapi.webhooks import (
    CronEndpoint,
    MemoryDedupe,
    Receiver,
    RedisDedupe,
    hide_secret,
    read_notification,
)
from cronapi.webhooks.secret import Secrets
from tests.support.emulated import START
from tests.support.posts import SECRET, told

OTHER = "another+secret=of~the_hook"


def made(**options):
    return Receiver(**{"secrets": [SECRET], "clock": lambda: START, **options})


def test_reading_needs_no_server():
    """`read` is for frameworks without a door: it says which status to answer."""
    receiver = made(secrets=[SECRET, OTHER], max_body=200)
    for secret in (SECRET, OTHER):
        for body in (told(), bytearray(told()), told().decode(), MappingProxyType({"id": 7})):
            assert receiver.read(body, secret=secret).id == 7
    assert receiver.read(told(time=0), secret=SECRET, now=86_400.0).id == 7
    wrong = [
        (told(), "guess", None, 404),
        (told(), "", None, 404),
        (told(), SECRET + "\ud800", None, 404),
        (told(output="x" * 200), SECRET, None, 413),
        (told(output="\u20ac" * 60).decode("unicode-escape"), SECRET, None, 413),
        (b"canary", SECRET, None, 400),
        ("canary", SECRET, None, 400),
        ({}, SECRET, None, 400),
        (told(time=0), SECRET, 86_401.0, 400),
        (told(time=2e10), SECRET, None, 400),
    ]
    for body, secret, now, status in wrong:
        with pytest.raises(WebhookError) as refused:
            receiver.read(body, secret=secret, now=now)
        assert refused.value.status == status
        assert "canary" not in str(refused.value)
        assert pickle.loads(pickle.dumps(refused.value)).args == refused.value.args
    for secret in (None, b"x", 5):
        with pytest.raises(ConfigurationError, match="secret"):
            receiver.read(told(), secret=secret)
    with pytest.raises(ConfigurationError, match="body"):
        receiver.read(5, secret=SECRET)
    for now in (float("nan"), float("inf"), 10**400, "1800000000", True, datetime.now(UTC)):
        with pytest.raises(ConfigurationError, match="now must be Unix seconds"):
            receiver.read(told(), secret=SECRET, now=now)


def test_a_clock_without_a_time_lets_nothing_old_in():
    """A clock of the user's own that says NaN or infinity is a wrong clock."""
    for time in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(WebhookError, match="a clock is wrong"):
            made(clock=lambda time=time: time).read(told(time=0), secret=SECRET)


def test_a_message_cannot_verify_itself():
    """A member `verified` of the body is an unknown member, and no part of the wire."""
    note = read_notification(told(verified=True))
    assert (note.verified, note.extra) == (None, {"verified": True})
    assert "verified" not in read_notification(told()).to_wire()
    object.__setattr__(note, "verified", False)
    assert (copy(note).verified, pickle.loads(pickle.dumps(note)).verified) == (False, False)
    assert note == read_notification(told(verified=True))
    with pytest.raises(TypeError):
        Notification(id=7, verified=True)


def test_a_notification_says_of_what_kind_it_is():
    """Failure, recovery or neither, by the status."""
    kinds = {None: (False, False), 0: (False, True), 1: (True, False), 5: (True, False)}
    for status, (is_failure, is_recovery) in kinds.items():
        note = Notification(id=7, status=status)
        assert (note.is_failure, note.is_recovery) == (is_failure, is_recovery)
        assert note.key == (7, None, status)


@pytest.mark.parametrize(
    "secrets",
    [
        [],
        None,
        5,
        SECRET,
        SECRET.encode(),
        [None],
        [b"x" * 20],
        [5],
        [""],
        ["canary-of-15-ch"],
        [SECRET, "canary"],
        ["canary with blanks in it"],
        ["canary/0123456789abcdef"],
        ["canary?0123456789abcdef"],
        ["canary#0123456789abcdef"],
        ["canary%410123456789abcdef"],
        ["canary\r\n0123456789abcdef"],
        ["canary-\xe90123456789abcdef"],
        ["canary\ud8000123456789abcdef"],
    ],
    ids=range(19),
)
def test_a_secret_that_is_none_is_refused(secrets):
    """It must be long, and one part of an address. The error does not repeat it."""
    with pytest.raises(ConfigurationError, match="secrets") as refused:
        made(secrets=secrets)
    assert "canary" not in str(refused.value)


def test_other_arguments_are_checked():
    """Each error names its argument."""
    table = {
        "handler": (5, "x", []),
        "dedupe": (5, "x", object(), []),
        "max_body": (0, -1, 1.5, True, "x", None, math.inf),
        "max_age": (0, -1, math.inf, math.nan, True, "x", None),
        "verify": (5, "x", object()),
        "answer": (None, "never", 5),
        "clock": (5, None),
    }
    for name, values in table.items():
        for value in values:
            with pytest.raises(ConfigurationError, match=name):
                made(**{name: value})
    with pytest.raises(ConfigurationError, match="dedupe must remember at least"):
        made(dedupe=MemoryDedupe(ttl=60))
    assert made(dedupe=MemoryDedupe(ttl=60), max_age=60)
    with pytest.raises(ConfigurationError, match="verify needs a handler"):
        made(verify=FastCron("a-token-of-nobody"))
    for door in ("asgi", "aiohttp"):
        with pytest.raises(ConfigurationError, match="needs a handler"):
            getattr(made(), door)()
    for wrong in (0, -1, math.inf, math.nan, "x", None):
        with pytest.raises(ConfigurationError, match="ttl"):
            MemoryDedupe(ttl=wrong)
        with pytest.raises(ConfigurationError, match="ttl"):
            RedisDedupe.from_url("redis://localhost", key="x", ttl=wrong)
    for wrong in ("http://joe:canary@host", "canary", 5, None, "redis://joe:can/ary@host:port"):
        with pytest.raises(ConfigurationError, match="no address of a Redis") as refused:
            RedisDedupe.from_url(wrong, key="x")
        assert "canary" not in str(refused.value)


def test_the_hints_of_the_doors_can_be_read():
    """`get_type_hints` finds each name, as tools that inspect signatures do."""
    for function in (Receiver.__init__, Receiver.read, CronEndpoint.__init__, hide_secret):
        assert get_type_hints(function)


def test_all_secrets_are_compared(monkeypatch):
    """No comparison ends early, wherever the right secret stands in the list."""
    compared = []

    def compare(one, other):
        compared.append(len(one) == len(other) == 32)
        return one == other

    monkeypatch.setattr("cronapi.webhooks.secret.hmac.compare_digest", compare)
    secrets = Secrets([SECRET, OTHER, "a-third-secret-of-them"])
    for given in (SECRET, OTHER, "a-third-secret-of-them", "", "x" * 10_000):
        compared.clear()
        assert secrets.contain(given) is (given in secrets._texts)
        assert compared == [True] * 3
    assert SECRET not in repr(secrets)


@pytest.fixture
def logger():
    """A logger as servers have: it writes on its own and does not propagate."""
    logger = logging.Logger("access")  # noqa: LOG001 -- of this test alone
    logger.stream = io.StringIO()
    logger.addHandler(logging.StreamHandler(logger.stream))
    return logger


def test_the_access_log_does_not_show_the_secret(logger):
    """Arguments, texts and extra fields are hidden, and a record keeps its form."""
    kept = made(secrets=[SECRET, OTHER])
    hide_secret(logger)
    hide_secret(logger, logger)
    assert len(logger.filters) == 1
    seen = []
    logger.addFilter(lambda record: seen.append(record) or True)
    path = f"/hooks/{SECRET}?a=1"
    logger.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "POST", path, "1.1", 204)
    assert seen[0].args == ("127.0.0.1:5", "POST", "/hooks/***?a=1", "1.1", 204)
    text = f"POST {path} 204"
    logger.info(text, extra={"first_request_line": f"POST {path}", "size": 5})
    assert (seen[1].first_request_line, seen[1].size) == ("POST /hooks/***?a=1", 5)
    logger.info("%(path)s", {"path": path})
    logger.info("/hooks/another%2Bsecret%3Dof~the_hook")
    text = f"/hooks/%73{SECRET[1:]}"
    logger.info(text)
    for odd in (f"{path} {text}", f"{text} {path}", f"/hooks/%2573{SECRET[1:]} {path}"):
        logger.info(odd)
    logger.info(path, extra={"request_header": {"Referer": path}, "deep": (path, 5)})
    logger.info(ValueError("no text"))
    logger.info("100 % of /hooks are fine")
    text = logger.stream.getvalue() + repr([vars(record) for record in seen])
    assert SECRET not in text
    assert SECRET[1:] not in text
    assert OTHER not in text
    assert "another%2Bsecret" not in text
    assert "100 % of /hooks are fine" in text
    assert kept.stats.accepted == 0


def test_a_formatter_that_wants_five_arguments_gets_them(logger):
    """Uvicorn's formatter unpacks the arguments of an access record."""
    from uvicorn.logging import AccessFormatter

    kept = made()
    hide_secret(logger)
    logger.handlers[0].setFormatter(AccessFormatter("%(request_line)s %(status_code)s"))
    logger.info("%s %s %s %s %d", "127.0.0.1:5", "POST", f"/hooks/{SECRET}", "1.1", 204)
    assert logger.stream.getvalue() == "POST /hooks/*** HTTP/1.1 204 No Content\n"
    assert kept
