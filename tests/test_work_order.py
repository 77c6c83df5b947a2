"""Which process takes which test files."""

from __future__ import annotations

from pathlib import Path

from tests.support.work_order import JUDGED

ROOT = Path(__file__).parents[1]


def test_the_process_that_judges_takes_all_that_is_judged_by_default(request):
    """Another process would begin to judge when the machine is at work, at a lower priority."""
    proofs = request.config.option.markexpr != "not proof"
    judged = {
        item.path.relative_to(ROOT).as_posix()
        for item in request.session.items
        if item.get_closest_marker("judged") is not None
    }
    assert proofs or judged <= {*JUDGED}
