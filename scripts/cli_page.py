"""Print docs/cli.md, made from the help of the commands.

python -m scripts.cli_page > docs/cli.md
"""

from __future__ import annotations

import sys

import click

from cronapi.cli.exit_codes import CODES
from cronapi.cli.frame.common import COMMON
from cronapi.cli.frame.leaf import Leaf, write_options
from cronapi.cli.root import cronapi
from cronapi.cli.table import COMMANDS

WIDTH = 80
TEXT = """\
# The command line

`pip install "cronapi-client[cli]"` brings the command `cronapi`. `cronapi emulator` prints lines to
paste into another shell, with which every command can be tried without an account.
[shell.md](shell.md) has recipes for whole tasks. Where no `cronapi` is on the PATH, such as in a
crontab, `python -m cronapi` is the same.

Commands are `cronapi TARGET FUNCTION`, by the services' own names. Names, exit codes and formats
are kept from release to release, so that scripts can depend on them. This page is made from the
help of the commands, by `python -m scripts.cli_page > docs/cli.md`.

## Data in and out

- stdout has data only. Progress, questions, warnings and errors are on stderr.
- On a terminal the output is a table, elsewhere tsv with a heading. `--json` gives one document: an
  array for a list, an object for one thing, and for a change of several jobs an object with the
  counts and each outcome. `-o ndjson` has one line for each. `-o ids` is input for `--ids-from -`.
- With `--json` an error is one line of JSON on stderr, with its exit code.
- Secrets are masked in each format: the values of headers that carry credentials, bodies,
  passwords, the user in a URL, and query values with such names. `--show-secrets` shows them. Of
  csv and JSON, which can be read back, the number of masked values is told on stderr.
- Text of the service is shown with `\\x1b` for an escape and so on. csv has it as it is, so that it
  can be read back.
- Text options take `${{NAME}}` from the environment, `@FILE`, and `-` for standard input. A
  password must come in one of these ways, and no token can be an argument.
- A `--match` or `--group` that fits no job is named on stderr, also beside others that fit some.
  The exit code stays 0.
- No option is ignored. A command that prints a text of its own, such as `export`, has JSON beside
  it, and refuses `-o csv` and `--fields` with exit code 64.
- A dry run names three jobs, and all with `-v`. With `-o ids`, csv or tsv they are rows on stdout,
  and JSON has them as `targets`.
- Durations are 90, 90s, 15m, 2h or 1d. Times are ISO 8601 with a zone, Unix seconds, or +15m.

## Account and budget

The token is read from `--token-file`, from the profile, or from FASTCRON_TOKEN or SETCRONJOB_TOKEN,
in that order. If both variables are set, say `--provider`. A profile is a section of
`~/.config/cronapi/config.toml` (`%APPDATA%\\cronapi` on Windows):

```toml
[work]
provider = "fastcron"
token_command = ["pass", "show", "fastcron"]
time_format = "utc"
```

Its other keys are `base_url`, `token_file` and `redis`. The token is the first line that
`token_command` prints, of 64 KiB at most. What it writes to stderr is not shown. An argument is
stronger than the environment, which is stronger than a profile.

All commands of a user on a machine share one budget, in a file that is made by itself. So a loop
or `xargs -P` keeps to the rate. CRONAPI_PACE_FILE names another file, and `off` leaves each process
its own rate. `--redis` shares the budget of several machines.

## Ctrl-C

The first Ctrl-C, or SIGTERM, starts no further request and waits for those under way. The counts
are those of the service. The second ends at once. The last line says what the same command would do
then: `cron delete` goes on with the jobs that are left, `cron edit` begins from the start, which
does no harm, and `cron run` would queue its runs again.

`cron add --from` with more than 50 rows keeps a journal in `~/.local/state/cronapi/journals`
(`%LOCALAPPDATA%` on Windows) until all rows are done: the same command creates no row twice.

## Questions

Commands ask before they delete, before `cron group-edit`, and before `apply`, `rotate` and a
cutover change several jobs. `--yes` is the answer. Without it and without a terminal the command
ends with 64. Other changes ask nothing, by `--match` neither: `-n` names the jobs first.

## Exit codes

{codes}
One id gives its error's code. Several give the code of the error that stopped them, else the worst.

## Common options

```text
{common}```

{commands}"""


def page() -> str:
    """Return the page."""
    commands = "\n".join(_section(path) for path, (module, _) in COMMANDS.items() if module)
    return TEXT.format(codes=_codes(), common=_common(), commands=commands)


def _codes() -> str:
    rows = [f"| {row.code} | {row.meaning} | {', '.join(row.errors)} |\n" for row in CODES]
    return "".join(["| code | meaning | errors |\n| --- | --- | --- |\n", *rows])


def _common() -> str:
    formatter = click.HelpFormatter(width=WIDTH)
    write_options(_context("cron list"), formatter, "Options", COMMON)
    return formatter.getvalue()


def _section(path: str) -> str:
    return f"## cronapi {path}\n\n```text\n{help_of(path)}```\n"


def help_of(path: str) -> str:
    """Return the help of a command at 80 columns, without the common options."""
    context = _context(path)
    formatter = click.HelpFormatter(width=WIDTH)
    command = context.command
    command.format_usage(context, formatter)
    command.format_help_text(context, formatter)
    options = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    own = [option for option in options if option not in COMMON]
    write_options(context, formatter, "Options", own)
    if isinstance(command, Leaf):
        command.format_epilog(context, formatter)
    return formatter.getvalue()


def _context(path: str) -> click.Context:
    context = click.Context(cronapi, info_name="cronapi", **cronapi.context_settings)
    group = cronapi
    for name in path.split():
        group = group.load(name)
        context = click.Context(group, info_name=name, parent=context)
    return context


if __name__ == "__main__":
    sys.stdout.write(page())
