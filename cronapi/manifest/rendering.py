"""A plan as lines for people, and as a document for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import attrs

from cronapi.errors import UnsafePlanError
from cronapi.manifest.applying import wrong_group
from cronapi.manifest.changes import Action, Change, FieldChange
from cronapi.manifest.comparing import Comparer, Comparison
from cronapi.manifest.deciding import Decision
from cronapi.manifest.lines import printable

SCHEMA = 1
_SIGNS: Mapping[Action, str] = {
    "create": "+",
    "edit": "~",
    "rename": ">",
    "enable": "~",
    "disable": "~",
    "delete": "-",
}
_NAME, _ID, _FIELD = 18, 10, 13
"""The widths of the columns. That of names is wider if they are."""
_LONG = 40
"""Characters of a name that widens no column."""
Row = Callable[[str, str, int | None, str], str]
"""Makes a line of a sign, a name, an id and a text."""
_FEW = 5
"""Kept jobs that have a row each."""
_MOST = 100
"""Characters of a value in a plan for people."""


def plan_text(comparer: Comparer, comparison: Comparison) -> str:
    """Return a plan as lines for people."""
    decision = comparison.decision
    lines = [_headline(comparer, comparison)]
    row = partial(_row, _width(decision))
    for change in decision.changes:
        lines += _change_lines(row, change)
    lines += _not_in_file_lines(row, decision)
    lines += [row("!", one.name, None, one.text) for one in decision.blocked]
    lines += [printable(note) for note in decision.notes]
    lines += [_as_they_should_be(decision), "", *_totals(comparer, comparison)]
    return "\n".join(lines) + "\n"


def _width(decision: Decision) -> int:
    """Return the width of the column of names: that of the longest, within bounds."""
    names = [one.name for one in decision.changes]
    names += [one.name for one in decision.not_in_file]
    names += [one.name for one in decision.blocked]
    return max([_NAME, *(len(_name(name)) for name in names if len(name) <= _LONG)])


def _not_in_file_lines(row: Row, decision: Decision) -> Iterator[str]:
    """Yield a line for each job of no table, and one for all that are kept if they are many."""
    deleted = {change.id for change in decision.changes if change.action == "delete"}
    kept = sum(one.is_kept for one in decision.not_in_file)
    for one in decision.not_in_file:
        if one.id not in deleted and not (one.is_kept and kept > _FEW):
            why = "kept" if one.is_kept else "deleted with --prune"
            yield row("-", one.name, one.id, f"not in the file: {why}")
    if kept > _FEW:
        yield f"{kept} more are in the scope, and kept by its patterns"


def _headline(comparer: Comparer, comparison: Comparison) -> str:
    wanted = comparer.wanted
    env = "" if wanted.env is None else f", env {wanted.env}"
    group = comparison.account.group_id
    number = "" if wanted.scope.group is None else f" ({'new' if group is None else group})"
    return printable(f"{wanted.file}{env}: {comparer.api.provider.name}, {wanted.scope}{number}")


def _name(name: str) -> str:
    """Return a name as a plan shows it: with quotes if its ends could not be seen."""
    shown = printable(name)
    return shown if name and name == name.strip() else f'"{shown}"'


def _row(width: int, sign: str, name: str, number: int | None, text: str) -> str:
    shown_id = "" if number is None else str(number)
    line = f"{sign} {_name(name):<{width}} {shown_id:<{_ID}} {printable(text)}"
    return line.rstrip()


def _change_lines(row: Row, change: Change) -> Iterator[str]:
    former = next((one.before for one in change.fields if one.field == "name"), None)
    text = change.action if change.action != "rename" else f'rename from "{former or ""}"'
    if change.action == "delete":
        text = "not in the file: delete"
    yield row(_SIGNS[change.action], change.name, change.id, text)
    for one in change.fields:
        if one.field != "name":
            note = f"    {printable(one.note)}" if one.note else ""
            yield f"    {one.field:<{_FIELD}} {_field_text(one)}{note}".rstrip()


def _field_text(one: FieldChange) -> str:
    if one.secret is not None:
        names = f" {one.secret}" if one.secret else ""
        return f"(secret{names}{'' if one.change == 'added' else f', {one.change}'})"
    before, after = (text if text is None else _shortened(text) for text in (one.before, one.after))
    if one.change == "changed":
        return f"{before or _EMPTY}  ->  {after or _EMPTY}"
    if one.change == "removed":
        return f"{before or _EMPTY}  ->  (removed)"
    return f"{after or _EMPTY}{'  (sent again)' if one.change == 'resent' else ''}"


_EMPTY = '""'


def _shortened(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _MOST else f"{shown[: _MOST - 3]}..."


def _as_they_should_be(decision: Decision) -> str:
    line = f"{decision.unchanged} {_are(decision.unchanged)} as they should be"
    if decision.hidden:
        fields = ", ".join(f"{name} {count}" for name, count in decision.hidden.items())
        count = decision.hidden_jobs
        line += f"; of {count} the service does not show all ({fields}): --resend-hidden sends them"
        line += f", {count} requests" if count > 1 else ", 1 request"
    return line


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _totals(comparer: Comparer, comparison: Comparison) -> Iterator[str]:
    decision, cost = comparison.decision, comparison.cost
    counts = Counter(change.action for change in decision.changes)
    switches = counts["enable"] + counts["disable"]
    spared = sum(not one.is_kept for one in decision.not_in_file)
    deletes = f"{counts['delete']} to delete"
    if spared and not comparer.options.prune:
        deletes += f" ({spared} with --prune)"
    parts = [f"{counts['create']} to create", f"{counts['edit'] + counts['rename']} to edit"]
    parts += [f"{switches} to enable or disable"] if switches else []
    parts += [deletes] + ([f"{len(decision.blocked)} blocked"] if decision.blocked else [])
    yield ", ".join(parts)
    rate = comparer.calls.caller.scheduler.rate
    yield (
        f"{cost.requests} requests, about {cost.seconds:.0f} s at {rate.limit / rate.per:g} "
        f"{'request' if rate.limit == rate.per else 'requests'} a second; "
        f"read with {comparison.account.requests}"
    )
    if comparison.elsewhere:
        yield printable(wrong_group(comparison, comparer.wanted.scope))
    if decision.brake.tripped:
        brake = decision.brake
        yield (
            f"The brake: {brake.deletes} to delete, and {brake.allowed} allowed. "
            f"--max-deletes {brake.deletes} allows them."
        )


def plan_document(comparer: Comparer, comparison: Comparison) -> dict[str, Any]:
    """Return a plan as JSON takes it, with the time for which it was made."""
    wanted, decision, account = comparer.wanted, comparison.decision, comparison.account
    scope = wanted.scope
    brake = decision.brake
    return {
        "schema": SCHEMA,
        "manifest": {"file": wanted.file, "sha256": wanted.sha256, "env": wanted.env},
        "provider": comparer.api.provider.name,
        "scope": scope.owner | {"id": account.group_id},
        "options": _options(comparer),
        "read": {
            "jobs": len(account.rows),
            "owned": decision.owned,
            "digest": decision.digest,
            "at": comparer.now.isoformat(timespec="seconds"),
        },
        "changes": [_change_document(change) for change in decision.changes],
        "blocked": [attrs.asdict(one) | {"ids": list(one.ids)} for one in decision.blocked],
        "not_in_file": [attrs.asdict(one) for one in decision.not_in_file],
        "stopped": [attrs.asdict(one) for one in decision.stopped],
        "hidden": dict(decision.hidden),
        "elsewhere": comparison.elsewhere,
        "notes": list(decision.notes),
        "unchanged": decision.unchanged,
        "cost": attrs.asdict(comparison.cost),
        "brake": attrs.asdict(brake) | {"tripped": brake.tripped},
    }


def _options(comparer: Comparer) -> dict[str, Any]:
    options = attrs.asdict(comparer.options)
    return options | {"resend_hidden": sorted(comparer.options.resend_hidden)}


def _change_document(change: Change) -> dict[str, Any]:
    fields = [_field_document(one) for one in change.fields]
    return {"action": change.action, "name": change.name, "id": change.id, "fields": fields}


def _field_document(one: FieldChange) -> dict[str, Any]:
    if one.secret is not None:
        return {"field": one.field, "secret": one.secret, "change": one.change}
    return {"field": one.field, "from": one.before, "to": one.after, "change": one.change}


_MUST_AGREE = ("schema", "manifest", "provider", "scope", "options", "changes")


def check_saved(saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise UnsafePlanError if a saved plan is another one than that of now."""
    differing = [name for name in _MUST_AGREE if saved.get(name) != now[name]]
    read = saved.get("read")
    if not isinstance(read, Mapping) or read.get("digest") != now["read"]["digest"]:
        differing.append("jobs in the scope")
    if differing:
        raise UnsafePlanError(
            f"The saved plan is stale: other {', '.join(differing)} now. Nothing was sent. Make a "
            "new plan."
        )
