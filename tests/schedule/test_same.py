"""The normal form, the comparison of two schedules, and the bounds of gaps."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cronapi import ConfigurationError
from cronapi.schedule import Schedule

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

NORMAL = {
    " 0   9 * *  mon-FRI ": "0 9 * * 1-5",
    "0 9 * * 0": "0 9 * * 7",
    "0 9 * * Sun-Mon": "0 9 * * 1,7",
    "30,00,15,15 9 * * *": "0,15,30 9 * * *",
    "0 9,10,11,12 * Jan,Feb,Mar *": "0 9-12 * 1-3 *",
    "*/1 * */1 */1 */1": "* * * * *",
    "0,20,40 * * * *": "0,20,40 * * * *",
    "*/20 * * * *": "*/20 * * * *",
    "0-59 0-23 * * *": "0-59 0-23 * * *",
    "0 9 1-31 1-12 1-7": "0 9 * * *",
    "0 9 1-31 * 5": "0 9 * * *",
    "0 9 l * *": "0 9 L * *",
    "r2,1,2 9 * * *": "1,2 9 * * *",
    "R1,30-40 R24 * * *": "R,30-40 0-23 * * *",
    "*/50,7 * * * *": "*/60,7,50 * * * *",
    "90 Seconds": "90 seconds",
    "1 min 30 sec": "90 seconds",
    "60 minutes": "1 hour",
    "2 weeks fri 5:05 pm": "14 days Friday 17:05",
    "next Friday": "next Friday 00:00",
    "1 day Friday": "next Friday 00:00",
    "tomorrow": "1 day 00:00",
    "1 year": "12 months",
    "LAST day of next month 7 PM": "last day of next month 19:00",
    "Feb 14, 2030, 7:30": "2030-02-14 07:30:00",
    "2030-02-14T07:30:00+02:00": "@1897277400",
    "Manual": "manual",
}

UTC, BERLIN, NEW_YORK = "UTC", "Europe/Berlin", "America/New_York"
COMPARED = [
    ("0 9 * * 1-5", BERLIN, "00 09 * * Mon-Fri", BERLIN, True),
    ("0 9 * * 1-5", BERLIN, "0 9 * * 1-6", BERLIN, False),
    ("0 9 L 1 *", BERLIN, "0 9 31 1 *", BERLIN, True),
    ("0 9 28-31 2 *", BERLIN, "0 9 28,29 2 *", BERLIN, True),
    ("0 9 L 2 *", BERLIN, "0 9 28 2 *", BERLIN, False),
    ("0 9 13 * 5", BERLIN, "0 9 13 * *", BERLIN, False),
    ("0 9 31 2 *", BERLIN, "15 4 30 2 *", BERLIN, True),
    ("*/15 * * * *", BERLIN, "0,15,30,45 * * * *", BERLIN, True),
    # A change of the clock makes up for the second, and not for the first.
    ("*/15 2 * * *", BERLIN, "0,15,30,45 2 * * *", BERLIN, None),
    ("*/15 2 * * *", UTC, "0,15,30,45 2 * * *", UTC, True),
    # Random.
    ("R 9 * * *", BERLIN, "R 9 * * *", BERLIN, None),
    ("R 9 * * *", BERLIN, "R1,0-59 9 * * *", BERLIN, None),
    ("R 9 * * *", BERLIN, "R2 9 * * *", BERLIN, False),
    ("R 9 * * *", BERLIN, "30 9 * * *", BERLIN, False),
    ("R2,1,2 9 * * *", BERLIN, "1,2 9 * * *", BERLIN, True),
    # Zones.
    ("0 9 * * *", UTC, "0 9 * * *", "Etc/UTC", True),
    ("0 9 * * *", BERLIN, "0 9 * * *", NEW_YORK, False),
    ("0 9 * * *", BERLIN, "0 9 * * *", "Europe/Paris", None),
    ("* * * * *", BERLIN, "* * * * *", NEW_YORK, None),
    ("R 9 * * *", BERLIN, "R 9 * * *", NEW_YORK, False),
    ("R 9 * * *", BERLIN, "R 9 * * *", "Europe/Paris", None),
    ("90 minutes", BERLIN, "1 hour 30 min", NEW_YORK, True),
    ("1 day", BERLIN, "1 day", NEW_YORK, None),
    ("1 day 17:05", BERLIN, "1 day 17:05", NEW_YORK, False),
    ("manual", BERLIN, "MANUAL", NEW_YORK, True),
    ("2030-02-14 07:30", BERLIN, "Feb 14, 2030 1:30 AM", NEW_YORK, True),
    ("2030-02-14 07:30", BERLIN, "@1897281000", UTC, True),
    ("2030-02-14 07:30", BERLIN, "2030-02-14 07:30", UTC, False),
    # Forms.
    ("1 hour", BERLIN, "0 * * * *", BERLIN, False),
    ("1 day", BERLIN, "24 hours", BERLIN, False),
    ("tomorrow 9:00", BERLIN, "1 day 09:00", BERLIN, True),
]

GAPS = {
    "* * * * *": (MINUTE, MINUTE),
    "*/7 * * * *": (4 * MINUTE, 7 * MINUTE),
    "0 9 * * *": (DAY, DAY),
    "0 9 * * 1-5": (DAY, 3 * DAY),
    "0 9,17 * * 1-5": (8 * HOUR, 2 * DAY + 16 * HOUR),
    "0 0 L * *": (28 * DAY, 31 * DAY),
    "0 0 29 2 *": (4 * 365 * DAY + DAY, 8 * 365 * DAY + DAY),
    "0 0 13 * 5": (DAY, 7 * DAY),
    "R * * * *": (MINUTE, 2 * HOUR - MINUTE),
    "R,10-20 9 * * *": (MINUTE, DAY + 10 * MINUTE),
    "0 R * * *": (HOUR, 2 * DAY - HOUR),
    "90 seconds": (timedelta(seconds=90), timedelta(seconds=90)),
    "1 day 2 hours": (DAY + 2 * HOUR, DAY + 2 * HOUR),
    "30 hours 17:05": (DAY, DAY),
    "1 month": (28 * DAY, 31 * DAY),
    "2 months": (59 * DAY, 62 * DAY),
    "100 years": (36_524 * DAY, 36_525 * DAY),
    "1 month Monday": (28 * DAY, 35 * DAY),
    "next Friday 17:05": (7 * DAY, 7 * DAY),
    "10 days Friday": (14 * DAY, 14 * DAY),
    "last day of next month": (28 * DAY, 31 * DAY),
}


def test_the_normal_form_is_one_spelling():
    """Names, order, blanks and units are written in one way."""
    assert {text: Schedule.parse(text).normal for text in NORMAL} == NORMAL


@pytest.mark.parametrize(("one", "zone", "other", "other_zone", "expected"), COMPARED)
def test_two_schedules_are_the_same_or_not_or_none_can_tell(one, zone, other, other_zone, expected):
    """True and False are certain, and None stands for what cannot be told."""
    first = Schedule.parse(one, timezone=zone)
    second = Schedule.parse(other, timezone=other_zone)
    assert first.same_as(second) is expected
    assert second.same_as(first) is expected


def test_the_seconds_of_value_lists_count():
    """Value lists with the second 30 are another schedule than the five fields."""
    both = Schedule.parse({"second": ["0", "30"], "minute": ["0"]})
    assert both.same_as(Schedule.parse("0 * * * *")) is False
    assert Schedule.parse({"minute": ["0"]}).same_as(Schedule.parse("0 * * * *")) is True
    with pytest.raises(ConfigurationError, match="another Schedule"):
        both.same_as("0 * * * *")


def test_gaps_have_bounds():
    """The shortest and the longest time between two runs in a row."""
    found = {text: Schedule.parse(text).gaps for text in GAPS}
    assert {text: (gaps.shortest, gaps.longest) for text, gaps in found.items()} == GAPS


@pytest.mark.parametrize("text", ["manual", "@1905821065", "0 0 31 2 *", "1 second 00:00"])
def test_what_does_not_run_twice_has_no_gap(text):
    """A schedule of one run or none has no bounds."""
    assert Schedule.parse(text).gaps is None
