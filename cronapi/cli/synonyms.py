"""The words that people type for commands, with the words of the commands.

`ls` works, as with gh. The others are told: a script should not learn a second name.
"""

from __future__ import annotations

from collections.abc import Iterable

WORKING = {"ls": "list"}
MEANT = {
    "activate": "enable",
    "cat": "get",
    "change": "edit",
    "create": "add",
    "describe": "get",
    "destroy": "delete",
    "errors": "failures",
    "execute": "run",
    "failed": "list --failing",
    "failing": "list --failing",
    "hold": "pause",
    "history": "logs",
    "import": "add --from",
    "info": "get",
    "log": "logs",
    "modify": "edit",
    "new": "add",
    "output": "logs --output-of",
    "remove": "delete",
    "rename": "edit --name",
    "restore": "add --from",
    "resume": "enable",
    "rm": "delete",
    "runs": "logs",
    "search": "list --search",
    "set": "edit",
    "show": "get",
    "start": "run",
    "stop": "disable",
    "suspend": "pause",
    "test": "run --wait",
    "trigger": "run",
    "try": "run --wait",
    "undo": "add --from",
    "unpause": "enable",
    "update": "edit",
    "upsert": "ensure",
    "view": "get",
    **WORKING,
}
_GROUPS = {"crons": "cron", "job": "cron", "jobs": "cron", "groups": "group", "auth": "whoami"}


def meant(group: str, name: str, paths: Iterable[str]) -> str | None:
    """Return the command that a word in a group stands for, by its path, or None.

    A word that no command of the root is may be one of `cron`.
    """
    known, word = set(paths), name.replace("_", "-")
    if group == "help":
        return f"{word} --help" if word in known else None
    if not group and word in _GROUPS:
        return _GROUPS[word]
    for parent in (group, "cron") if not group else (group,):
        for one in (word, MEANT.get(word, word)):
            path = f"{parent} {one}".strip()
            if path.partition(" --")[0] in known:
                return path
    return None if group else _nearest(word, known)


def _nearest(word: str, paths: Iterable[str]) -> str | None:
    """Return the command of `cron` that a word resembles, unless it resembles one of the root."""
    from cronapi._protocol.hints import nearest  # noqa: PLC0415 -- only a mistake needs it

    split = [path.partition(" ") for path in paths]
    near = nearest(word, [last for first, _, last in split if first == "cron" and last])
    if near is None or nearest(word, [first for first, _, last in split if not last]) is not None:
        return None
    return f"cron {near}"
