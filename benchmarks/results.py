"""The page of the benchmarks, `benchmarks/results.md`: each script owns one section of it.

Under `--write` a script calls `write(title, text)`. Its `text` holds its command, and ends with the
versions and the machine, `footing("httpx", "anyio")`. Above the sections stand the screen of all
cells, which `benchmarks.best` writes, and a summary that is written by hand. `tests/test_docs.py`
compares the figures of the summary with those of the sections.
"""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).with_name("results.md")
FOLDED = "<details>\n<summary>Method, figures and versions</summary>\n\n{}\n\n</details>"
"""A section is folded, so that the page is read in a minute."""
SCREEN = "<!-- the screen begins -->\n\n{}\n\n<!-- the screen ends -->"


def replaced(document: str, title: str, text: str) -> str:
    """Return the document with `text` as its section `title`, in place of the old or at the end."""
    head, *sections = re.split(r"^(?=## )", document, flags=re.MULTILINE)
    fresh = f"## {title}\n\n{FOLDED.format(text.strip())}\n"
    titles = [section.partition("\n")[0].removeprefix("## ").strip() for section in sections]
    if title in titles:
        sections[titles.index(title)] = fresh
    else:
        sections.append(fresh)
    return "\n\n".join(part.strip() for part in (head, *sections)) + "\n"


def write(title: str, text: str) -> None:
    """Replace the section `title` of the results, and leave the others as they are."""
    RESULTS.write_text(replaced(RESULTS.read_text(encoding="utf-8"), title, text), encoding="utf-8")


def with_screen(document: str, text: str) -> str:
    """Return the document with `text` between the marks of the screen."""
    begin, end = (re.escape(mark) for mark in SCREEN.split("\n\n{}\n\n"))
    fresh = SCREEN.format(text.strip())
    return re.sub(f"{begin}.*{end}", lambda _: fresh, document, flags=re.DOTALL)


def write_screen(text: str) -> None:
    """Replace the screen at the top of the results."""
    RESULTS.write_text(with_screen(RESULTS.read_text(encoding="utf-8"), text), encoding="utf-8")


def footing(*packages: str) -> str:
    """Return the line that ends a section: the versions of what was measured, and the machine."""
    known = [f"{package} {version(package)}" for package in packages]
    return ", ".join([*known, machine()]) + "."


def machine() -> str:
    """Return the cores, the system and the Python of this machine."""
    cores = os.cpu_count()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cores} cores ({_processor()}), {platform.system()}, {python}"


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    found = (
        re.search(r"^model name\s*:\s*(.+)$", facts.read_text(encoding="utf-8"), re.MULTILINE)
        if facts.exists()
        else None
    )
    return found[1].strip() if found else platform.machine()
