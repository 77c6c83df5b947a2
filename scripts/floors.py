"""Print the lowest version that each dependency may have, as constraints for pip.

`python -m scripts.floors > floors.txt && pip install -e '.[dev]' -c floors.txt`
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def floors(requirements: Iterable[str]) -> list[str]:
    """Return `name==version` for each requirement `name>=version`."""
    found = (re.match(r"([\w.-]+)>=([\w.]+)", line) for line in requirements)
    return sorted({f"{match[1]}=={match[2]}" for match in found if match})


if __name__ == "__main__":
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    extras = project["optional-dependencies"].values()
    print("\n".join(floors(chain(project["dependencies"], *extras))))
