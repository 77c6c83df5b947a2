"""Measure the prose of docstrings, room by room: indirect words and semicolons.

Readers read sentences twice that turn on *what*, *whether*, *who* or *which*, and sentences joined
by semicolons. Well-kept libraries have 3 to 8 such words in 1,000, and 0 to 3 semicolons in 100
sentences.

    python -m scripts.prose [FOLDER]
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

INDIRECT = re.compile(
    r"\b(what|whatever|whether|who|whoever|whose|which|whichever)\b", re.IGNORECASE
)
WORD = re.compile(r"[A-Za-z']+")
END = re.compile(r"[.!?](?=\s|$)")
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Yield the docstrings of a module, and the texts that stand under its constants and fields."""
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED):
            for statement in node.body:
                value = statement.value if isinstance(statement, ast.Expr) else None
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value


def indirect_words(texts: list[str]) -> float:
    """Return the indirect words in 1,000."""
    words = sum(len(WORD.findall(text)) for text in texts)
    return 1000 * sum(len(INDIRECT.findall(text)) for text in texts) / max(words, 1)


def semicolons(texts: list[str]) -> float:
    """Return the semicolons in 100 sentences."""
    sentences = sum(len(END.findall(text)) for text in texts)
    return 100 * sum(text.count(";") for text in texts) / max(sentences, 1)


def main(folder: str = "cronapi") -> None:
    """Print both figures for each room and for the whole."""
    rooms: dict[str, list[str]] = defaultdict(list)
    for path in sorted(Path(folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        rooms[path.relative_to(folder).parts[0]] += docstrings(tree)
    rooms["all"] = [text for texts in rooms.values() for text in texts]
    for room, texts in rooms.items():
        print(f"{indirect_words(texts):6.1f} {semicolons(texts):6.1f}  {room}")


if __name__ == "__main__":
    main(*sys.argv[1:])
