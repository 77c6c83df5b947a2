"""Run `cronapi demo` at the services' own rates, and draw the screen that it ends with.

The picture is `docs/demo.svg`. It refers to nothing outside itself: its font is the monospace font
of whoever looks at it. The run takes less than a minute.

    python -m scripts.demo_picture
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from cronapi.cli.demo.report import ServiceReport
from cronapi.cli.demo.run import PLANS, Snapshot
from cronapi.cli.demo.screen import Bars
from cronapi.cli.demo.show import print_opening, print_result, run_plans

PICTURE = Path(__file__).parent.parent / "docs" / "demo.svg"
TITLE = "cronapi demo"
WIDTH = 100
WEB_FONTS = re.compile(r"@font-face \{\{.*?\}\}|<!--.*?-->", re.DOTALL)
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


class LastBars(Bars):
    """Live bars on the terminal, with a memory of the last progress."""

    last: Sequence[Snapshot] = ()

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        """Move the bars."""
        self.last = snapshots
        super().show(snapshots)


def record(last: Sequence[Snapshot], reports: Sequence[ServiceReport]) -> Console:
    """Return a console on which the demo's last screen was printed."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(f"[bold green]$[/bold green] {TITLE}", highlight=False)
    print_opening(console, PLANS)
    bars = Bars(Console(file=io.StringIO(), width=WIDTH))
    bars.show(last)
    console.print(bars.progress)
    print_result(console, reports)
    console.print()  # the picture cuts off the last line's descenders
    return console


def draw(console: Console) -> str:
    """Return the recorded screen as SVG, without references to web fonts."""
    template = WEB_FONTS.sub("", CONSOLE_SVG_FORMAT)
    template = template.replace("Fira Code, monospace", FONT).replace("arial", "sans-serif")
    drawn = console.export_svg(title=TITLE, code_format=template, unique_id="demo")
    return "\n".join(line.strip() for line in drawn.splitlines() if line.strip()) + "\n"


def main() -> int:
    """Run the demo and write the picture.

    If something went wrong, leave the picture as it is and return 1.
    """
    bars = LastBars(Console())
    reports = run_plans(bars, PLANS)
    if not all(report.sound for report in reports):
        print_result(Console(), reports)
        return 1
    PICTURE.write_text(draw(record(bars.last, reports)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
