"""Tables on a terminal: columns that do not fit are left out from the right; no line is wrapped."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.cells import cell_len, set_cell_size

from cronapi.cli.frame.words import counted
from cronapi.cli.show.columns import NUMBERS, heading

_GAP = 2
_LEAST = 8
"""Cells of the last column, below which it is left out."""
_MOST, _SHARE = 20, 3
"""Cells of any column but the last one, and the part of a wider terminal that it may have.

A time fits into the first.
"""
_GOOD, _SHORT = 24, 16
"""Cells of the last column, for which texts give way, and those that a text keeps.

In fewer no address can be told, and half a schedule is another one.
"""
_TEXTS = frozenset({"NAME", "ERROR", "URL"})
_COLORS = {"active": "green", "failed": "red", "false": "red", "disabled": "yellow"}
_COLORED = frozenset({"status", "succeeded"})


def table(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the lines of a table. No line is wider than `width` cells."""
    heads = [heading(name) for name in names]
    natural = [
        max([cell_len(head), *(cell_len(row[index]) for row in rows)])
        for index, head in enumerate(heads)
    ]
    widths = fitted(natural, heads, width)
    heads, mark = _marked(heads, widths, width)
    lines = [_line(names, heads, widths, bold=True) + mark]
    return lines + [_line(names, row, widths) for row in rows]


def _marked(heads: Sequence[str], widths: Sequence[int], width: int) -> tuple[list[str], str]:
    """Return the headings, and a mark behind them for columns that do not fit."""
    shown, left_out = list(heads[: len(widths)]), len(heads) - len(widths)
    if not left_out:
        return shown, ""
    used = sum(widths[:-1]) + _GAP * (len(widths) - 1) + cell_len(cut(shown[-1], widths[-1]))
    for mark in (f"  +{counted(left_out, 'column')}", f" +{left_out}"):
        if used + len(mark) <= width:
            return shown, mark
    return [*shown[:-1], cut(f"{shown[-1]} …", widths[-1])], ""


def fitted(natural: Sequence[int], heads: Sequence[str], width: int) -> list[int]:
    """Return the widths of the columns that are shown, from the left."""
    most = max(_MOST, width // _SHARE)
    widths = [*(min(size, most) for size in natural[:-1]), natural[-1]]
    while len(widths) > 1:
        _make_room(widths, heads, width)
        before = sum(widths[:-1]) + _GAP * (len(widths) - 1)
        least = min(widths[-1], max(_LEAST, len(heads[len(widths) - 1])))
        if before + least <= width:
            widths[-1] = min(widths[-1], width - before)
            return widths
        widths.pop()
    return [min(widths[0], width)]


def _make_room(widths: list[int], heads: Sequence[str], width: int) -> None:
    """Make texts narrower for the last column, as far as it needs that."""
    wanted = sum(widths[:-1]) + _GAP * (len(widths) - 1) + min(widths[-1], _GOOD)
    for index in range(len(widths) - 1):
        if heads[index] in _TEXTS:
            less = max(0, min(wanted - width, widths[index] - _SHORT))
            widths[index] -= less
            wanted -= less


def fields(pairs: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Return one line for each member of a single thing."""
    left = max((cell_len(name) for name, _ in pairs), default=0)
    return [
        f"{click.style(name.ljust(left), bold=True)}  {cut(text, max(1, width - left - _GAP))}"
        for name, text in pairs
    ]


def _line(
    names: Sequence[str], cells: Sequence[str], widths: Sequence[int], *, bold: bool = False
) -> str:
    last = len(widths) - 1
    shown = []
    for index, size in enumerate(widths):
        text = cut(cells[index], size)
        pad = " " * (size - cell_len(text))
        color = _COLORS.get(cells[index]) if names[index] in _COLORED else None
        styled = click.style(text, fg=color, bold=bold or None) if bold or color else text
        if names[index] in NUMBERS:
            styled = pad + styled
        elif index != last:
            styled += pad
        shown.append(styled)
    return (" " * _GAP).join(shown).rstrip()


def cut(text: str, size: int) -> str:
    """Return a text of at most `size` cells."""
    if cell_len(text) <= size:
        return text
    return f"{set_cell_size(text, max(0, size - 1)).rstrip()}…"
