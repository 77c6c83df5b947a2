"""Profiles: the sections of a file that stand in for options which were not given."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from cronapi.cli.frame.common import SERVICES, TIME_FORMATS, Common
from cronapi.cli.frame.home import in_home
from cronapi.cli.frame.nearest import did_you_mean
from cronapi.cli.frame.words import TOO_MUCH

_TEXTS = ("provider", "base_url", "token_file", "redis", "time_format")
_KEYS = (*_TEXTS, "token_command")
_CHOICES = {"provider": SERVICES, "time_format": TIME_FORMATS}


def config_file(environ: Mapping[str, str]) -> Path:
    """Return the path of the file with the profiles."""
    if sys.platform == "win32":
        base = environ.get("APPDATA", "~")
    else:
        base = environ.get("XDG_CONFIG_HOME") or "~/.config"
    return in_home(base) / "cronapi" / "config.toml"


def profile_of(common: Common) -> Mapping[str, Any]:
    """Return the profile that was named, or nothing. A fault of it is a usage error."""
    if common.profile is None:
        return {}
    path = config_file(os.environ)
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise click.UsageError(f"{path}: {TOO_MUCH}.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise click.UsageError(f"{path}: {reason}.") from error
    section = sections.get(common.profile)
    if not isinstance(section, dict):
        hint = did_you_mean(common.profile, sections)
        raise click.UsageError(f"{path} has no profile {common.profile!r}{hint}")
    where = f"{path}, profile {common.profile}"
    for name, value in section.items():
        _check(where, name, value)
    return section


def _check(where: str, name: str, value: object) -> None:
    if name not in _KEYS:
        raise click.UsageError(f"{where} has {name!r}{did_you_mean(name, _KEYS)}")
    if name == "token_command":
        if not _is_command(value):
            raise click.UsageError(f"{where}: token_command is a list of texts.")
    elif not isinstance(value, str) or "\0" in value or value not in _CHOICES.get(name, (value,)):
        choices = ", ".join(_CHOICES.get(name, ())) or "text"
        raise click.UsageError(f"{where}: {name} takes {choices}.")


def _is_command(value: object) -> bool:
    is_list = isinstance(value, list) and bool(value)
    return is_list and all(isinstance(word, str) for word in value)  # type: ignore[attr-defined]  # a list


def with_profile(common: Common, profile: Mapping[str, Any]) -> Common:
    """Return the options, with a profile's values where nothing was said."""
    said = common._asdict()
    taken = {name: profile[name] for name in _TEXTS if name in profile and said[name] is None}
    if (path := taken.get("token_file")) is not None:
        taken["token_file"] = str(in_home(path))
    return common._replace(**taken)
