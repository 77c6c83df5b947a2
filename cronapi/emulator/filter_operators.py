"""The operators of filters, with the precedence and the meaning that they have in PHP."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

# `None` is not known: a minute, as long as only the date is.
Values = Mapping[str, object]
Term = Callable[[Values], object]

_WIDEST = 5000
"""The most by which the ends of a range differ. PHP runs out of memory some way above it."""
# Such as a weekday in a sum, a division by 0, and the rest of a number without an end.
ERRORS = (ArithmeticError, TypeError, ValueError)


def _is_unknown(value: object) -> bool:
    return value is None or (isinstance(value, list) and any(map(_is_unknown, value)))


def _known(operation: Callable[[object, object], object]) -> Callable[[Term, Term], Term]:
    """Let the result be unknown if a side is."""

    def make(left: Term, right: Term) -> Term:
        def term(known: Values) -> object:
            one, other = left(known), right(known)
            unknown = _is_unknown(one) or _is_unknown(other)
            return None if unknown else operation(one, other)

        return term

    return make


def _compared(compare: Callable[[Any, Any], object]) -> Callable[[Term, Term], Term]:
    """Compare like PHP: a number and a text of digits are both numbers, another text is a text."""

    def alike(one: object, other: object) -> object:
        if isinstance(one, str) != isinstance(other, str):
            digits = all(str(side).isdecimal() for side in (one, other))
            one, other = (int(str(side)) if digits else str(side) for side in (one, other))
        return compare(one, other)

    return _known(alike)


def _counted(operation: Callable[[Any, Any], object]) -> Callable[[Term, Term], Term]:
    """Calculate with numbers alone."""

    def numbers(one: object, other: object) -> object:
        if not isinstance(one, int | float) or not isinstance(other, int | float):
            raise TypeError
        return operation(one, other)

    return _known(numbers)


def _joined(decisive: bool) -> Callable[[Term, Term], Term]:
    """Return `or`, which a true side decides, or `and`, which a false one does, the left first."""

    def make(left: Term, right: Term) -> Term:
        def term(known: Values) -> object:
            one = left(known)
            if one is not None and bool(one) is decisive:
                return decisive
            try:
                other = right(known)
            except ERRORS:
                if one is None:  # it may decide alone
                    return None
                raise
            if other is not None and bool(other) is decisive:
                return decisive
            return None if one is None or other is None else not decisive

        return term

    return make


def _alone(operation: Callable[[Any], object]) -> Callable[[Term], Term]:
    def make(operand: Term) -> Term:
        def term(known: Values) -> object:
            value = operand(known)
            return None if value is None else operation(value)

        return term

    return make


def _is_in(one: object, other: object) -> bool:
    if isinstance(other, list):
        return one in other
    if not isinstance(other, range):
        raise TypeError
    # A range looks at its numbers one by one for anything but an int.
    if isinstance(one, float) and one.is_integer():
        one = int(one)
    return isinstance(one, int) and one in other


def _remainder(one: float, other: float) -> int:
    """Return the rest of a division with the sign of the first number, as PHP has it."""
    rest = abs(int(one)) % abs(int(other))
    return -rest if one < 0 else rest


def _until(one: int, other: int) -> range:
    if other - one > _WIDEST:
        raise ValueError
    return range(one, other + 1)


_OR, _AND, _IN = _joined(decisive=True), _joined(decisive=False), _known(_is_in)
_NOT_IN = _known(lambda one, other: not _is_in(one, other))
_EQUAL, _OTHER = _compared(operator.eq), _compared(operator.ne)
BINARY: Mapping[str, tuple[int, Callable[[Term, Term], Term]]] = {
    "or": (10, _OR),
    "||": (10, _OR),
    "and": (15, _AND),
    "&&": (15, _AND),
    "==": (20, _EQUAL),
    "===": (20, _EQUAL),
    "!=": (20, _OTHER),
    "!==": (20, _OTHER),
    "<": (20, _compared(operator.lt)),
    "<=": (20, _compared(operator.le)),
    ">": (20, _compared(operator.gt)),
    ">=": (20, _compared(operator.ge)),
    "in": (20, _IN),
    "not in": (20, _NOT_IN),
    "..": (25, _counted(_until)),
    "+": (30, _counted(operator.add)),
    "-": (30, _counted(operator.sub)),
    "*": (60, _counted(operator.mul)),
    "/": (60, _counted(operator.truediv)),
    "%": (60, _counted(_remainder)),
}
"""The operators between two values, each with its precedence: the higher binds first."""
_NOT = _alone(operator.not_)
UNARY: Mapping[str, tuple[int, Callable[[Term], Term]]] = {
    "not": (50, _NOT),
    "!": (50, _NOT),
    "-": (500, _alone(operator.neg)),
    "+": (500, _alone(operator.pos)),
}
"""The operators before a value, each with its precedence."""
