"""The command line as `python -m cronapi`, for a Python whose scripts are not on the PATH."""

from __future__ import annotations

from cronapi.cli import main

if __name__ == "__main__":
    main()
