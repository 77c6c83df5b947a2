"""The command line, `cronapi`: one package per command, defined in its `command.py`.

House rule: a `command.py` imports only click and the standard library when it is loaded, and the
rest when its command is run, so that `--help` is quick.
"""

from __future__ import annotations

import importlib
import signal
import sys

from cronapi._protocol.extras import command_for
from cronapi.cli.output import standard_output

ADVICE = f"The command line needs click and rich: {command_for('cli')}"


def main() -> None:
    """Run the command line. Without click, say what to install and exit with 1.

    A reader that goes away, such as `head`, ends it quietly with exit code 141.
    """
    try:
        root = importlib.import_module("cronapi.cli.root")
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write(f"{ADVICE}\n")
        sys.exit(1)
    with standard_output():
        try:
            root.cronapi()
        except SystemExit as ending:
            if ending.code == root.INTERRUPTED:  # Python would tell a second one
                signal.signal(signal.SIGINT, signal.SIG_IGN)
            raise
