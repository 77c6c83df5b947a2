"""The report of a bulk: what it counts, what it raises, and what it never shows."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest
from attrs import evolve

from cronapi import (
    APIError,
    Applied,
    AuthenticationError,
    BulkError,
    CronAPIError,
    CronJob,
    Done,
    Failed,
    JobSpec,
    NotFoundError,
    NotTried,
    Outcome,
    OutcomeUnknownError,
    Report,
    ResponseError,
    Unknown,
)
from cronapi.errors import ServiceUnavailableError

SECRET = "hunter22"
SPEC = {
    "url": f"https://u:{SECRET}@example.com",
    "password": SECRET,
    "http_headers": {"X-Key": SECRET},
    "post_data": SECRET,
}


def outcomes():
    unknown = OutcomeUnknownError("nobody knows", function="cron.add")
    return [
        Outcome(3, SPEC, "not_tried"),
        Outcome(1, SPEC, "failed", error=NotFoundError("no such job", function="cron.add")),
        Outcome(
            0,
            SPEC,
            "done",
            CronJob(id=7, url=SPEC["url"], http_headers=f"X-Key: {SECRET}", post_data=SECRET),
        ),
        Outcome(2, JobSpec(**SPEC), "unknown", error=unknown),
        Outcome(
            4, (7, {"password": SECRET}), "failed", error=APIError("refused", function="cron.add")
        ),
    ]


def report():
    return Report(outcomes(), "cron.add_many")


def raised():
    with pytest.raises(BulkError) as caught:
        report().raise_for_failures()
    return caught.value


def test_outcomes_are_in_the_order_of_the_input():
    """A report has its outcomes in the order of the inputs, and a list for each class."""
    assert [outcome.index for outcome in report()] == [0, 1, 2, 3, 4]
    assert len(report()) == 5
    assert report()[2].status == "unknown"
    assert [outcome.index for outcome in report()[1:3]] == [1, 2]
    kinds = (report().done, report().failed, report().unknown, report().not_tried)
    assert [[outcome.index for outcome in kind] for kind in kinds] == [[0], [1, 4], [2], [3]]
    assert [job.id for job in report().values] == [7]


def test_the_summary_is_one_line():
    """The summary names the function and counts each status that occurs."""
    assert report().summary() == "cron.add_many: 1 done, 2 failed, 1 unknown, 1 not tried"
    assert Report(outcomes()[2:3], "cron.add_many").summary() == "cron.add_many: 1 done"
    assert Report([], "cron.add_many").summary() == "cron.add_many: 0 done"
    assert repr(report()) == "<Report of cron.add_many: 1 done, 2 failed, 1 unknown, 1 not tried>"


def test_a_report_without_failures_raises_nothing():
    """If every item is done, `raise_for_failures` does nothing."""
    Report(outcomes()[2:3], "cron.add_many").raise_for_failures()


def test_what_was_not_tried_is_a_failure_too():
    """A report of items that were never sent raises, although there is no error to show."""
    with pytest.raises(BulkError, match="1 not tried"):
        Report(outcomes()[:1], "cron.add_many").raise_for_failures()


def test_failures_are_a_group_that_can_be_taken_apart():
    """`except*` takes each kind of error, and the rest still has the report."""
    seen = []
    try:
        report().raise_for_failures()
    except* NotFoundError as group:
        seen.append(("gone", len(group.exceptions), type(group)))
    except* OutcomeUnknownError as group:
        seen.append(("unknown", len(group.exceptions), type(group)))
    except* APIError as group:
        seen.append(("refused", len(group.exceptions), type(group)))
    assert seen == [("gone", 1, BulkError), ("unknown", 1, BulkError), ("refused", 1, BulkError)]
    matched, rest = raised().split(NotFoundError)
    assert isinstance(matched, BulkError)
    assert [type(error) for error in rest.exceptions] == [OutcomeUnknownError, APIError]
    assert rest.report.summary() == report().summary()
    assert raised().subgroup(ServiceUnavailableError) is None


def test_the_text_of_failures_has_a_line_for_each_reason():
    """The most frequent reason comes first, with its first items, and none is told twice."""
    assert str(raised()).splitlines()[1:] == [
        "  item 1: no such job",
        "  item 2: nobody knows",
        "  item 4: refused",
    ]
    errors = [APIError("a bad URL" if index % 9 else f"odd {index}") for index in range(60)]
    failed = [Outcome(index, index, "failed", error=error) for index, error in enumerate(errors)]
    with pytest.raises(BulkError) as caught:
        Report(failed, "cron.add_many").raise_for_failures()
    first, *others = str(caught.value).splitlines()[1:]
    assert first == "  item 1, item 2, item 3, item 4, item 5, and 48 more: a bad URL"
    assert others == [*(f"  item {index}: odd {index}" for index in (0, 9, 18, 27)), "  and 3 more"]
    part = caught.value.subgroup(lambda error: error.args == ("odd 9",))
    assert str(part).splitlines()[1:] == ["  item 9: odd 9"]


def test_failures_can_be_caught_as_what_they_are():
    """The group is a CronAPIError and an ExceptionGroup.

    Its `applied` tells if something may have been carried out.
    """
    assert isinstance(raised(), CronAPIError)
    assert isinstance(raised(), ExceptionGroup)
    assert raised().applied is Applied.UNKNOWN
    assert raised().subgroup(NotFoundError).applied is Applied.NO
    assert str(raised()).splitlines()[0] == report().summary()
    assert raised().report[0].value.id == 7


def test_failures_travel_between_processes():
    """A BulkError survives pickling with its errors and outcomes.

    The inputs are left out, because they may be secret.
    """
    copy = pickle.loads(pickle.dumps(raised()))
    assert str(copy) == str(raised())
    assert [type(error) for error in copy.exceptions] == [
        NotFoundError,
        OutcomeUnknownError,
        APIError,
    ]
    assert [outcome.given for outcome in copy.report] == [None] * len(
        report()
    )  # inputs may hold passwords
    assert copy.applied is Applied.UNKNOWN
    assert [outcome.status for outcome in pickle.loads(pickle.dumps(report()))] == [
        outcome.status for outcome in report()
    ]


def test_a_report_travels_without_its_inputs():
    """A pickled report or BulkError has all outcomes, and no password of the inputs."""
    kept = Report(
        [Outcome(0, SPEC, "done", CronJob(id=7)), *outcomes()[:2]],
        "cron.add_many",
        APIError("no more"),
    )
    failures = BulkError("x", [APIError("no")], kept)
    for thing in (kept, failures):
        assert SECRET.encode() not in pickle.dumps(thing)
    twin = pickle.loads(pickle.dumps(kept))
    assert twin.summary() == kept.summary()
    assert [(outcome.index, outcome.value, type(outcome)) for outcome in twin] == [
        (o.index, o.value, type(o)) for o in kept
    ]
    assert type(twin.stopped_by) is APIError


def test_what_stopped_a_bulk_is_told_once():
    """A report names the error that ended the bulk early, in one short line."""
    stopped = Report(
        outcomes(), "cron.add_many", AuthenticationError("Wrong\n" + "token " * 50, code=11)
    )
    counts, _, cause = stopped.summary().partition("; stopped by: ")
    assert counts == report().summary()
    assert cause.startswith("AuthenticationError: Wrong token token")
    assert len(cause) < 140
    assert "\n" not in stopped.summary()
    assert report().stopped_by is None
    with pytest.raises(BulkError) as caught:
        Report(outcomes()[:1], "cron.add_many", APIError("no more")).raise_for_failures()
    assert [error.message for error in caught.value.exceptions] == ["no more"]


def failures_of(*told):
    with pytest.raises(BulkError) as caught:
        Report(told, "cron.add_many").raise_for_failures()
    return caught.value


def test_failures_say_whether_all_of_it_may_be_asked_for_again():
    """`applied` is NO only if nothing was done.

    It is UNKNOWN if an item is done, done without a usable answer, or unknown.
    """
    refused = Outcome(0, 1, "failed", error=APIError("no"))
    odd = Outcome(1, 1, "failed", error=ResponseError("odd", applied=Applied.YES))
    assert failures_of(refused).applied is Applied.NO
    assert failures_of(refused, Outcome(1, 1, "not_tried")).applied is Applied.NO
    assert failures_of(refused, Outcome(1, 1, "done", CronJob(id=7))).applied is Applied.UNKNOWN
    assert failures_of(refused, odd).applied is Applied.UNKNOWN
    assert (
        failures_of(Outcome(0, 1, "unknown", error=OutcomeUnknownError("who knows"))).applied
        is Applied.UNKNOWN
    )
    half = failures_of(refused, Outcome(1, 1, "done", CronJob(id=7)))
    assert pickle.loads(pickle.dumps(half)).applied is Applied.UNKNOWN
    assert half.function == pickle.loads(pickle.dumps(half)).function == "cron.add_many"


def test_each_failure_names_its_item():
    """Each raised error has a note of its item, every time.

    The items of one request share an error, and each gets a copy of it.
    """
    shared = APIError("refused", function="cron.add", attempts=3)
    shared.__cause__ = OSError("why")
    told = Report([Outcome(index, 1, "failed", error=shared) for index in (4, 9)], "cron.add_many")
    for _ in range(2):
        with pytest.raises(BulkError) as caught:
            told.raise_for_failures()
        assert [error.__notes__ for error in caught.value.exceptions] == [["item 4"], ["item 9"]]
    assert all(
        vars(error) | {"__notes__": None} == vars(shared) | {"__notes__": None}
        for error in caught.value.exceptions
    )
    assert all(error.__cause__ is shared.__cause__ for error in caught.value.exceptions)
    assert not hasattr(shared, "__notes__")
    assert "item 9" in "".join(traceback.format_exception(caught.value))


def test_each_outcome_has_a_class_of_its_own():
    """An outcome of a report is a Done, Failed, Unknown or NotTried, and cannot be changed."""
    assert [type(outcome) for outcome in report()] == [Done, Failed, Unknown, NotTried, Failed]
    with pytest.raises(AttributeError):
        report()[0].value = 1
    with pytest.raises(AttributeError):
        report()[0].status = "failed"


WHY = APIError("refused")
KINDS = {
    "done": (Done(0, 7, 5), Outcome(0, 7, "done", 5)),
    "failed": (Failed(0, 7, WHY), Outcome(0, 7, "failed", error=WHY)),
    "unknown": (Unknown(0, 7, WHY), Outcome(0, 7, "unknown", error=WHY)),
    "not_tried": (NotTried(0, 7), Outcome(0, 7, "not_tried")),
}
each_kind = pytest.mark.parametrize(
    ("status", "outcome", "plain"), [(status, *pair) for status, pair in KINDS.items()], ids=KINDS
)


@each_kind
def test_a_class_fixes_its_status(status, outcome, plain):
    """A status belongs to the class: no argument takes it, and no copy changes it."""
    assert outcome.status == status
    with pytest.raises(TypeError):
        type(outcome)(0, 7, status, None)
    with pytest.raises(TypeError):
        type(outcome)(0, 7, "failed", None)
    with pytest.raises(TypeError):
        evolve(outcome, status="failed")
    assert evolve(outcome, given=8).status == status
    assert type(Report([plain], "cron.add_many")[0]) is type(outcome)


def test_a_class_takes_only_the_fields_that_differ():
    """A Done has no error, a Failed or Unknown no value, and a NotTried neither of them."""
    assert (Done(0, 7, value=5).value, Done(0, 7, 5).error) == (5, None)
    assert (Failed(0, 7, error=WHY).error, Unknown(0, 7, error=WHY).error) == (WHY, WHY)
    assert (Failed(0, 7, WHY).value, Unknown(0, 7, WHY).value) == (None, None)
    assert (NotTried(0, 7).value, NotTried(0, 7).error) == (None, None)
    for kind, wrong in (
        (Done, {"value": 5, "error": WHY}),
        (Failed, {"value": 5, "error": WHY}),
        (Unknown, {"value": 5, "error": WHY}),
        (NotTried, {"error": WHY}),
        (NotTried, {"value": 5}),
        (Failed, {}),
        (Unknown, {}),
        (Done, {}),
    ):
        with pytest.raises(TypeError):
            kind(0, 7, **wrong)


@each_kind
def test_outcomes_of_the_same_fields_are_equal(status, outcome, plain):
    """An outcome equals an Outcome of the same fields, no other outcome, and no tuple."""
    assert outcome == plain
    assert hash(outcome) == hash(plain)
    others = [other for kind, (other, _) in KINDS.items() if kind != status]
    assert outcome not in [*others, evolve(outcome, index=1), evolve(outcome, given=8)]
    assert outcome != (0, 7, status, outcome.value, outcome.error)
    assert len({evolve(outcome, given={"url": "a"}), evolve(outcome, given={"url": "a"})}) == 1
    assert len({outcome, plain, evolve(outcome, index=1)}) == 2
    assert Done(0, 7, 5) != Done(0, 7, 6)
    assert list(report())[3:4] == outcomes()[:1]


def test_a_twin_is_shown_and_compared():
    """Two outcomes of one job differ if one names a second job that the service made of it."""
    assert Done(0, 7, 5, twin=8) != Done(0, 7, 5)
    assert "twin=8" in repr(Done(0, 7, 5, twin=8))
    assert "twin" not in repr(Done(0, 7, 5))


@each_kind
@pytest.mark.parametrize(
    "clone",
    [copy.copy, copy.deepcopy, lambda outcome: pickle.loads(pickle.dumps(outcome))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_outcomes_are_copied_and_pickled(status, outcome, plain, clone):
    """A copied or pickled outcome keeps its class and all its fields."""
    twin = clone(outcome)
    assert type(twin) is type(outcome)
    assert (twin.index, twin.given, twin.status, twin.value) == (0, 7, status, outcome.value)
    assert type(twin.error) is type(outcome.error)
    assert str(twin.error) == str(outcome.error)
    assert type(clone(plain)) is Outcome


@each_kind
def test_the_repr_names_the_class(status, outcome, plain):
    """A repr begins with the class, and has all fields."""
    fields = (
        f"(index=0, given=7, status={status!r}, value={outcome.value!r}, error={outcome.error!r})"
    )
    assert repr(outcome) == type(outcome).__name__ + fields
    assert repr(plain) == "Outcome" + fields


@each_kind
def test_outcomes_are_matched_by_class_by_name_and_by_position(status, outcome, plain):
    """A pattern has the fields of an Outcome in its order, for each class."""

    def matched(thing):
        match thing:
            case Done(index, given, "done", value, None):
                return "done", index, given, value
            case Failed(index=index, given=given, error=APIError() as error):
                return "failed", index, given, error
            case Unknown(index, given, "unknown", None, error):
                return "unknown", index, given, error
            case NotTried(index=index, given=given, value=None, error=None):
                return "not_tried", index, given, None
            case Outcome(index, given, status, value, error):
                return "plain", status, value, error

    assert matched(outcome) == (status, 0, 7, outcome.value or outcome.error)
    assert matched(plain) == ("plain", status, plain.value, plain.error)


@pytest.mark.parametrize("show", [repr, str])
def test_no_secret_is_shown(show):
    """No outcome, report or error shows a password, a header or a body of a spec."""
    shown = [*report(), report(), raised(), list(report()), raised().subgroup(NotFoundError)]
    assert all(SECRET not in show(thing) for thing in shown)
    assert "7" in show(Outcome(0, 7, "done"))
