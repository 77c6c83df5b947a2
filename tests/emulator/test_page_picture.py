"""`docs/page.png`, the picture that `python -m scripts.page_pictures` draws."""

from __future__ import annotations

import struct
from pathlib import Path

from scripts.page_pictures import HEIGHT, PICTURE, WIDTH


def test_the_picture_is_small_and_has_its_place_in_the_docs():
    """It has the size that the script draws, less than 150 kB, and one page shows it."""
    drawn = PICTURE.read_bytes()
    assert drawn.startswith(b"\x89PNG")
    assert struct.unpack(">II", drawn[16:24]) == (WIDTH, HEIGHT)
    assert len(drawn) < 150_000
    pages = [
        path.name for path in Path(PICTURE).parent.glob("*.md") if "(page.png)" in path.read_text()
    ]
    assert pages == ["emulator.md"]
