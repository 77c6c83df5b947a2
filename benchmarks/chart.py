"""The README's picture of the pace, drawn by `benchmarks.pacing --write`.

Bars show the share of the rate, with the refusals beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from attrs import frozen

PICTURE = Path(__file__).parent.parent / "docs" / "pace.svg"
WIDTH, LEFT, BAR, ROW, PANEL, PAD = 760, 250, 300, 22, 64, 16
STYLE = """
.card{fill:#fff;stroke:#d0d7de}text{fill:#1f2328;font:12px system-ui,sans-serif}
.quiet{fill:#59636e}.head{font-weight:600}
.bar{fill:#8c959f}.ours{fill:#1769aa}.whole{stroke:#59636e;stroke-dasharray:3 3}
@media(prefers-color-scheme:dark){.card{fill:#0d1117;stroke:#3d444d}text{fill:#f0f6fc}.quiet{fill:#9198a1}
.bar{fill:#656c76}.ours{fill:#4493f8}.whole{stroke:#9198a1}}
"""


@frozen
class Bar:
    """The bar of one client."""

    name: str
    share: float
    refused: float
    lost: int
    ours: bool

    @property
    def words(self) -> str:
        """The text beside the bar."""
        lost = f", {self.lost} lost" if self.lost else ""
        return f"{self.share:.0%}, {self.refused:.2f} 503s a call{lost}"


def write(panels: Mapping[str, Sequence[Bar]]) -> None:
    """Write the picture to its place in the docs."""
    PICTURE.write_text(draw(panels), encoding="utf-8")


def draw(panels: Mapping[str, Sequence[Bar]]) -> str:
    """Return the SVG: a panel a wire, longest bars first, with a dashed line at the whole rate."""
    parts, top = [], PAD
    for title, bars in panels.items():
        parts.append(_panel(title, sorted(bars, key=lambda bar: bar.share, reverse=True), top))
        top += PANEL + ROW * len(bars)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img"'
        ' aria-labelledby="title desc">'
        '<title id="title">Share of the allowed rate that each client used, judged by nginx</title>'
        f'<desc id="desc">{escape(describe(panels))}</desc><style>{STYLE}</style>'
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{top - 1}" rx="6"/>'
        f"{''.join(parts)}</svg>\n"
    )


def describe(panels: Mapping[str, Sequence[Bar]]) -> str:
    """Return the content of the picture in words."""
    return " ".join(
        f"{title}: {'; '.join(f'{bar.name} {bar.words}' for bar in bars)}."
        for title, bars in panels.items()
    )


def _panel(title: str, bars: Sequence[Bar], top: int) -> str:
    start, whole = top + 30, LEFT + BAR
    end = start + ROW * len(bars)
    rows = "".join(_row(bar, start + ROW * place) for place, bar in enumerate(bars))
    return (
        f'<text class="head" x="{PAD}" y="{top + 14}">{escape(title)}</text>{rows}'
        f'<line class="whole" x1="{whole}" x2="{whole}" y1="{start - 4}" y2="{end}"/>'
        f'<text class="quiet" x="{whole}" y="{end + 14}" text-anchor="middle">'
        "the allowed rate</text>"
    )


def _row(bar: Bar, top: int) -> str:
    kind, weight = ("ours", ' class="head"') if bar.ours else ("bar", "")
    wide = max(1.0, bar.share * BAR)
    beside = max(LEFT + wide, LEFT + BAR if bar.share > 0.35 else 0.0) + 8
    return (
        f'<text{weight} x="{LEFT - 8}" y="{top + 13}" text-anchor="end">{escape(bar.name)}</text>'
        f'<rect class="{kind}" x="{LEFT}" y="{top + 2}"'
        f' width="{wide:.1f}" height="{ROW - 6}" rx="2"/>'
        f'<text{weight} x="{beside:.1f}" y="{top + 13}">{bar.words}</text>'
    )
