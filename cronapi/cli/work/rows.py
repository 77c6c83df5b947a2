"""Jobs in a file: csv, lines of JSON, a JSON list or toml."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import click
from attrs import fields

from cronapi._protocol.declared import JobParams
from cronapi._protocol.params import JobSpec
from cronapi._protocol.redaction import HIDDEN
from cronapi.cli.frame.words import TOO_MUCH, counted
from cronapi.cli.work.targets import read_text
from cronapi.errors import ConfigurationError
from cronapi.models import CronJob, JobStatus
from cronapi.namespaces._iterate import job_filter

GroupId = Callable[[str], Awaitable[int]]
"""Finds the id of the group of a name."""
Row = tuple[str, Mapping[str, Any]]
"""The place of a job in its file, such as `line 5`, and its members."""
_READ_ONLY = {field.name for field in fields(CronJob)} - set(JobParams.__annotations__)
"""Columns of a list of jobs that no new job has: it may be read back with them."""

_NAMES = 3
"""Names that are told."""


class Rows(NamedTuple):
    """The jobs of a file: the parameters of each, and the digest of the text.

    `idle` are the indices of those that did not run. A new job runs from the start. `notes` tell
    what a person may not expect of the file.
    """

    jobs: list[dict[str, Any]]
    digest: str
    idle: list[int]
    notes: list[str]


async def rows_of(path: str, common: Mapping[str, Any], group_id: GroupId) -> Rows:
    """Read the jobs of a file. `group_id` finds the group of a name, once for each.

    A row that cannot be a job is a usage error with file, line and field. A row of a job that did
    not run is told on stderr.
    """
    text = read_text(path)
    label = "standard input" if path == "-" else path
    rows = list(_reader(path, text)(label, text))
    names = _group_names(rows)
    # Each row is checked before the first request.
    jobs = [_job(label, row, common, dict.fromkeys(names, 1)) for row in rows]
    groups = {name: await group_id(name) for name in names}
    for job, (_, members) in zip(jobs, rows, strict=True):
        if members.get("group") in groups:
            job["group"] = groups[members["group"]]
    if not jobs:
        raise click.UsageError(f"{label} has no jobs.")
    idle = [index for index, row in enumerate(rows) if not _runs(label, row)]
    notes = _equal_names(label, [job.get("name") for job in jobs])
    if idle:
        more = f" and {len(idle) - 1} more" if len(idle) > 1 else ""
        place = f"{label}, {rows[idle[0]][0]}{more}"
        notes = [f"{place}: not active there, and active when added.", *notes]
    return Rows(jobs, sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16], idle, notes)


def _equal_names(label: str, names: Iterable[str | None]) -> list[str]:
    """Return a note that names the names that come more than once. No service refuses them."""
    again = [(name, count) for name, count in Counter(filter(None, names)).items() if count > 1]
    if not again:
        return []
    counts = [f"{count} {name!r}" for name, count in again[:_NAMES]]
    counts[0] = counts[0].replace(" ", " jobs are named ", 1)
    told = " and ".join(filter(None, [", ".join(counts[:-1]), counts[-1]]))
    left = len(again) - _NAMES
    more = f", and {counted(left, 'more name')} {'comes' if left == 1 else 'come'} again"
    return [f"{label}: {told}{more if left > 0 else ''}. Each is added."]


def _runs(label: str, row: Row) -> bool:
    """Return True if a row says nothing else of its job than that it runs."""
    place, members = row
    status = members.get("status")
    if status in (None, ""):
        return True
    try:
        return job_filter(status, None, None).status == JobStatus.ACTIVE
    except ConfigurationError as error:
        raise click.UsageError(f"{label}, {place}: {error}") from None


def _group_names(rows: Iterable[Row]) -> list[str]:
    """Return the names of groups in rows, each once. A number is an id."""
    given = [members.get("group") for _, members in rows]
    return [*dict.fromkeys(one for one in given if isinstance(one, str) and _is_name(one))]


def _is_name(text: str) -> bool:
    return text.strip("-0123456789 ") != ""


def _job(
    label: str, row: Row, common: Mapping[str, Any], groups: Mapping[object, int]
) -> dict[str, Any]:
    place, members = row
    job = {**common, **{n: v for n, v in members.items() if n not in _READ_ONLY}}
    if isinstance(job.get("group"), str):
        job["group"] = groups.get(job["group"], job["group"])
    for name, value in job.items():
        if isinstance(value, str) and HIDDEN in value:
            raise click.UsageError(
                f"{label}, {place}: {name} is hidden ({HIDDEN}); list with --show-secrets."
            )
    try:
        return dict(JobSpec(**job).params)
    except ConfigurationError as error:
        raise click.UsageError(f"{label}, {place}: {error}") from None


def _reader(path: str, text: str) -> Callable[[str, str], Iterator[Row]]:
    ending = path.rpartition(".")[2].lower()
    if ending in _READERS:
        return _READERS[ending]
    begin = text.lstrip()[:2]
    if begin.startswith("[["):
        return _toml
    return _json if begin.startswith(("[", "{")) else _csv


def _csv(label: str, text: str) -> Iterator[Row]:
    """Read rows with a heading. An empty cell is not given."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if None in row:
                raise click.UsageError(f"{label}, line {reader.line_num}: too many cells.")
            yield (
                f"line {reader.line_num}",
                {name.strip(): cell for name, cell in row.items() if cell},
            )
    except csv.Error as error:
        raise click.UsageError(f"{label}, line {reader.line_num}: {error}.") from error


def _json(label: str, text: str) -> Iterator[Row]:
    whole = _whole(text)
    if whole is not None or text.lstrip().startswith("["):
        found = _parsed(label, 1, text) if whole is None else whole
        yield from _listed(label, [found] if isinstance(found, dict) else found)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            place = f"line {number}"
            yield place, _mapping(label, place, _parsed(label, number, line))


def _whole(text: str) -> Any:
    """Return a text that is one document, such as a list or one job, else None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _parsed(label: str, number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = number + error.lineno - 1
        raise click.UsageError(f"{label}, line {line}: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"{label}, line {number}: {TOO_MUCH}.") from error


def _toml(label: str, text: str) -> Iterator[Row]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise click.UsageError(f"{label}: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"{label}: {TOO_MUCH}.") from error
    yield from _listed(label, found.get("job", []))


def _listed(label: str, items: Any) -> Iterator[Row]:
    if not isinstance(items, list):
        raise click.UsageError(f"{label}: a list of jobs is needed.")
    for number, item in enumerate(items, 1):
        yield f"job {number}", _mapping(label, f"job {number}", item)


def _mapping(label: str, place: str, item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise click.UsageError(f"{label}, {place}: a job is an object.")
    return item


_READERS: Mapping[str, Callable[[str, str], Iterator[Row]]] = {
    "csv": _csv,
    "json": _json,
    "jsonl": _json,
    "ndjson": _json,
    "toml": _toml,
}
