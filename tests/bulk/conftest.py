"""What the tests of bulks share: the path of a journal."""

from __future__ import annotations

import pytest


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal"
