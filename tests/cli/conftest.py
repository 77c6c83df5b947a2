"""Fixtures that several files of shell tests share."""

from __future__ import annotations

import pytest

from tests.support.shell import shell_at


@pytest.fixture
def shell_in_folder(tmp_path, monkeypatch):
    """A shell of its own for each test, which works in an empty folder."""
    monkeypatch.chdir(tmp_path)
    with shell_at(tmp_path) as shell:
        yield shell
