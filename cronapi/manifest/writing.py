"""Write tables of a manifest as TOML, and files so that nothing is lost.

tomlkit writes the values. What was written is read again by tomllib before it counts.
"""

from __future__ import annotations

import os
import shlex
import stat
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from textwrap import wrap
from typing import Any

from cronapi.bulk.append_only_file import sync_folder_of
from cronapi.errors import CronAPIError, ManifestError
from cronapi.errors.concerns import setting_error
from cronapi.manifest.exporting import Export, Table
from cronapi.manifest.lines import shown_path
from cronapi.manifest.variables import escaped

_WIDTH = 96


def hidden_comment(export: Export) -> list[str]:
    """Return the comment that names what the service does not show of these jobs."""
    if not export.hidden:
        return []
    names = ", ".join(export.hidden)
    return [f"The service does not show these settings, so they are missing: {names}."]


def table_text(table: Table) -> str:
    """Return a job as the text of its table, with LF."""
    lines = [f"# {comment}" for comment in table.comments]
    lines.append(f"[{shown_path(('job', escaped(table.name)))}]")
    return "\n".join([*lines, *_pairs(table.values)]) + "\n"


def export_text(
    export: Export, scope: Mapping[str, Any], provider: str, *, comments: Sequence[str] = ()
) -> str:
    """Return a whole manifest of an export, with comments at its top.

    ManifestError if it does not read as it was meant.
    """
    wanted: dict[str, Any] = {"version": 1}
    wanted["scope"] = {"provider": provider, **_in_file(scope)}
    head = [f"# {line}" for one in comments for line in wrap(one, _WIDTH)]
    head += ["version = 1", "", "[scope]", *_pairs(wanted["scope"])]
    parts = ["\n".join(head) + "\n"]
    if export.defaults:
        wanted["defaults"] = _plain(export.defaults)
        parts.append("\n".join(["[defaults]", *_pairs(export.defaults)]) + "\n")
    parts += [table_text(table) for table in export.tables]
    parts += [f"# Left out: {one}\n" for one in export.skipped]
    text = "\n".join(parts)
    check_tables(text, export.tables, wanted)
    return text


def _in_file(scope: Mapping[str, Any]) -> dict[str, Any]:
    return {key: escaped(one) if isinstance(one, str) else one for key, one in scope.items()}


def _pairs(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[str]:
    """Return lines of keys and values. A mapping becomes dotted keys."""
    lines: list[str] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            lines += _pairs(value, (*path, key))
        elif value is not None:
            lines.append(f"{shown_path((*path, key))} = {_written(value)}")
    return lines


def _written(value: Any) -> str:
    try:
        import tomlkit  # noqa: PLC0415 -- an extra, for writing alone
    except ImportError:
        raise setting_error(
            'Writing a manifest needs tomlkit: pip install "cronapi-client[manifest]".'
        ) from None
    text: str = tomlkit.item(value).as_string()
    return text


def check_tables(text: str, tables: Sequence[Table], before: Mapping[str, Any]) -> None:
    """Raise ManifestError unless a text reads as what was there `before` and these tables."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _unwritable(str(error), tables) from None
    added = {escaped(one.name): _plain(one.values) for one in tables}
    jobs = before.get("job", {})
    wanted = {**before, "job": jobs | added} if added and isinstance(jobs, dict) else before
    if data != wanted:
        raise _unwritable("it would read otherwise than it was meant", tables)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _plain(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if value is not None
    }


def _unwritable(reason: str, tables: Sequence[Table]) -> ManifestError:
    text = "\n".join(table_text(table) for table in tables)
    return ManifestError(
        f"The file cannot be extended: {reason}. Nothing was written. Paste this:\n\n{text}"
    )


def with_tables(text: str, tables: Sequence[Table]) -> str:
    """Return the text of a manifest with tables at its end. All else stays as it is.

    ManifestError, with the tables to be pasted, if the file cannot be extended so.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    added = "\n".join(table_text(table) for table in tables).replace("\n", newline)
    gap = "" if not text or text.endswith("\n") else newline
    whole = f"{text}{gap}{newline}{added}"
    before = tomllib.loads(text.removeprefix("\ufeff"))
    check_tables(whole.removeprefix("\ufeff"), tables, before)
    return whole


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn the failure of a write into a ConfigurationError."""
    try:
        yield
    except OSError as error:
        raise setting_error(f"{path} cannot be written: {error.strerror}.") from error


def replace_file(path: Path, text: str) -> None:
    """Write a file anew, in one step: a crash leaves the old one or the new one.

    ConfigurationError if it cannot be written. The old one is there then.
    """
    target = path.resolve()
    with _writing(path), _temporary(target, text) as temporary:
        with suppress(OSError):
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
        sync_folder_of(str(target))


@contextmanager
def _temporary(target: Path, text: str) -> Iterator[Path]:
    """Yield a file beside another one. Its text is on disk, and only its owner may read it."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def check_new(*paths: str | PathLike[str] | None) -> None:
    """Raise ConfigurationError for files that are there, that cannot be made, or are the same."""
    news = [Path(given) for given in paths if given is not None]
    for path in news:
        if sum(other.absolute() == path.absolute() for other in news) > 1:
            raise setting_error(f"{path} cannot be two files: give each a name of its own.")
        if path.exists() or path.is_symlink():
            raise setting_error(f"{path} is there already; it is not overwritten.")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise setting_error(f"{path} cannot be written: see its directory.")


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read, in one step: a crash leaves no half of it.

    ConfigurationError if it is there already or cannot be written.
    """
    with _writing(path), _temporary(path, text) as temporary:
        try:
            os.link(temporary, path)  # a rename would overwrite
        except FileExistsError:
            raise setting_error(f"{path} is there already; it is not overwritten.") from None
        except OSError:  # a file system without hard links
            check_new(path)
            temporary.rename(path)
        sync_folder_of(str(path))


def environ_text(environ: Mapping[str, str]) -> str:
    """Return variables as a shell reads them."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in environ.items())


def environ_of(text: str) -> dict[str, str]:
    """Return the variables that a text sets as a shell reads it, which may have comments.

    ValueError if a quotation has no end.
    """
    pairs = [word.partition("=") for word in shlex.split(text, comments=True)]
    return {
        name: value
        for name, sign, value in pairs
        if sign and name.isascii() and name.isidentifier()
    }


def check_place(path: str | PathLike[str] | None) -> None:
    """Raise ConfigurationError for a path that is not new, unless it is a file of values."""
    if path is not None and not _is_of_values(Path(path)):
        check_new(path)


def _is_of_values(path: Path) -> bool:
    """Return True for a file as `environ_text` writes it."""
    try:
        text = path.read_bytes().decode()
        return environ_text(environ_of(text)) == text
    except (OSError, ValueError):
        return False


def check_values(path: str | PathLike[str] | None, environ: Mapping[str, str]) -> None:
    """Raise ConfigurationError for a file of values that is there, unless it has these values.

    Such a file is of the same call, which was broken off. Without values no file is written.
    """
    if path is None or not environ or _has(Path(path), environ_text(environ)):
        return
    if Path(path).exists():
        raise setting_error(
            f"{path} is there already; it is not overwritten. It may be of a call that was broken "
            "off: keep it, and name another file."
        )
    check_new(path)


def _has(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


@contextmanager
def values_first(path: str | PathLike[str] | None, environ: Mapping[str, str]) -> Iterator[None]:
    """Write the values of variables to a new file, and then in the block the file that needs them.

    The values would be lost after a crash in between. If the block cannot write its file, there is
    none of the values either, so that the same call goes on. A file that has these values stays.
    """
    if path is None or _has(Path(path), environ_text(environ)):
        yield
        return
    write_private(Path(path), environ_text(environ))
    try:
        yield
    except CronAPIError:
        Path(path).unlink(missing_ok=True)
        raise
