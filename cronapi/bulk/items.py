"""One item of an input, and the input itself: each is checked where it comes in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from cronapi._protocol.hidden import without_frames
from cronapi.errors import ConfigurationError, CronAPIError
from cronapi.errors.concerns import input_error, setting_error

P = TypeVar("P")
T = TypeVar("T")
Check = Callable[[Any, int], P]
"""Takes an item and its index, and returns the payload.

It raises a ConfigurationError for an item that cannot be used, whose text need not name the index.
"""


@frozen(eq=False)
class Item(Generic[P]):
    """One item: its position in the input, as the caller gave it, and the checked payload."""

    index: int
    given: object = field(repr=False)
    payload: P = field(repr=False)


def checked(check: Check[P], given: object, index: int, function: str) -> P:
    """Return the payload of an item.

    Every error of `check` becomes a ConfigurationError that names the function and the item. An
    exception of the item's own code is told by its type alone: its text may repeat a password.
    """
    reason = ""
    try:
        return check(given, index)
    except ConfigurationError as error:
        text = f"{function}: item {index}: {error.message}"
        raise ConfigurationError(text, concerns=error.concerns) from without_frames(error)
    except Exception as error:  # noqa: BLE001 -- an item's own code may raise anything
        reason = type(error).__name__
    raise setting_error(f"{function}: item {index} cannot be used ({reason}).")


def refuse_no_items(items: object, function: str) -> None:
    """Refuse text, one mapping and bytes: they would be read character by character."""
    if isinstance(items, str | bytes | bytearray | memoryview | Mapping):
        raise input_error(
            f"{function} takes a list or another iterable of items, not a {type(items).__name__}."
        )


def unread(function: str, index: int, error: Exception) -> ConfigurationError:
    """Return the error of an input that broke off, which is the program's unless it is one of ours.

    It has the text of one of ours. No other may be repeated.
    """
    kind = type(error).__name__
    if isinstance(error, CronAPIError):
        said = f"{kind}: {error.message.rstrip('.')}"
        concerns = error.concerns if isinstance(error, ConfigurationError) else "program"
        text = f"{function}: item {index} could not be read ({said})."
        return ConfigurationError(text, concerns=concerns)
    return setting_error(f"{function}: item {index} could not be read ({kind}).")


def copy_of(items: Iterable[T], function: str) -> list[T]:
    """Return the items of an input that is read at once, as they are."""
    given = list[T]()
    try:
        given.extend(items)
    except Exception as error:  # the caller's code may raise anything
        raise unread(function, len(given), error) from error
    return given


def read_all(items: Iterable[object], check: Check[P], function: str) -> list[P]:
    """Return the payloads of all items of a sync input, at least one."""
    refuse_no_items(items, function)
    if not isinstance(items, Iterable):
        raise input_error(
            f"{function} takes a list or another iterable of items, not a {type(items).__name__}."
        )
    given = copy_of(items, function)
    if not given:
        raise input_error(f"{function} needs at least one item.")
    return [checked(check, one, index, function) for index, one in enumerate(given)]
