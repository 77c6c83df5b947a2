"""What has to pass.

`nox` runs lint, types, tests with coverage, tests on the lowest dependencies, the long proofs, and
the wheel.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "tests", "floors", "proof", "wheel"]
nox.options.error_on_missing_interpreters = False

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


@nox.session
def lint(session: nox.Session) -> None:
    """Style and formatting."""
    session.install("ruff>=0.17,<0.18")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict on everything, basedpyright on the public API, which has to be known whole."""
    # Not editable: the judge of the public API looks for an installed package with its py.typed.
    session.install(".[dev]")
    session.run("mypy")
    # Named, since basedpyright would otherwise take a .venv that lies in the checkout.
    python = ["--pythonpath", str(Path(session.bin) / "python")]
    session.run("basedpyright", *python, "--level", "error")
    # This mode asks the first python on the PATH instead, which is that of the session.
    session.run("basedpyright", "--verifytypes", "cronapi", "--ignoreexternal")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests but the long proofs, on asyncio and trio, and their coverage."""
    session.install("-e", ".[dev]")
    env = {"PYTHONDEVMODE": "1", "COVERAGE_FILE": str(Path(session.create_tmp()) / ".coverage")}
    session.run("coverage", "run", "-m", "pytest", *session.posargs, env=env)
    session.run("coverage", "combine", env=env)
    session.run("coverage", "report", env=env)


@nox.session(python=PYTHONS[0])
def floors(session: nox.Session) -> None:
    """All tests but the long proofs, on the lowest version of each dependency."""
    constraints = Path(session.create_tmp()) / "floors.txt"
    lines = session.run("python", "-m", "scripts.floors", silent=True)
    constraints.write_text(str(lines))
    session.install("-e", ".[dev]", "-c", str(constraints))
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def proof(session: nox.Session) -> None:
    """The proofs that take long: crowds and kills with more seeds."""
    session.install("-e", ".[dev]")
    session.run("python", "-m", "pytest", "-m", "proof", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel once and test it where there is no source tree."""
    room = Path(session.create_tmp()).resolve() / "wheel"
    shutil.rmtree(room, ignore_errors=True)
    session.install("build")
    session.run("python", "-m", "build", "--wheel", "--outdir", str(room))
    built = next(room.glob("*.whl"))
    session.install(f"cronapi-client[dev] @ {built.as_uri()}")
    for name in ("tests", "examples", "benchmarks", "docs", "scripts"):
        shutil.copytree(name, room / name, ignore=shutil.ignore_patterns("__pycache__"))
    pages = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE")
    for name in ("pyproject.toml", "Dockerfile", ".dockerignore", *pages):
        shutil.copy(name, room / name)
    session.chdir(room)
    session.run("python", "-m", "pytest")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure everything side by side; takes most of an hour.

    It writes `benchmarks/results.md` and the README's chart.
    """
    session.install(
        "-e",
        ".[dev]",
        "aiolimiter",
        "pyrate-limiter>=4,<5",
        "httpx-limiter",
        "throttled-py>=3,<4",
        "limits",
    )
    env = {"PYTHONPATH": os.curdir}
    # The one that fails above its target comes last.
    for name in (
        "slots",
        "calls",
        "pacing",
        "recovery",
        "budget",
        "fleet",
        "bulk",
        "chaos",
        "startup",
        "structure",
    ):
        session.run("python", "-m", f"benchmarks.{name}", "--write", env=env)
