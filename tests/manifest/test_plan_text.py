"""The lines of a plan stay in columns, and show names and removals as they are."""

from __future__ import annotations

from cronapi.emulator import create_app
from tests.support.emulated import FAST
from tests.support.manifests import applied, manifest, planned

LONG = "a name that is rather longer than most"
NAMES = ["x", LONG, "  spaced  ", "50% off_sale [old]", "n" * 60]


def tables(names, lines=""):
    return "".join(
        f"[job.'{name}']\nurl = \"https://example.com/{at}\"\n{lines}"
        for at, name in enumerate(names)
    )


async def test_the_column_of_names_is_as_wide_as_the_names_and_blanks_are_seen():
    """A name of 60 characters breaks no more than its own line."""
    app = create_app(rates=FAST)
    await applied(app, manifest(tables(NAMES)))
    text = (await planned(app, manifest(tables(NAMES, "timeout = 9\n")))).to_text()
    rows = [line for line in text.splitlines() if line.startswith("~")]
    assert len({row.index(" edit") for row in rows if "nnn" not in row}) == 1
    assert '~ "  spaced  " ' in text
    assert "~ x  " in text


async def test_what_is_removed_is_called_so():
    """A header that the file has no more, and a body that it clears, are not just empty."""
    app = create_app(rates=FAST)
    headers = 'http_headers = {X-A = "1", X-B = "2"}\npost_data = "ab"\n'
    await applied(app, manifest(tables(["x"], headers)))
    wanted = manifest(tables(["x"], 'http_headers = {X-A = "1"}\nclear = ["post_data"]\n'))
    text = (await planned(app, wanted)).to_text()
    assert "http_headers.X-B 2  ->  (removed)" in text
    assert "(text of 2 characters)  ->  (removed)" in text
