"""What is no schedule: the error names the part that is wrong, and the nearest meaning."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronapi import ConfigurationError
from cronapi.schedule import Schedule

NOW = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
WRONG = [
    ("60 * * * *", "the minute '60' cannot be read: values are 0 to 59", "0 * * * *"),
    ("0 24 * * *", "the hour '24' cannot be read: values are 0 to 23", "0 0 * * *"),
    ("0 0 32 * *", "the day '32' cannot be read: values are 1 to 31, or L", None),
    ("0 0 1 13 *", "the month '13' cannot be read: values are 1 to 12", None),
    ("0 0 * * 8", "the weekday '8' cannot be read: values are 1 to 7 from Monday", None),
    ("60 25 * * *", "the minute '60' .+; the hour '25'", None),
    ("5/10 * * * *", "the minute '5/10'", "5-59/10 * * * *"),
    ("0 22-2 * * *", "the hour '22-2'", "0 22-23,0-2 * * *"),
    ("0 9 * * Fri-Mon", "the weekday 'Fri-Mon'", "0 9 * * 5-7,1-1"),
    ("0 9 ? * MON", r"the day '\?'", "0 9 * * MON"),
    ("0 9 * * Monday", "the weekday 'Monday'", "0 9 * * MON"),
    ("0 9 * * Munday", "the weekday 'Munday'", "0 9 * * MON"),
    ("0 9 1 Sept *", "the month 'Sept'", "0 9 1 SEP *"),
    ("0 9 1 1FEB *", "the month '1FEB'", None),
    ("0 9 1 JANJAN *", "the month 'JANJAN'", "0 9 1 JAN *"),
    ("0 9 1 1-12/FEB *", "the month '1-12/FEB'", None),
    ("0 9 * * 0MON", "the weekday '0MON'", None),
    ("0 9 * * MON1", "the weekday 'MON1'", None),
    ("0 9 15W * *", "the day '15W'", None),
    ("0 9 * * 5L", "the weekday '5L'", None),
    ("0 9 * * 5#2", "the weekday '5#2'", None),
    ("R0 * * * *", "the minute 'R0' draws no value, or more than there are", None),
    ("0 R25 * * *", "the hour 'R25' draws no value, or more than there are", None),
    ("0 9 R * *", "the day 'R' cannot be random", None),
    ("0 0 9 ? * MON", "five fields .+, not 6", "0 9 * * MON"),
    ("0 0 9 * * MON 2027", "five fields .+, not 7", "0 9 * * MON"),
    ("0 9 * *", "five fields .+, not 4", "0 9 * * *"),
    ("", "it is empty", None),
    ("@daily", "after @ comes a Unix time", "0 0 * * *"),
    ("@hourli", "after @ comes a Unix time", "0 * * * *"),
    ("@soon", "after @ comes a Unix time", None),
    ("hourly", "neither five fields", "0 * * * *"),
    ("every 15 minutes", "neither five fields", "15 minutes"),
    ("one hour", "neither five fields", "1 hour"),
    ("every hour", "neither five fields", "1 hour"),
    ("5 minuts", "neither five fields", "5 minutes"),
    ("tomorow", "neither five fields", "tomorrow"),
    ("every day at 9:00", "neither five fields", "0 9 * * *"),
    ("at 9am on weekdays", "neither five fields", "0 9 * * 1-5"),
    ("every Friday at 5:30 pm", "neither five fields", "30 17 * * 5"),
    ("1 day 25:00", "'25:00' is not a time of day", None),
    ("Okt 16, 2030 07:50", "neither five fields", None),
    ("2030-02-14x07:30", "neither five fields", None),
    ("2030-02-14\N{SNOWMAN}07:30", "neither five fields", None),
    ("2030-02-14T24:00", "neither five fields", None),
    ("sometimes", "neither five fields", None),
    ("0 seconds", "neither five fields", None),
]
HOSTILE = [
    "9" * 999 + " * * * *",
    "0-" + "9" * 900 + " * * * *",
    "R" + "9" * 900 + " * * * *",
    "*" * 999,
    "* " * 499,
    ",".join(["0-59/1"] * 140) + " * * * *",
    "," * 999,
    "1 sec " * 160,
    "9" * 900 + " seconds",
    "1" + " " * 990 + "x",
    "a" * 999,
    "@" + "9" * 900,
    "\x00" * 50,
    "\ud800 9 * * *",
    "٣ 9 * * *",
    "0 9 * * *\n0 9 * * *",
    "every " * 160,
    "Feb 14, 2030, " + "7" * 900,
    "-1 * * * *",
    "1e9 minutes",
]


def refused(text, **options):
    with pytest.raises(ConfigurationError) as error:
        Schedule.parse(text, **options)
    return str(error.value)


@pytest.mark.parametrize(("text", "reason", "meant"), WRONG)
def test_an_error_names_the_part_and_the_nearest_meaning(text, reason, meant):
    """The message has the text, the reason, and an expression that can be read if one is near."""
    message = refused(text)
    assert message.startswith(f"{text!r} is no schedule: ")
    with pytest.raises(ConfigurationError, match=reason):
        Schedule.parse(text)
    assert (f"Did you mean {meant!r}?" in message) is (meant is not None)
    assert ("Did you mean" in message) is (meant is not None)
    assert meant is None or Schedule.parse(meant)


@pytest.mark.parametrize(
    ("zone", "meant"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("Nowhere/Atlantis", None),
        ("", None),
        ("../etc/passwd", None),
        ("/etc/localtime", None),
        ("Europe", None),
        ("x" * 9999, None),
        ("\x00", None),
        ("\ud800", None),
    ],
)
def test_an_unknown_zone_is_answered_with_the_nearest(zone, meant):
    """The name may be spelt otherwise, or be that of a city."""
    message = refused("0 9 * * *", timezone=zone)
    assert message.startswith("Unknown timezone ")
    assert len(message) < 1200
    assert meant is None or message.endswith(f"Did you mean {meant!r}?")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "text or value lists by name, not NoneType"),
        (15, "text or value lists by name, not int"),
        (b"0 9 * * *", "text or value lists by name, not bytes"),
        ({"minutes": ["0"]}, "no list 'minutes'; known: second, minute"),
        ({3: ["0"]}, "no list 3"),
        ({"minute": 5}, "minute must be a list of texts"),
        ({"minute": [None]}, "minute must be a list of texts"),
        ({"minute": ["60"]}, "The value lists are no schedule: bad minute '60'"),
        ({"minute": b"5"}, "minute must be a list of texts"),
        ({"minute": [10**5000]}, "minute must be a list of texts"),
        ({"minute": ["1 2"], "weekday": [""]}, "The value lists are no schedule: bad minute '1 2'"),
        ({"hour": [""]}, "The value lists are no schedule: bad hour ''"),
        ({"day": ["1,"]}, "The value lists are no schedule: bad day '1,'"),
        ({"second": ["15"]}, "second must be 0, 30 or both"),
        ({"hour": ["1"] * 999}, "at most 1,000 characters"),
        ("1 day " * 999, "at most 1,000 characters, and this one 5,993"),
    ],
)
def test_what_is_not_text_is_refused(source, message):
    """An argument of another type, a wrong list and a text without end are told apart."""
    assert message in refused(source)


def test_a_zone_is_a_name():
    """A zone is given by its name."""
    assert refused("0 9 * * *", timezone=UTC).startswith("A timezone is an IANA name")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_takes_long(text):
    """A text made to be slow is a schedule or an error, and its message is short."""
    try:
        schedule = Schedule.parse(text)
    except ConfigurationError as error:
        assert len(str(error)) < 2_500  # noqa: PT017
    else:
        list(islice(schedule.windows(NOW), 3))


@given(
    st.one_of(
        st.text(),
        st.from_regex(r"[0-9R*,/L@ :a-z?-]{1,30}", fullmatch=True),
        st.lists(
            st.sampled_from(
                ["every", "next", "day", "5", "*", "Friday", "at", "9am", "of", "R2", "L", "1-5"]
            )
        ).map(" ".join),
    )
)
def test_any_text_is_a_schedule_or_an_error(text):
    """Nothing else is ever raised, and a suggestion can always be read."""
    try:
        schedule = Schedule.parse(text)
    except ConfigurationError as error:
        found = str(error).rpartition("Did you mean '")[2].removesuffix("'?")
        if "Did you mean" in str(error):
            Schedule.parse(found)
    else:
        assert schedule.explain()
        assert Schedule.parse(schedule.normal).normal == schedule.normal
