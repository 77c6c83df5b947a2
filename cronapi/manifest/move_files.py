"""The files of a cutover: the manifest of the new service, and the values of its variables."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Self

import attrs

from cronapi.errors.concerns import setting_error
from cronapi.manifest.migrating import Migrated
from cronapi.manifest.moves import Moves
from cronapi.manifest.writing import (
    check_new,
    environ_of,
    environ_text,
    replace_file,
    write_private,
)


@attrs.frozen
class MoveFiles:
    """New files that a cutover writes after its journal has begun, and before it sends anything.

    The journal names them first. So a repeated call knows its own ones, and writes those that a
    kill has prevented. The manifest is the last one, so all of them are there if it is.
    """

    env_file: Path | None
    out: Path | None

    @classmethod
    def of(cls, env_file: str | PathLike[str] | None, out: str | PathLike[str] | None) -> Self:
        """Return the files of two paths, each of which may be None."""
        return cls(*(None if one is None else Path(one) for one in (env_file, out)))

    @property
    def _paths(self) -> list[Path]:
        return [path for path in (self.env_file, self.out) if path is not None]

    def check(self, moves: Moves) -> None:
        """Raise ConfigurationError for a file that is there and is none of this cutover."""
        check_new(*(path for path in self._paths if str(path.absolute()) not in moves.files))

    async def write(self, moves: Moves, migrated: Migrated) -> None:
        """Write the files that are not there. Values that no manifest has followed are replaced."""
        missing = [path for path in self._paths if not path.exists()]
        if not missing:
            return
        await moves.note_files(self._paths)
        if self.env_file is not None and self._needs_values(self.env_file, moves):
            _write(self.env_file, environ_text(migrated.environ))
        if self.out is not None and self.out in missing:
            if self.env_file is not None:
                _complete(self.env_file, migrated.environ)
            write_private(self.out, migrated.text)
        await moves.note_written(self._paths)

    def _needs_values(self, env_file: Path, moves: Moves) -> bool:
        """Return True unless the file is there and was left to its owner, who may have edited it.

        A manifest that is there tells so too, since it is the last one: the note may be missing.
        """
        is_left = str(env_file.absolute()) in moves.written or self.out is None or self.out.exists()
        return not (env_file.exists() and is_left)


def _complete(path: Path, environ: Mapping[str, str]) -> None:
    """Add the values that a file lacks, since a manifest needs them. Those in it stay.

    ConfigurationError if its owner has made something else of it than a file of values.
    """
    text, there = _read(path)
    missing = {name: value for name, value in environ.items() if name not in there}
    if missing:
        gap = "" if not text or text.endswith("\n") else "\n"
        replace_file(path, f"{text}{gap}{environ_text(missing)}")


def _read(path: Path) -> tuple[str, Mapping[str, str]]:
    """Return the text of a file of values, and its variables."""
    try:
        text = path.read_bytes().decode()
        return text, environ_of(text)
    except OSError as error:
        reason = error.strerror
    except UnicodeDecodeError:  # its own text and repr have the bytes, which are secret
        reason = "it is not in UTF-8"
    except ValueError:
        reason = "a quotation in it has no end"
    raise setting_error(
        f"The values in {path} cannot be read: {reason}. No file was written. Correct it, or move "
        "it away, and give the same command again."
    )


def _write(path: Path, text: str) -> None:
    """Write a file of this cutover. It may be there from a call that was killed."""
    if path.exists():
        replace_file(path, text)
    else:
        write_private(path, text)
