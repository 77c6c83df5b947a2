"""The line of each table and key in a TOML source: tomllib tells none.

The source has been read by tomllib before, so it is valid.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

Path = tuple[str, ...]
"""The keys that lead to a value, from the top of the file."""

_PART = r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+'
_PARTS = re.compile(_PART)
_KEY = re.compile(rf"(?:{_PART})(?:[ \t]*\.[ \t]*(?:{_PART}))*")
_BETWEEN = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*|[\[\]{}\n]|[^\"'#\[\]{}\n]+",
    re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_AT_LINE = re.compile(r"\(at line ([0-9]+), column [0-9]+\)|\(at end of document\)")


def lines_of(text: str) -> Mapping[Path, int]:
    """Return the first line, from 1, of each table and key of a valid TOML source.

    Keys inside of inline tables and arrays are not among them.
    """
    lines: dict[Path, int] = {}
    line, counted = 1, 0
    for at, path in _statements(text):
        line, counted = line + text.count("\n", counted, at), at
        for depth in range(1, len(path) + 1):
            lines.setdefault(path[:depth], line)
    return lines


def line_at(lines: Mapping[Path, int], path: Path) -> int | None:
    """Return the line of a path, or of the nearest table or key around it."""
    around = (path[:depth] for depth in range(len(path), 0, -1))
    return next((lines[one] for one in around if one in lines), None)


def line_of_error(error: tomllib.TOMLDecodeError, text: str) -> tuple[int, str]:
    """Return the line that an error of tomllib names, and its text without the place."""
    said = str(error)
    found = _AT_LINE.search(said)
    last = text.count("\n") + 1
    line = int(found[1]) if found and found[1] else last
    return line, _AT_LINE.sub("", said).strip()


def shown_path(path: Path) -> str:
    """Return a path as it is written in a file: `job."nightly report".url`."""
    return ".".join(part if _BARE.fullmatch(part) else quoted(part) for part in path)


def quoted(text: str) -> str:
    """Return a text as TOML has it in quotes, on one line."""
    return f'"{"".join(map(_in_quotes, text))}"'


def _in_quotes(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return printable(char).replace("\\x", "\\u00")  # TOML 1.0 has no \x


def printable(text: str) -> str:
    """Return a text without characters that a terminal obeys or does not show."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _statements(text: str) -> Iterator[tuple[int, Path]]:
    """Yield the position and the path of each header of a table, and of each key."""
    table: Path = ()
    at = _skip(_BETWEEN, text, 0)
    while at < len(text):
        is_header = text[at] == "["
        found = _KEY.search(text, at) if is_header else _KEY.match(text, at)
        if found is None:
            return
        key = tuple(_plain(part) for part in _PARTS.findall(found[0]))
        table = key if is_header else table
        yield at, key if is_header else (*table, *key)
        at = _skip(_BETWEEN, text, _end_of_statement(text, found.end(), inside=is_header))


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _end_of_statement(text: str, at: int, *, inside: bool) -> int:
    """Return the position after a statement, which begins `inside` of brackets if a header."""
    if inside:
        end = text.find("\n", at)
        return len(text) if end < 0 else end
    depth = 0
    for token in _TOKEN.finditer(text, at):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        elif token[0] == "\n" and depth == 0:
            return token.end()
    return len(text)


def _plain(part: str) -> str:
    if part[0] not in "\"'":
        return part
    value: str = tomllib.loads(f"key = {part}")["key"]
    return value
