"""Unix seconds as people read them, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from cronapi.emulator.page.markup import Html, element

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def moment(at: float, now: float, *, below: bool = False) -> Html:
    """Return a time with its distance from `now`, beside it or `below` it.

    A time of the same day is shown without the day, and of another one without the seconds.
    """
    day, clock = _parts(at)
    same = day == _parts(now)[0]
    text = clock if same else f"{day} {clock[:5]}".strip()
    full = f"{day} {clock} UTC".strip()
    return element(
        "span",
        element("span", text, class_="at", title=full),
        " ",
        element("span", distance(at, now), class_="sub" if below else "dim"),
        class_="moment",
    )


def whole_moment(at: float) -> str:
    """Return the day and the time."""
    return " ".join(_parts(at)).strip()


def distance(at: float, now: float) -> str:
    """Return how far a time is away, such as `in 5 min` or `3 h ago`, in whole units."""
    apart = round(abs(at - now))
    if not apart:
        return "now"
    name, size = next(unit for unit in _UNITS if apart >= unit[1])
    return f"in {apart // size} {name}" if at > now else f"{apart // size} {name} ago"


def seconds(value: float) -> str:
    """Return a short time such as `12 ms` or `2.5 s`."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def _parts(at: float) -> tuple[str, str]:
    try:
        when = datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        # A run may have been asked for a time that no calendar has.
        return f"{at:.0f}", ""
    return f"{when:%Y-%m-%d}", f"{when:%H:%M:%S}"
