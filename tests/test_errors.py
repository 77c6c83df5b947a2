"""The errors: what they say, how they are related, that they travel between processes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from cronapi import errors
from cronapi._protocol.facts import copied, with_facts
from cronapi.bulk import BulkError, Report
from cronapi.errors import (
    APIError,
    Applied,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    CronAPIError,
    ManifestError,
    NotFoundError,
    OutcomeUnknownError,
    RedirectError,
    RequestTimeoutError,
    ResponseError,
    SchedulerError,
    ServiceUnavailableError,
    StatusError,
    TransportError,
    UnsafePlanError,
    UnsupportedFunctionError,
    WaitTooLongError,
    WebhookError,
    retry_after_for,
    status_for,
)

ALL: list[type[CronAPIError]] = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, CronAPIError)
]


def drawn() -> list[tuple[int, str]]:
    """Return depth and name of each class of the tree in the module's docstring."""
    lines = [line for line in (errors.__doc__ or "").splitlines() if "Error  " in line]
    return [
        ((len(line) - len(line.lstrip("| +-"))) // 4, line.lstrip("| +-").split()[0])
        for line in lines
    ]


def real(cls: type[CronAPIError], depth: int = 1) -> list[tuple[int, str]]:
    """Return depth and name of a class and its subclasses of the module, in the order of their
    definition.
    """
    children = [child for child in ALL if cls in child.__bases__]
    return [(depth, cls.__name__), *(line for child in children for line in real(child, depth + 1))]


def test_the_tree_is_drawn_as_it_is() -> None:
    """The tree in the docstring names every error, each under its parent."""
    assert sorted(drawn()) == sorted(real(CronAPIError))
    parents: dict[str, str] = {}
    path: list[str] = []
    for depth, name in drawn():
        path[depth - 1 :] = [name]
        parents[name] = path[depth - 2] if depth > 1 else "Exception"
    assert {name: getattr(errors, name).__bases__[0].__name__ for name in parents} == parents


@pytest.mark.parametrize("cls", ALL)
def test_an_error_needs_only_its_message(cls: type[CronAPIError]) -> None:
    """Every error can be made from a message alone and then knows no call and started no
    request.
    """
    error = cls("It went wrong.")
    assert (error.message, error.provider, error.function, error.attempts) == (
        "It went wrong.",
        None,
        None,
        0,
    )
    assert error.args == ("It went wrong.",)
    assert str(error).startswith("It went wrong.")


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize(
    "clone",
    [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)
def test_an_error_travels_between_processes(cls: type[CronAPIError], clone: Any) -> None:
    """Every error arrives in another process with all it knew."""
    error = with_facts(
        cls("It went wrong."),
        provider="fastcron",
        function="cron.add",
        attempts=3,
        applied=Applied.UNKNOWN,
    )
    error.__dict__.update(dict.fromkeys(error.__dict__.keys() - {"message", "applied"}, 7))
    twin = clone(error)
    assert type(twin) is cls
    assert vars(twin) == vars(error)
    assert str(twin) == str(error)


@pytest.mark.parametrize(
    ("error", "names"),
    [
        (WaitTooLongError("x", wait=2.5), {"wait": 2.5}),
        (StatusError("x", status=500), {"status": 500}),
        (ServiceUnavailableError("x", retry_after=3.0), {"status": 503, "retry_after": 3.0}),
        (ServiceUnavailableError("x", status=429), {"status": 429, "retry_after": None}),
        (
            RedirectError("x", status=301, location="https://example.com/"),
            {"status": 301, "location": "https://example.com/"},
        ),
        (ResponseError("x", problems=("$: missing",)), {"problems": ("$: missing",)}),
        (APIError("x", code=5), {"code": 5}),
        (AuthenticationError("x"), {"code": 11}),
        (OutcomeUnknownError("x"), {"applied": Applied.UNKNOWN}),
        (
            OutcomeUnknownError("x", applied=Applied.NO, attempts=2),
            {"applied": Applied.NO, "attempts": 2},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_knows_its_own_facts(error: CronAPIError, names: dict[str, object]) -> None:
    """Each kind of error carries the facts of its kind, also through a pickle."""
    twin = pickle.loads(pickle.dumps(error))
    assert {name: getattr(error, name) for name in names} == names
    assert {name: getattr(twin, name) for name in names} == names


@pytest.mark.parametrize("cls", ALL)
def test_the_text_says_call_attempts_outcome_and_advice(cls: type[CronAPIError]) -> None:
    """The text of an error names the call, the attempts, whether it was applied, and what to do."""
    error = cls(
        "It went wrong.",
        provider="fastcron",
        function="cron.add",
        attempts=2,
        applied=Applied.UNKNOWN,
    )
    advice = f" {cls.advice}" if cls.advice else ""
    assert (
        str(error) == f"fastcron cron.add: It went wrong. [attempts: 2, applied: unknown]{advice}"
    )


@pytest.mark.parametrize("cls", [cls for cls in ALL if cls.advice])
def test_advice_is_one_sentence(cls: type[CronAPIError]) -> None:
    """Advice is a sentence, so that it can end the error's text."""
    assert cls.advice[0].isupper()
    assert cls.advice.endswith(".")


def bulk_of_a_listing_that_failed(cause: CronAPIError) -> CronAPIError:
    error = ConfigurationError("cron.delete_many: item 0 could not be read.")
    error.__cause__ = cause
    return error


STATUSES: list[tuple[CronAPIError, int, tuple[int, int] | None]] = [
    (NotFoundError("x"), 404, None),
    (APIError("x"), 422, None),
    (ConfigurationError("x"), 500, None),
    (ConfigurationError("x", concerns="input"), 422, None),
    (ConfigurationError("x", concerns="program"), 500, None),
    (ConfigurationError("x", concerns="closed"), 503, (30, 40)),
    (ManifestError("x"), 422, None),
    (UnsafePlanError("x"), 409, None),
    (AuthenticationError("x"), 500, None),
    (WaitTooLongError("x", wait=7.5), 503, (8, 18)),
    (WaitTooLongError("x"), 503, (0, 10)),
    (ServiceUnavailableError("x"), 503, (30, 40)),
    (ServiceUnavailableError("x", retry_after=2.5), 503, (3, 13)),
    (ServiceUnavailableError("x", status=429, retry_after=0.0), 503, (0, 10)),
    (SchedulerError("x"), 503, (30, 40)),
    (CronAPIError("x"), 502, None),
    (UnsupportedFunctionError("x"), 501, None),
    (ConnectionFailedError("x"), 502, None),
    (RequestTimeoutError("x"), 502, None),
    (StatusError("x", status=404), 502, None),
    (RedirectError("x"), 502, None),
    (ResponseError("x"), 502, None),
    (OutcomeUnknownError("x"), 502, None),
    (WebhookError("x"), 400, None),
    (WebhookError("x", status=404), 404, None),
    (WebhookError("x", status=503), 503, (30, 40)),
    (BulkError("x", [NotFoundError("y")], Report((), "cron.delete_many")), 502, None),
    (bulk_of_a_listing_that_failed(ServiceUnavailableError("x")), 503, (30, 40)),
    (bulk_of_a_listing_that_failed(ConfigurationError("x")), 500, None),
    (bulk_of_a_listing_that_failed(ConfigurationError("x", concerns="input")), 422, None),
]


def test_each_error_has_a_status_for_a_web_application() -> None:
    """The nearest class decides, and 503 alone says when to come back, at different times."""
    for error, status, bounds in STATUSES:
        assert status_for(error) == status, error
        told = {retry_after_for(error) for _ in range(50)}
        if bounds is None:
            assert told == {None}, error
            continue
        seconds = [second for second in told if second is not None]
        assert bounds[0] <= min(seconds) <= max(seconds) <= bounds[1], error
        assert len(seconds) > 3, error
    assert {type(error) for error, *_ in STATUSES} >= set(ALL) - {TransportError}
    assert retry_after_for(WaitTooLongError("x", wait=7.2), spread=0.0) == 8


def test_facts_of_the_call_are_filled_in_later() -> None:
    """What is known of a call can be filled in where it is known,
    and the error itself comes back.
    """
    error = APIError("No.", code=3)
    assert (
        with_facts(
            error, provider="setcronjob", function="cron.get", attempts=1, applied=Applied.NO
        )
        is error
    )
    assert str(error) == "setcronjob cron.get: No. [attempts: 1, applied: no]"


@pytest.mark.parametrize("cls", ALL)
def test_only_a_wrong_argument_is_a_value_error(cls: type[CronAPIError]) -> None:
    """A ConfigurationError can be caught as ValueError, no other error can."""
    assert issubclass(cls, ValueError) == (cls is ConfigurationError)


@pytest.mark.parametrize("cls", ALL)
def test_a_copy_for_another_caller_has_everything_but_the_traceback(
    cls: type[CronAPIError],
) -> None:
    """Cause, notes and facts are those of the error; a note added to one is not on the other."""
    cause = APIError("The reason.")
    try:
        raise cls("It went wrong.") from cause
    except CronAPIError as caught:
        error = caught
    error.add_note("item 3")
    twin = copied(with_facts(error, attempts=3))
    assert (type(twin), str(twin), twin.__traceback__) == (cls, str(error), None)
    assert (twin.__cause__, twin.__suppress_context__) == (cause, True)
    twin.add_note("item 4")
    assert (error.__notes__, twin.__notes__) == (["item 3"], ["item 3", "item 4"])
