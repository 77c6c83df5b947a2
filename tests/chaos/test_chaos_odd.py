"""Services that differ from their documentation, as the judge of the chaos sees them."""

from __future__ import annotations

from cronapi.emulator import create_app
from cronapi.emulator.request import Request
from tests.support.chaos_judge import Tale, judge
from tests.support.emulated import TOKEN


def test_the_judge_goes_by_what_was_sent():
    """A job that the service respelt is the one asked for, and a second one is there twice."""
    app = create_app(normalise=["name_replaced", "url_redirector"])
    content = {"name": "a", "url": "https://a.example", "expression": "0 0 1 1 *"}
    query = "&".join(f"{name}={value}" for name, value in content.items())
    for _ in range(2):
        app.emulator.apply(Request("fastcron", "cron.add", query=f"token={TOKEN}&{query}"))
    jobs = app.emulator.jobs("fastcron")
    tale = Tale({**content, "post_data": ""}, "done", jobs[0]["id"])
    assert judge([tale], jobs[:1], 1).is_honest
    assert judge([tale], jobs, 2).duplicated == 1
    assert judge([Tale({**tale.spec, "name": "b"}, "done", jobs[0]["id"])], jobs[:1], 1).lost == 1
