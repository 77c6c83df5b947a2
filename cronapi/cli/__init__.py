"""The command line, `cronapi`: one file per command, and files with an underscore for their parts."""

from __future__ import annotations

import importlib
import sys

ADVICE = 'The command line needs click and rich: pip install "cronapi-client[cli]"'


def main() -> None:
    """Run the command line; where click is missing, say what to install and exit with 1."""
    try:
        root = importlib.import_module("cronapi.cli.root")
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write(f"{ADVICE}\n")
        sys.exit(1)
    root.cronapi()
