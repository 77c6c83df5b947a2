"""docs/cli.md tells the commands and options that there are."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from cronapi.cli.root import cronapi
from cronapi.cli.table import COMMANDS
from scripts.cli_page import help_of, page

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"


def test_the_page_of_commands_is_current():
    """What docs/cli.md says of commands and options is what their help says."""
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run: python -m scripts.cli_page > docs/cli.md"
    )


def test_the_profile_of_the_page_is_one(tmp_path):
    """The section that docs/cli.md shows has keys that a profile may have."""
    text = PAGE.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    path = tmp_path / "cronapi" / "config.toml"
    path.parent.mkdir()
    path.write_text(text.replace('"pass", "show", "fastcron"', '"false"'))
    told = CliRunner().invoke(
        cronapi, ["whoami", "--profile", "work"], env={"XDG_CONFIG_HOME": str(tmp_path)}
    )
    assert (told.exit_code, "token_command of the profile work" in told.stderr) == (4, True)


def test_the_page_has_the_help_of_each_command():
    """Each command's section is its help at 80 columns, up to the common options."""
    for path, (module, _) in COMMANDS.items():
        if module:
            shown = CliRunner().invoke(
                cronapi, [*path.split(), "--help"], terminal_width=80, max_content_width=80
            )
            own = help_of(path).partition("\nExit codes")[0]
            assert shown.stdout.startswith(own), path
