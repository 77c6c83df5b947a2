"""The headers of a job, as the lines of a text and as a mapping.

Only CR, LF and both end a line. A name or value that would break out of its line is refused. Errors
count headers from 1 and repeat none: a value may be a secret, and so may a misplaced name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from cronapi._protocol.arguments import HALF_PAIR, is_encodable, is_proxy
from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import input_error

Line = tuple[str, str]
"""Name and value of a header."""
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
_LINE_BREAKING = re.compile(r"[\r\n\0]")
_BLANKS = " \t"
"""The blanks around a header's value (RFC 9110). Any other character belongs to the value."""


def _texts_of_lines(text: str) -> list[str]:
    return [line for line in _LINE_END.split(text) if line.strip(_BLANKS)]


def count_of_headers(text: object) -> str:
    """Return the number of headers in a text, for a repr."""
    if not isinstance(text, str):
        return "***"
    count = len(_texts_of_lines(text))
    return f"<{count} header{'' if count == 1 else 's'}>"


def lines_of_text(name: str, text: str) -> tuple[Line, ...]:
    """Return the headers in the text of a parameter, repeated ones too."""
    pairs = (line.partition(":") for line in _texts_of_lines(text))
    return _checked(name, (_split(name, *parts) for parts in pairs))


def _split(name: str, key: str, colon: str, value: str) -> Line:
    if not colon:
        raise input_error(f"A line of {name} has no colon.")
    return key.strip(_BLANKS), value.strip(_BLANKS)


def lines_of_pairs(name: str, pairs: Iterable[object]) -> tuple[Line, ...]:
    """Return the headers in a mapping. Names that differ in case alone are refused."""
    lines, numbers = _checked(name, pairs), dict[str, int]()
    for number, (key, _) in enumerate(lines, 1):
        first = numbers.setdefault(key.lower(), number)
        if first != number:
            raise input_error(
                f"Headers {first} and {number} of {name} have one name: case makes no difference. "
                "Give one of them, or both as lines of text."
            )
    return lines


def _checked(name: str, pairs: Iterable[object]) -> tuple[Line, ...]:
    return tuple(_line(f"Header {number} of {name}", pair) for number, pair in enumerate(pairs, 1))


def _line(header: str, pair: object) -> Line:
    key, value = pair if isinstance(pair, tuple) and len(pair) == 2 else (None, None)  # noqa: PLR2004 -- a pair
    if not isinstance(key, str) or is_proxy(key) or not HEADER_NAME.fullmatch(key):
        raise input_error(f"{header}: its name is not a header name.")
    if not isinstance(value, str) or is_proxy(value) or _LINE_BREAKING.search(value):
        raise input_error(f"{header}: its value must be text without CR, LF or NUL.")
    if not is_encodable(value):
        raise input_error(f"{header} {HALF_PAIR}")
    return str.__str__(key), str.__str__(value)


def joined(lines: Iterable[Line]) -> str:
    """Return headers as the services take them: lines with CRLF between them."""
    return "\r\n".join(f"{key}: {value}" for key, value in lines)


class Headers(Mapping[str, str]):
    """Headers as a read-only mapping that ignores the case of names.

    A name that is there more than once has its values joined with a comma. `lines` has each of
    them. `headers | changes` returns headers with those of `changes` in the place of others of
    their names, and `http_headers` of a job takes it as it is, repeated headers included. The repr
    hides the values.

    Made from a mapping, or from lines of text. ConfigurationError for a line that is no header, and
    for a mapping with names that differ in case alone.
    """

    __slots__ = ("_lines",)

    def __init__(self, given: Mapping[str, str] | str = "") -> None:
        name = "http_headers"
        self._lines: tuple[Line, ...] = ()  # headers that cannot be made are shown too
        if isinstance(given, Headers):
            self._lines = given.lines
        elif isinstance(given, str):
            self._lines = lines_of_text(name, given)
        elif isinstance(given, Mapping):
            self._lines = lines_of_pairs(name, given.items())
        else:
            raise input_error("Headers are a mapping of text to text, or lines of text.")

    @property
    def lines(self) -> tuple[Line, ...]:
        """Name and value of each header, repeated ones too, in order."""
        return self._lines

    def __getitem__(self, name: str) -> str:
        values = [value for key, value in self._lines if key.lower() == _folded(name)]
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        first = dict[str, str]()
        for key, _ in self._lines:
            first.setdefault(key.lower(), key)
        return iter(first.values())

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self._lines})

    def __or__(self, changes: Mapping[str, str]) -> Headers:
        return _merged(self, changes) if isinstance(changes, Mapping) else NotImplemented

    def __ror__(self, base: Mapping[str, str]) -> Headers:
        return _merged(Headers(base), self) if isinstance(base, Mapping) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        try:
            return self._values() == Headers(other)._values()
        except ConfigurationError:
            return False

    def __hash__(self) -> int:
        return hash(frozenset(self._values().items()))

    def __repr__(self) -> str:
        return f"Headers({dict.fromkeys(self, '***')})"

    def _values(self) -> dict[str, str]:
        return {name.lower(): self[name] for name in self}


def _folded(name: object) -> str | None:
    return name.lower() if isinstance(name, str) else None


def _merged(base: Headers, changes: Mapping[str, str]) -> Headers:
    """Return headers with changes in the place of the first header of their name, or at the end."""
    new, left = Headers(changes), dict[str, list[Line]]()
    for key, value in new.lines:
        left.setdefault(key.lower(), []).append((key, value))
    lines = list[Line]()
    for key, value in base.lines:
        lines += left.pop(key.lower(), []) if key in new else [(key, value)]
    return Headers(joined([*lines, *chain.from_iterable(left.values())]))
