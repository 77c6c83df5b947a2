"""`docs/demo.svg`, the picture that `python -m scripts.demo_picture` draws."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

PICTURE = (Path(__file__).parents[2] / "docs" / "demo.svg").read_text(encoding="utf-8")


def test_the_picture_refers_to_nothing_outside_itself():
    """No web font and no link: the only address is the name of the SVG namespace."""
    assert re.findall(r"https?:[^\"\s]*", PICTURE) == ["http://www.w3.org/2000/svg"]
    assert set(re.findall(r"url\((.)", PICTURE)) == {"#"}
    assert "@import" not in PICTURE


def test_the_picture_shows_a_demo_that_went_well():
    """It is the screen of a whole run, from the command to the verdict."""
    text = "".join(ET.fromstring(PICTURE).itertext()).replace("\N{NO-BREAK SPACE}", " ")
    for shown in ("cronapi demo", "100 coroutines", "rate reached", "every job is there once."):
        assert shown in text
