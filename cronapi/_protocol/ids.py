"""Ids as callers give them: numbers, and in bulks the jobs and groups themselves."""

from __future__ import annotations

from collections.abc import Mapping

from cronapi.errors.concerns import input_error
from cronapi.models import CronJob, Group

MOST_DIGITS = 18
"""Digits of an id. A longer one is no id, and would not fit into eight bytes."""
_MODELS: Mapping[str, type[CronJob | Group]] = {"cron": CronJob, "group": Group}
_HINTS: Mapping[tuple[str, type], str] = {
    ("cron", CronJob): "give job.id",
    ("cron", Group): "group.items(group.id) has its jobs",
    ("cron", str): "cron.find(name) finds a job by its name",
    ("group", CronJob): "job.group is that of its group",
    ("group", Group): "give group.id",
    ("group", str): "group.lookup(name) finds groups by their name",
}


def about(function: str) -> str:
    """Return the target that the ids of a function belong to: `cron` or `group`."""
    return "group" if "group" in function else "cron"


def number_of(given: object, target: str = "cron") -> int:
    """Return the id of an item of a bulk: of a job, or of a group, or the number itself."""
    number = given.id if isinstance(given, _MODELS[target]) else given
    if isinstance(number, bool) or not isinstance(number, int):
        hint = _HINTS.get((target, type(given)))
        end = "." if hint is None else f"; {hint}."
        raise input_error(f"An id is a number, not a {type(given).__name__}{end}")
    if abs(number) >= 10**MOST_DIGITS:
        raise input_error(f"An id has at most {MOST_DIGITS} digits.")
    return int(number)


def refuse_models(given: object, function: str) -> None:
    """Refuse what is no id of a function's target, and say where its id is."""
    target = about(function)
    hint = _HINTS.get((target, type(given)))
    if isinstance(given, bool):
        hint = f"an id is a number, such as {'job' if target == 'cron' else target}.id"
    if hint is None or (isinstance(given, str) and given.isdecimal()):
        return
    raise input_error(f"id cannot be a {type(given).__name__}; {hint}.")
