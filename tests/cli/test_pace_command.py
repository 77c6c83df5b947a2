"""`cronapi pace`, at a service on a socket."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from contextlib import closing, contextmanager

import anyio
import pytest
from click.testing import CliRunner

from cronapi.cli.root import cronapi
from cronapi.emulator import Fault, create_app, run_in_thread
from tests.support.console import no_receiver
from tests.support.emulated import FAST, TOKEN

pytestmark = pytest.mark.judged
QUICK = ("--rate", "1000", "--limit", "1000")


def pace(*arguments, **environment):
    result = CliRunner().invoke(
        cronapi, ["pace", *arguments], env={"COLUMNS": "100", **environment}
    )
    assert TOKEN not in result.output
    return result


def row(result, name):
    return re.search(rf"^ +{re.escape(name)}  +(\S.*?) *$", result.output, re.MULTILINE)[1]


@contextmanager
def emulated(*faults, path="/api/", wrap=lambda app: app, **settings):
    """Serve an emulator without a limit. Yield it and the address of one of its services."""
    app = create_app(**{"rates": FAST, **settings})
    app.emulator.faults.add(*faults)
    with closing(app.emulator), run_in_thread(wrap(app)) as origin:
        yield app.emulator, origin + path


def test_it_starts_an_emulator_of_its_own():
    """Without an address it needs nothing but itself, and ends with a table and exit code 0."""
    result = pace(*QUICK, "--calls", "20")
    assert result.exit_code == 0, result.output
    assert (row(result, "calls answered"), row(result, "rate allowed"), row(result, "lost")) == (
        "20",
        "1000/s",
        "0",
    )
    assert re.search(
        r" 20 calls, +[\d.]+ of 1000/s, margin +[\d.]+ %, \d+ refused, 0 lost, \d+ holds",
        result.output,
    )
    # Each call has its sign, that of a probe where a late one was refused, beside the legend's.
    assert sum(map(result.output.count, "●◆")) == 20 + 2
    assert result.output.endswith("No call failed.\n")
    assert "\x1b" not in result.output


@pytest.mark.parametrize(("provider", "path"), [("setcronjob", "/api/"), ("fastcron", "/api/v1/")])
def test_it_looks_on_at_a_service_that_is_already_there(provider, path):
    """With an address it makes exactly the calls that were asked for, and only reads."""
    with emulated(path=path) as (emulator, url):
        result = pace(
            "--provider",
            provider,
            "--url",
            url,
            "--rate",
            "500",
            "--calls",
            "30",
            "--callers",
            "3",
            "--interactive",
            "2",
        )
    assert result.exit_code == 0, result.output
    assert Counter((seen.provider, seen.function) for seen in emulator.requests) == {
        (provider, "cron.list"): 30
    }
    assert (row(result, "calls answered"), row(result, "rate kept to")) == ("30", "500/s")


def test_it_ends_when_its_time_is_up():
    """A run that reaches its time ends well, with the calls answered until then."""
    result = pace(*QUICK, "--seconds", "0.2")
    assert result.exit_code == 0, result.output
    assert int(row(result, "calls answered")) > 0


def test_a_terminal_gets_the_live_picture():
    """On a terminal there is a picture with its legend, and the summary stays behind it."""
    result = pace(*QUICK, "--calls", "20", FORCE_COLOR="1", TERM="xterm")
    assert result.exit_code == 0, result.output
    during, after = result.output.split("\x1b[?1049l")
    assert "\x1b[?1049h" in during
    assert "What the client saw" in after
    assert "unused" in after


def test_refusals_are_seen_and_cost_nothing():
    """A rate above the service's limit causes refusals, and every call is still answered."""
    result = pace("--rate", "400", "--limit", "20", "--calls", "12")
    assert result.exit_code == 0, result.output
    assert (row(result, "calls answered"), row(result, "lost")) == ("12", "0")
    assert not row(result, "refused (503)").startswith("0 ")
    assert "✗" in result.output


def test_a_lost_answer_is_seen_and_costs_nothing():
    """A lost answer has a mark of its own, and its call is answered at the second attempt."""
    with emulated(Fault("lose")) as (_, url):
        result = pace("--url", url, "--rate", "500", "--calls", "5")
    assert (result.exit_code, row(result, "lost"), row(result, "calls answered")) == (
        0,
        "1",
        "5",
    ), result.output
    assert any("?" in line for line in result.output.splitlines()[1:])


def test_a_call_that_fails_for_good_ends_it_with_exit_code_1():
    """The error stands below the table, and the other callers stop."""
    with emulated(Fault("redirect")) as (_, url):
        result = pace("--url", url, "--rate", "500", "--seconds", "60")
    assert result.exit_code == 1
    assert "setcronjob cron.list: " in result.output
    assert result.output.endswith("A call failed for good.\n")


def test_a_service_that_refuses_everything_ends_it_with_exit_code_1():
    """It gives up soon after its time is up, and says that everything was refused."""
    with emulated(Fault("outage", times=None)) as (_, url):
        result = pace("--url", url, "--rate", "1000", "--seconds", "0.05")
    assert (result.exit_code, row(result, "calls answered")) == (1, "0")
    assert row(result, "refused (503)").endswith("(100.0 %)")
    assert "HTTP 503" in result.output
    assert "(held)" in result.output


@pytest.mark.parametrize("received", [True, False])
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_with_the_summary(monkeypatch, told, received):
    """Ctrl-C or a termination ends it at once and cleanly, with a summary so far, also on an event
    loop that receives no signal, as on Windows.
    """
    if not received:
        monkeypatch.setattr(anyio, "open_signal_receiver", no_receiver)
    before = signal.getsignal(told)
    calls = iter(range(10**9))

    def interrupting(app):
        async def wrapped(scope, receive, send):
            if next(calls) == 20:
                os.kill(os.getpid(), told)
            await app(scope, receive, send)

        return wrapped

    with emulated(wrap=interrupting) as (_, url):
        result = pace("--url", url, "--rate", "200")
    assert result.exit_code == 0, result.output
    assert int(row(result, "calls answered")) > 0
    assert result.output.endswith("Stopped early: no call failed.\n")
    assert signal.getsignal(told) is before


@pytest.mark.parametrize(
    ("token", "code"), [("quite-a-secret-0123456789", 1), ("quite a secret", 64)]
)
def test_a_token_is_never_shown(token, code):
    """A wrong or impossible token is an error, which does not repeat it."""
    with emulated() as (_, url):
        result = pace("--url", url, "--token", token, "--rate", "500", "--calls", "3")
    assert result.exit_code == code
    assert "token" in result.output
    assert token not in result.output


def test_the_token_of_a_service_can_be_given():
    """A service with a token of its own is called with it."""
    with emulated(tokens=("quite-a-secret-0123456789",)) as (_, url):
        result = pace(
            "--url", url, "--token", "quite-a-secret-0123456789", "--rate", "500", "--calls", "3"
        )
    assert result.exit_code == 0
    assert "quite-a-secret" not in result.output


def test_nothing_goes_through_a_proxy(monkeypatch):
    """A proxy in the environment is not used, and the environment stays as it was."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.com")
    assert pace(*QUICK, "--calls", "3").exit_code == 0
    assert os.environ["no_proxy"] == "example.com"


@pytest.mark.parametrize(
    "url",
    [
        "https://www.setcronjob.com/api/",
        "https://app.fastcron.com/api/v1/",
        "http://www.setcronjob.com/api/",
        "https://10.0.0.1/api/",
        "https://0.0.0.0/api/",
        "https://127.0.0.1.example.com/api/",
        "https://localhost.example.com/",
        "https://[2001:db8::1]/api/",
        "http://127.0.0.1@example.com/api/",
        "http://example.com@127.0.0.1/api/",
        "ftp://127.0.0.1/api/",
        "127.0.0.1:8765",
        "",
    ],
)
def test_an_address_that_is_not_on_this_machine_is_refused(url):
    """Any address but loopback is a usage error, before anything is sent or drawn."""
    result = pace("--url", url)
    assert result.exit_code == 64
    assert result.output.startswith("Error: Invalid value for --url")
    assert "let through" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--token", "x"],
        ["--url", "http://127.0.0.1:1/api/", "--limit", "5"],
        ["--rate", "0"],
        ["--calls", "0"],
        ["--seconds", "0"],
        ["--callers", "0"],
        ["--provider", "cronhub"],
    ],
)
def test_options_that_make_no_sense_are_refused(arguments):
    """A mistake in the command line is exit code 64, and nothing is run."""
    result = pace(*arguments)
    assert (result.exit_code, "Error: " in result.output) == (64, True)
    assert "let through" not in result.output
