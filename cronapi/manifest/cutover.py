"""Move running jobs from one service to another, and back: the door.

The order, for each chunk of jobs, is one that a kill at any point leaves safe:

1. The journal lists the jobs of the old service that ran, and the others, before anything is sent.
   After it the manifest and its values are written, if there are paths for them.
2. "sending" is noted. The jobs that are missing at the new service are made there, and those that
   did not run are disabled there. "made" is noted.
3. "disabling" is noted. Those that have their job at the new service are disabled at the old one.

With `overlap="none"` the third step comes first, and jobs that could not be made are enabled again.

A repeated call reads both accounts. Killed before 1, nothing has happened. Killed in 2, the jobs
that are there by name are not made again: the list shows them. Killed between 2 and 3, they are
there, and only the disabling is left. Killed in 3, the status of each says if it is done. Equal
jobs of one name, of a request that was still at work when the list was read, become one at the end.

The way back notes "back" first. It enables the jobs that the cutover disabled, and then deletes
those that it made. Jobs that were there before, or disabled before, stay as they are. The journal
goes last.
"""

from __future__ import annotations

from os import PathLike

import attrs

from cronapi.client import Client
from cronapi.errors.concerns import setting_error
from cronapi.manifest.comparing import calls_of
from cronapi.manifest.move_files import MoveFiles
from cronapi.manifest.move_planning import planned_cutover, planned_way_back
from cronapi.manifest.moved import CHUNK, CutOver, MovedBack, Overlap, check_overlap
from cronapi.manifest.moves import Moves
from cronapi.manifest.moving import Moving
from cronapi.manifest.moving_back import MovingBack


async def cut_over(
    source: Client,
    target: Client,
    *,
    into: str,
    journal: str | PathLike[str],
    group: str | None = None,
    prefix: str | None = None,
    overlap: Overlap = "short",
    accept_losses: bool = False,
    chunk: int = CHUNK,
    out: str | PathLike[str] | None = None,
    env_file: str | PathLike[str] | None = None,
    dry_run: bool = False,
) -> CutOver:
    """Make the jobs of one service at another, and disable them at the first.

    They are moved in chunks. The jobs of one chunk run at both for some seconds, or with
    `overlap="none"` at neither. `into`, `group` and `prefix` are those of `migrate`. `journal` is a
    file that remembers the jobs that ran, for a repeated call and for the way back. `out` and
    `env_file` are new files for the manifest and for the values of its variables. They are written
    before anything is sent. With `dry_run` nothing is changed, and `migrated`, `has_begun`, `left`
    and `planned` are filled. It takes tomlkit.

    UnsafePlanError, with nothing sent, if anything gets lost and `accept_losses` is not given, and
    if the group has other jobs of the same names. ConfigurationError, with nothing sent, for a file
    that is there and is not of this cutover. May be repeated: the same call goes on.
    """
    check_overlap(overlap, chunk)
    moves = await Moves.open(journal, _tokens(source, target), new=True)
    try:
        files = MoveFiles.of(env_file, out)
        files.check(moves)
        moving = Moving(source, target, moves, files, overlap, chunk)
        await moving.look(into, group, prefix)
        moving.check(accept_losses=accept_losses)
        if dry_run:
            return attrs.evolve(moving.result(), planned=planned_cutover(moving, group))
        return await moving.run()
    finally:
        moves.close()


async def move_back(
    source: Client,
    target: Client,
    *,
    journal: str | PathLike[str],
    overlap: Overlap = "short",
    undo: str | PathLike[str] | None = None,
    chunk: int = CHUNK,
    dry_run: bool = False,
) -> MovedBack:
    """Undo a cutover: enable the jobs that it disabled, and delete those that it made.

    `source` and `target` are those of the cutover. Jobs that were disabled before it stay so, and
    jobs that were in the group before it stay there. If the old job is gone, or cannot be enabled,
    the new one is left. `undo` is a new file that keeps the deleted jobs, and some that are deleted
    next. A repeated call keeps the rest of them beside it, under a name with a number. Once all is
    done, the journal is removed.

    ConfigurationError, with nothing sent, without a journal of these two services and accounts. May
    be repeated: the same call goes on.
    """
    check_overlap(overlap, chunk)
    moves = await Moves.open(journal, _tokens(source, target), new=False)
    try:
        if moves.begun is None:
            return MovedBack()
        names = source.provider.name, target.provider.name
        if names != moves.begun.route[:2]:
            raise setting_error(
                f"{moves.path} is of a move from {' to '.join(moves.begun.route[:2])}."
            )
        back = MovingBack(source, target, moves, moves.begun, overlap, chunk, undo)
        await back.look()
        if dry_run:
            return attrs.evolve(back.result(), planned=planned_way_back(back))
        return await back.run()
    finally:
        moves.close()


def _tokens(source: Client, target: Client) -> tuple[str | None, str | None]:
    return calls_of(source).caller.text_token, calls_of(target).caller.text_token
