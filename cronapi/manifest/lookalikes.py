"""Tell of jobs that are to be created, and may be there already under other names."""

from __future__ import annotations

from collections.abc import Iterator

from cronapi.manifest.bindings import Bindings
from cronapi.manifest.compare import id_of, name_of
from cronapi.manifest.identity import was_line
from cronapi.manifest.lines import shown_path
from cronapi.manifest.variables import escaped


def lookalike_notes(bindings: Bindings) -> Iterator[str]:
    """Yield a sentence for those in the scope, and one for those outside of it."""
    missing = {job.name for job in bindings.missing}
    free = {id_of(row) for row in bindings.free}
    renamed = [(job, row) for job, row in bindings.renamed if job.name in missing]
    if pairs := [(job, row) for job, row in renamed if id_of(row) in free]:
        job, row = pairs[0]
        yield (
            f"{_having(len(pairs))} the url of jobs that no table names, such as "
            f"{name_of(row)!r} ({id_of(row)}). If it is the same job, write {was_line(row)} into "
            f"[{shown_path(('job', escaped(job.name)))}]: then it is renamed."
        )
    if rows := bindings.lookalikes:
        yield (
            f"{_having(len(rows))} the url of jobs outside of the scope, such as "
            f"{name_of(rows[0])!r} ({id_of(rows[0])}): adopt those if they are the same."
        )


def _having(count: int) -> str:
    return f"{count} to create {'has' if count == 1 else 'have'}"
