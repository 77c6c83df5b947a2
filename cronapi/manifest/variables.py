"""Variables in values: `${NAME}`, from `[vars]` or from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from cronapi.manifest.problems import Problems
from cronapi.manifest.tree import Leaf

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<inside>[^}]*)(?P<end>\}?)")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-.*)?", re.DOTALL)


def escaped(text: str) -> str:
    """Return a plain text as it stands in a file, in which `${` begins a variable."""
    return text.replace("${", "$${")


def names_in(text: str) -> set[str]:
    """Return the names of the variables in a text, also of those with a default."""
    found = (_INSIDE.fullmatch(one["inside"] or "") for one in _REFERENCE.finditer(text))
    return {one["name"] for one in found if one is not None}


def without_variables(text: str) -> str:
    """Return a text with `${}` for each variable, whatever its name."""
    return _REFERENCE.sub(lambda one: "${}" if one["inside"] is not None else one[0], text)


def plain_text(written: str) -> str | None:
    """Return the text that stands so in a file, or None if there is a variable in it."""
    parts = written.split("$${")
    return None if any("${" in part for part in parts) else "${".join(parts)


@attrs.frozen
class Variables:
    """The variables of a manifest: `plain` ones of its file, and those of the environment."""

    plain: Mapping[str, str]
    environ: Mapping[str, str] = attrs.field(repr=False)

    def expand(self, leaf: Leaf, problems: Problems) -> Leaf:
        """Return a value with its variables replaced, and the names of those of the environment.

        Texts are expanded once, in lists too. A variable that is unset or empty is a problem.
        """
        used: list[str] = []

        def one(value: object) -> object:
            if isinstance(value, list):
                return [one(item) for item in value]
            if not isinstance(value, str) or "${" not in value:
                return value
            return _REFERENCE.sub(lambda found: self._value(found, leaf, used, problems), value)

        value = one(leaf.value)
        return attrs.evolve(leaf, value=value, variables=tuple(dict.fromkeys(used)))

    def _value(self, found: re.Match[str], leaf: Leaf, used: list[str], problems: Problems) -> str:
        if found["inside"] is None:
            return "${"
        inside = _INSIDE.fullmatch(found["inside"])
        if inside is None or not found["end"]:
            problems.add(
                leaf.place, "a variable is written ${NAME}, and a plain ${ is written $${."
            )
            return ""
        name, default = inside["name"], inside["default"]
        if name not in self.plain:
            used.append(name)
        value = self.plain.get(name) or ("" if name in self.plain else self.environ.get(name, ""))
        if value or default is not None:
            return value or default[2:]
        where = "[vars]" if name in self.plain else "the environment"
        said = "empty" if name in self.plain or name in self.environ else "not set"
        problems.add(leaf.place, f"the variable {name} is {said} in {where}.")
        return ""
