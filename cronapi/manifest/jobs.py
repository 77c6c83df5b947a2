"""Make wanted jobs of tables, and check each value by the type that its parameter has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cronapi._protocol.encoding import encode_params
from cronapi.errors import ConfigurationError
from cronapi.manifest import format as rules
from cronapi.manifest.problems import Place, Problems, nearest
from cronapi.manifest.reading import Tables, place_of_file
from cronapi.manifest.tree import FOLDED, Leaf, Node, Table, leaves
from cronapi.manifest.variables import Variables, plain_text
from cronapi.manifest.wanted import Scope, Wanted, WantedJob
from cronapi.providers import FASTCRON, SETCRONJOB, Provider

_KNOWN = {one.name: one for one in (FASTCRON, SETCRONJOB)}
_NO_VARIABLES = "a name takes no variables."
_SERVICE_FOR_TYPES = SETCRONJOB
"""The service whose codes a value may have where none is named: the one that takes most."""


def wanted_of(
    tables: Tables, environ: Mapping[str, str], env: str | None, provider: str | None
) -> Wanted:
    """Return what the tables want. ManifestError of all problems."""
    problems = Problems()
    scope = _scope(tables, provider, problems)
    variables = Variables(_plain(tables.variables, problems), environ)
    service = _KNOWN.get(scope.provider or "", _SERVICE_FOR_TYPES)
    reader = _Reader(variables, scope, service, problems)
    jobs = tuple(reader.job(key, table) for key, table in sorted(tables.jobs.items()))
    _check_names(jobs, scope, problems)
    problems.raise_if_any()
    used = {name for job in jobs for names in job.variables.values() for name in names}
    return Wanted(
        file=tables.sources[0].name,
        sha256=tables.sha256,
        env=env,
        scope=scope,
        jobs=jobs,
        environ={name: environ.get(name, "") for name in sorted(used)},
    )


def _plain(table: Table, problems: Problems) -> dict[str, str]:
    values: dict[str, str] = {}
    for path, leaf in leaves(table):
        if len(path) == 1 and isinstance(leaf.value, str):
            values[path[0]] = leaf.value
        else:
            problems.add(leaf.place, "a variable must be text.")
    return values


def _scope(tables: Tables, provider: str | None, problems: Problems) -> Scope:
    place = tables.scope.place if tables.scope.members else place_of_file(tables)
    values: dict[str, Any] = {}
    for key, node in tables.scope.members.items():
        if key not in rules.SCOPE:
            problems.add(node.place, f"[scope] has no {key!r}{nearest(key, rules.SCOPE)}")
        elif _is_right(node, rules.SCOPE[key], problems) and isinstance(node, Leaf):
            values[key] = _without_variables(rules.plain(node.value), node.place, problems)
    if len(values.keys() & {"group", "prefix", "all"}) != 1:
        problems.add(place, "a scope is a group, a prefix or all = true: exactly one of them.")
    if values.pop("all", False):
        values["prefix"] = ""  # each name begins with it
    named = provider or values.get("provider")
    if named is not None and provider is None and named not in _KNOWN:
        hint = nearest(named, _KNOWN)
        problems.add(tables.scope.place_of("provider"), f"there is no service {named!r}{hint}")
    values["provider"] = named
    return Scope(place, **values)


def _without_variables(value: Any, place: Place, problems: Problems) -> Any:
    """Return a value of the scope, in which `$${` is a plain `${`."""
    if isinstance(value, tuple):
        return tuple(_without_variables(one, place, problems) for one in value)
    if not isinstance(value, str):
        return value
    if (plain := plain_text(value)) is None:
        problems.add(place, "a scope takes no variables: use [env.NAME.scope].")
    return plain or ""


def _is_right(node: Node, check: rules.Check, problems: Problems) -> bool:
    is_right, must = check
    if isinstance(node, Leaf) and is_right(node.value):
        return True
    problems.add(node.place, f"{must}.")
    return False


class _Reader:
    """Reads the tables of jobs."""

    def __init__(
        self, variables: Variables, scope: Scope, service: Provider, problems: Problems
    ) -> None:
        self._variables = variables
        self._scope = scope
        self._service = service
        self._problems = problems

    def job(self, written: str, table: Table) -> WantedJob:
        """Return the job of a table with this key. What is wrong is noted."""
        if (name := plain_text(written)) is None:
            self._problems.add(table.place, _NO_VARIABLES)
        own = self._own(table)
        values: dict[str, Any] = {}
        variables: dict[str, tuple[str, ...]] = {}
        off = {*own.get("clear", ()), *own.get("unmanaged", ())}
        for key, node in table.members.items():
            if key in rules.OWN or not self._is_known(key, node):
                continue
            if key in off:
                self._check_off(node)
                continue
            value, used = self._value(key, node)
            variables |= used
            if self._check(key, value, node.place):
                values[key] = value
        if "url" not in table.members:
            self._problems.add(table.place, "it has no url.")
        self._check_lists(table, own)
        values = {key: values[key] for key in rules.PARAMETERS if key in values}
        own |= {key: frozenset(own.get(key, ())) for key in ("clear", "unmanaged", "allow")}
        return WantedJob(name or written, table.place, values, variables, **own)

    def _own(self, table: Table) -> dict[str, Any]:
        return {
            key: self._former_name(node) if key == "was" else rules.plain(node.value)
            for key in rules.OWN
            if (node := table.members.get(key)) is not None
            and _is_right(node, rules.OWN[key], self._problems)
            and isinstance(node, Leaf)
        }

    def _former_name(self, node: Leaf) -> str:
        """Return a former name, in which `$${` is a plain `${` as in the name of a table."""
        written = str(node.value)
        if (name := plain_text(written)) is None:
            self._problems.add(node.place, _NO_VARIABLES)
        return name or written

    def _is_known(self, key: str, node: Node) -> bool:
        if key in rules.REFUSED:
            self._problems.add(node.place, rules.REFUSED[key])
        elif key not in rules.PARAMETERS:
            self._problems.add(node.place, f"a job has no {key!r}{nearest(key, rules.JOB)}")
        elif key == "group" and self._scope.group is not None:
            self._problems.add(node.place, "the group of a job is that of the scope.")
        else:
            return True
        return False

    def _check_off(self, node: Node) -> None:
        """Refuse a field that one table sets and leaves alone. One of the defaults may be so."""
        if "defaults" not in node.place.path:
            self._problems.add(node.place, "it is set, and listed as cleared or unmanaged too.")

    def _check_lists(self, table: Table, own: Mapping[str, Any]) -> None:
        for key, may, why in (
            ("clear", rules.may_clear, "cannot be cleared"),
            ("unmanaged", rules.JOB.__contains__, "is no field of a job"),
        ):
            for name in own.get(key, ()):
                if not may(name):
                    hint = nearest(name, rules.PARAMETERS)
                    self._problems.add(table.place_of(key), f"{name!r} {why}{hint}")

    def _value(self, key: str, node: Node) -> tuple[Any, dict[str, tuple[str, ...]]]:
        """Return a value, a mapping for headers, and the variables of its fields."""
        if isinstance(node, Table) and key != FOLDED:
            self._problems.add(node.place, "must be a value and no table.")
            return None, {}
        found = dict(self._expanded(key, node))
        used = {path: leaf.variables for path, leaf in found.items() if leaf.variables}
        if isinstance(node, Leaf):
            return found[key].value, used
        return {path.removeprefix(f"{key}."): leaf.value for path, leaf in found.items()}, used

    def _expanded(self, key: str, node: Node) -> Iterator[tuple[str, Leaf]]:
        for path, leaf in leaves(node):
            yield ".".join((key, *path)), self._variables.expand(leaf, self._problems)

    def _check(self, key: str, value: Any, place: Place) -> bool:
        if value is None:
            return False
        try:
            encode_params({key: value}, self._service, clear=False)
        except ConfigurationError as error:
            self._problems.add(place, str(error))
            return False
        return True


def _check_names(jobs: tuple[WantedJob, ...], scope: Scope, problems: Problems) -> None:
    names = {job.name for job in jobs}
    for job in jobs:
        if not job.name.strip():
            problems.add(job.place, "a job needs a name.")
        elif scope.prefix is not None and not scope.has_prefix(job.name):
            problems.add(job.place, f"its name does not begin with the prefix {scope.prefix!r}.")
        if job.was in names:
            problems.add(job.place, f"was = {job.was!r} is the name of another table.")
    ids = Counter(job.id for job in jobs)
    for job in jobs:
        if job.id is not None and ids[job.id] > 1:
            problems.add(job.place, f"two tables have id = {job.id}.")
