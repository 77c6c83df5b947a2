"""Read the files of a manifest: sources, includes, environments and defaults become tables."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath

import attrs

from cronapi.manifest import format as rules
from cronapi.manifest.lines import line_of_error, shown_path
from cronapi.manifest.problems import Place, Problems, Source, error_of, nearest
from cronapi.manifest.tree import Leaf, Table, leaves, merged, rooted


@attrs.frozen
class Tables:
    """The tables of a manifest, with those of its environment merged in."""

    sources: tuple[Source, ...]
    scope: Table
    variables: Table
    jobs: Mapping[str, Table]

    @property
    def sha256(self) -> str:
        """The digest of all that is written: not of its order, comments, line ends or secrets."""
        members = {"scope": self.scope, "vars": self.variables, **_prefixed(self.jobs)}
        root = Table(members, self.scope.place)
        lines = sorted(f"{shown_path(path)} = {leaf.value!r}" for path, leaf in leaves(root))
        return hashlib.sha256("\n".join(lines).encode("utf-8", "backslashreplace")).hexdigest()


def _prefixed(jobs: Mapping[str, Table]) -> dict[str, Table]:
    return {f"job {name}": job for name, job in jobs.items()}


def source_of(path: FilePath) -> Source:
    """Return a file as a source. ManifestError if it cannot be read."""
    reason = ""
    try:
        return Source(str(path), path.read_bytes().decode("utf-8-sig"), path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    raise error_of([f"{path}: it cannot be read: {reason}."])


def parsed(source: Source) -> Table:
    """Return the tables of a source. ManifestError, with the line, if it is no TOML."""
    try:
        root = rooted(tomllib.loads(source.text), source)
    except tomllib.TOMLDecodeError as error:
        line, said = line_of_error(error, source.text)
        raise error_of([f"{source.name}:{line}: {said}."]) from None
    except RecursionError:
        raise error_of([f"{source.name}: it is nested too deep."]) from None
    except ValueError:  # of Python, for an integer of thousands of digits
        raise error_of([f"{source.name}: a number in it is too long."]) from None
    return root if isinstance(root, Table) else Table({}, root.place)


def read_tables(mains: Sequence[Source], folder: FilePath | None, env: str | None) -> Tables:
    """Return the tables of one or more files and of all that they include.

    The files after the first add jobs, like included ones. ManifestError of all problems.
    """
    problems = Problems()
    root = parsed(mains[0])
    _check_version(root, problems)
    _check_keys(root, rules.TOP, problems, "a manifest")
    given = {one.path.resolve() for one in mains if one.path is not None}
    found = _included(root, folder, given, problems)
    included = [parsed(source) for source in (*mains[1:], *found)]
    for one in included:
        _check_keys(one, rules.INCLUDED, problems, "an included file")
    chosen = _environment(root, env, problems)
    for one in (root, *included, chosen):
        _check_keys(
            _or(_table(one, "defaults", problems), Table({}, one.place)),
            rules.DEFAULTS,
            problems,
            "[defaults]",
        )
    defaults = merged(_table(root, "defaults", problems), _table(chosen, "defaults", problems))
    written = _jobs([root, *included], problems, defaults)
    jobs = _with_environment(written, _table(chosen, "job", problems), defaults, problems)
    problems.raise_if_any()
    sources = tuple(one.place.source for one in (root, *included))
    if not jobs:
        raise error_of([f'{sources[0].name}: it has no job: a table [job."NAME"] is one.'])
    empty = Table({}, root.place)
    scope = merged(_table(root, "scope", problems), _table(chosen, "scope", problems))
    variables = merged(_table(root, "vars", problems), _table(chosen, "vars", problems))
    return Tables(sources, _or(scope, empty), _or(variables, empty), jobs)


def _or(node: object, empty: Table) -> Table:
    return node if isinstance(node, Table) else empty


def _check_version(root: Table, problems: Problems) -> None:
    version = root.members.get("version")
    if version is None:
        problems.add(root.place, "it has no version: a manifest begins with version = 1.")
    elif not isinstance(version, Leaf) or version.value != rules.VERSION or version.value is True:
        problems.add(version.place, "this version of cronapi reads version = 1 alone.")


def _check_keys(table: Table, known: Sequence[str], problems: Problems, what: str) -> None:
    for key in table.members:
        if key not in known:
            hint = nearest(key, known)
            problems.add(table.place_of(key), f"{what} has no {key!r}{hint}")


def _included(
    root: Table, folder: FilePath | None, given: set[FilePath], problems: Problems
) -> Iterator[Source]:
    """Yield the files that a manifest includes, without those that were `given`."""
    node = root.members.get("include")
    if node is None:
        return
    patterns = node.value if isinstance(node, Leaf) else None
    if not isinstance(patterns, list) or not all(isinstance(one, str) for one in patterns):
        problems.add(node.place, "must be a list of texts.")
        return
    for pattern in patterns:
        files = {path.resolve(): path for path in _files(folder, pattern)}
        if not files:
            problems.add(node.place, f"{pattern!r} matches no file.")
        yield from (source_of(path) for key, path in files.items() if key not in given)
        given |= files.keys()


def _files(folder: FilePath | None, pattern: str) -> Iterable[FilePath]:
    """Return the files of a pattern in order. A pattern with no folder to search matches none."""
    if folder is None or not pattern:
        return []
    anchor = FilePath(pattern).anchor
    try:
        base = FilePath(anchor) if anchor else folder
        return sorted(one for one in base.glob(pattern[len(anchor) :]) if one.is_file())
    except (OSError, ValueError, NotImplementedError):
        return []


def _table(table: Table, key: str, problems: Problems) -> Table | None:
    node = table.members.get(key)
    if isinstance(node, Leaf):
        hint = ': write [job."NAME"] for each job.' if key == "job" else "."
        problems.add(node.place, f"must be a table{hint}")
        return None
    return node


def _environment(root: Table, env: str | None, problems: Problems) -> Table:
    empty = Table({}, root.place)
    envs = _table(root, "env", problems) or empty
    known = sorted(envs.members)
    if env is None:
        if known:
            listed = ", ".join(known)
            problems.add(envs.place, f"say which environment is meant; there are: {listed}.")
        return empty
    chosen = _table(envs, env, problems)
    if chosen is None:
        hint = nearest(env, known) if known else "; it has none."
        problems.add(envs.place, f"there is no environment {env!r}{hint}")
        return empty
    _check_keys(chosen, rules.ENVIRONMENT, problems, "an environment")
    return chosen


def _jobs(files: Sequence[Table], problems: Problems, defaults: object) -> dict[str, Table]:
    """Return the jobs of all files, each with the defaults that hold for it."""
    jobs: dict[str, Table] = {}
    for number, file in enumerate(files):
        own = _table(file, "defaults", problems) if number else None
        base = merged(_or_none(defaults), own)
        for name, job in (_table(file, "job", problems) or Table({}, file.place)).members.items():
            if isinstance(job, Leaf):
                problems.add(job.place, 'must be a table: write [job."NAME"] for each job.')
            elif name in jobs:
                problems.add(job.place, f"it stands in {jobs[name].place} too.")
            else:
                jobs[name] = _with_defaults(job, base)
    return jobs


def _or_none(node: object) -> Table | None:
    return node if isinstance(node, Table) else None


def _with_defaults(job: Table, defaults: object) -> Table:
    both = merged(_or_none(defaults), job)
    return both if isinstance(both, Table) else job


def _with_environment(
    jobs: dict[str, Table], over: Table | None, defaults: object, problems: Problems
) -> dict[str, Table]:
    changed = dict(jobs)
    for name, job in (over.members if over else {}).items():
        if isinstance(job, Leaf):
            problems.add(job.place, "must be a table.")
        elif name in changed:
            changed[name] = _with_defaults(job, changed[name])
        else:
            changed[name] = _with_defaults(job, defaults)
    return changed


def place_of_file(tables: Tables) -> Place:
    """Return the place that means the whole manifest."""
    return Place(tables.sources[0], ())
