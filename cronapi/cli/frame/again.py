"""The effect of the same command after an interruption: the one table of these sentences."""

from __future__ import annotations

from collections.abc import Mapping

READS = "The same command reads from the start."
GOES_ON = "The same command goes on."
_HARMLESS = "The same command begins from the start, which does no harm."
_LEFT = "The same command deletes the jobs that are left."
_TWICE = "What was added stays: the same command would add it again."

AGAIN: Mapping[str, str] = {
    "account edit": _HARMLESS,
    "account secret": _HARMLESS,
    "adopt": "The same command adopts the jobs that are left.",
    "apply": "`cronapi apply` without a saved plan goes on with what is left.",
    "call": "Look before you give it again: the function may have been carried out.",
    "cron add": _TWICE,
    "cron batch-add": _TWICE,
    "cron batch-delete": _LEFT,
    "cron batch-edit": _HARMLESS,
    "cron delete": _LEFT,
    "cron disable": _HARMLESS,
    "cron edit": _HARMLESS,
    "cron enable": _HARMLESS,
    "cron ensure": _HARMLESS,
    "cron group-edit": _HARMLESS,
    "cron pause": "The same command pauses all jobs anew, and the span begins then.",
    "cron run": "What was queued stays queued: the same command would queue it again.",
    "group add": _TWICE,
    "group delete": "The same command deletes the group if it is still there.",
    "group edit": _HARMLESS,
    "group empty": _LEFT,
    "group vanish": "The same command deletes the group if it is still there.",
    "migrate": READS,
    "rotate": "The same command finds the jobs that are left.",
}
"""By the paths of commands. A cutover and rows with a journal go on instead."""
EDIT_THAT_RUNS = "The same command begins from the start, and would queue the runs of --run again."


def again(path: str, *, changes: bool) -> str:
    """Return the sentence for a command. A function that has no command is called raw."""
    return AGAIN.get(path, AGAIN["call"] if changes else READS)
