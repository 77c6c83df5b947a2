"""The click commands for manifests: their options and their help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cronapi.cli.frame.common import SERVICES
from cronapi.cli.frame.forms import Text
from cronapi.cli.frame.leaf import leaf
from cronapi.cli.plan.options import (
    APPLIES,
    CHECKS,
    MIGRATES,
    PREVIEWS,
    READS_MANIFEST,
    Files,
    manifest_options,
    plan_options,
    taken,
)

if TYPE_CHECKING:
    from cronapi.cli.work.session import Session


@leaf(READS_MANIFEST, Text("a plan"))
@plan_options
@click.option("--out", metavar="PATH", help="Save the plan for `cronapi apply PATH`.")
@click.option(
    "--check-limit", is_flag=True, help="Ask if the account may have so many jobs (FastCron)."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown"]),
    default="text",
    help="For a terminal, or for a comment on a pull request.",
)
async def plan(
    session: Session, out: str | None, form: str, check_limit: bool, **options: Any
) -> None:
    """Say what differs between a manifest and the account.

    Exit code 2 means that there is something to change, 3 that it deletes too much or that its
    group is missing while its jobs are elsewhere, 1 that a job is blocked or that the account does
    not take that many.
    """
    from cronapi.cli.plan import deeds  # noqa: PLC0415 -- imports the client

    files, asked = taken(options)
    is_markdown = form == "markdown"
    await deeds.show_plan(
        session, files, asked, out=out, markdown=is_markdown, check_limit=check_limit
    )


@leaf(READS_MANIFEST, Text("the differences"))
@plan_options
async def drift(session: Session, **options: Any) -> None:
    """Tell where the account differs from a manifest, for cron and CI.

    Nothing is printed if nothing differs. Exit code 2 means that anything does: also a job that no
    table names, and one that should run and was disabled or paused. `cronapi plan` shows these and
    ends with 0, since an apply would leave them. The other exit codes are those of plan.
    """
    from cronapi.cli.plan import deeds  # noqa: PLC0415 -- imports the client

    files, asked = taken(options)
    await deeds.show_drift(session, files, asked)


@leaf(PREVIEWS, Text("a summary"))
@click.argument("saved", metavar="[PLAN]", required=False)
@plan_options
@click.option("--deletes-first", is_flag=True, help="Delete before anything is created.")
@click.option("--undo", metavar="PATH", help="A new file that keeps what is deleted.")
async def apply(session: Session, saved: str | None, **options: Any) -> None:
    """Change the jobs of an account to those of a manifest.

    PLAN is a saved plan. It is carried out without a question, and only if a new plan is the same.
    What is deleted is kept in a file of the state directory, unless --undo names another. With -n
    the plan is printed, and exit code 2 means that there is something to change.
    """
    from cronapi.cli.plan import deeds  # noqa: PLC0415 -- imports the client

    files, asked = taken(options)
    await deeds.apply_plan(session, files, asked, saved, **options)


@leaf(CHECKS, Text("its findings"))
@manifest_options
@click.option("--online", is_flag=True, help="Check against the account too (FastCron).")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "github"]),
    default="text",
    help="For a terminal, or annotations beside the lines on GitHub.",
)
async def check(
    session: Session, files: tuple[str, ...], env: str | None, form: str, online: bool
) -> None:
    """Look for likely mistakes in a manifest.

    Without --online no request is made. Exit code 2 means that something was found.
    """
    from cronapi.cli.plan import files as doors  # noqa: PLC0415 -- imports the client

    await doors.check_manifest(session, Files(files, env), github=form == "github", online=online)


@leaf(CHECKS, Text("TOML"))
@click.option("--all", "everything", is_flag=True, help="All jobs of the account.")
@click.option("--group", metavar="NAME", help="The jobs of a group.")
@click.option("--prefix", metavar="TEXT", help="The jobs whose names begin with it.")
@click.option(
    "--secrets",
    type=click.Choice(["placeholder", "plain"]),
    default="placeholder",
    help="Write variables in the place of secrets, or the secrets; variables by default.",
)
@click.option("--env-file", metavar="PATH", help="A new file with the values of the variables.")
async def export(session: Session, secrets: str, env_file: str | None, **chosen: Any) -> None:
    """Print a manifest of the jobs that are there.

    A manifest has a name for each job. So jobs without a name, and further jobs of one name, are
    left out and told on stderr. Exit code 2 means that there were some.
    """
    from cronapi.cli.plan import files  # noqa: PLC0415 -- imports the client

    await files.export_jobs(session, secrets, env_file, **chosen)


@leaf(APPLIES, Text("names"))
@click.argument("ids", nargs=-1, type=int)
@manifest_options
@click.option("--match", metavar="GLOB", help="The jobs with such names: 'tmp *'.")
@click.option(
    "--as", "name", metavar="NAME", help="Another name for a job, with {id} and {name} for several."
)
@click.option("--env-file", metavar="PATH", help="A new file with the values of the variables.")
async def adopt(
    session: Session,
    ids: tuple[int, ...],
    files: tuple[str, ...],
    env: str | None,
    match: str | None,
    name: str | None,
    env_file: str | None,
) -> None:
    """Add jobs to a manifest, and move them into its scope.

    A job gets another name at the service too, if --as says so or the scope is a prefix: -n tells
    which. {name} is without outer blanks. A job that the file has already is refused.
    """
    from cronapi.cli.plan import adopting  # noqa: PLC0415 -- imports the client

    await adopting.adopt_jobs(session, Files(files, env), ids, match, name, env_file)


@leaf(MIGRATES, Text("losses and counts"))
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Choice(SERVICES),
    metavar="NAME",
    help="The service of the jobs.",
)
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Choice(SERVICES),
    metavar="NAME",
    help="The service that they move to.",
)
@click.option("--into", required=True, metavar="GROUP", help="The group that the jobs get there.")
@click.option(
    "--out", metavar="PATH", help="The new manifest. Needed without -n, --cutover and --back."
)
@click.option("--group", metavar="NAME", help="Only the jobs of a group.")
@click.option("--prefix", metavar="TEXT", help="Only the jobs whose names begin with it.")
@click.option("--env-file", metavar="PATH", help="A new file with the values of the variables.")
@click.option("--accept-losses", is_flag=True, help="Go on in spite of losses, and end with 0.")
@click.option("--cutover", is_flag=True, help="Make the jobs there, and disable them here.")
@click.option("--back", is_flag=True, help="Undo a cutover.")
@click.option(
    "--overlap",
    type=click.Choice(["short", "none"]),
    default="short",
    help="For some seconds a job runs at both services (short, the default), or at neither.",
)
@click.option(
    "--journal", metavar="PATH", help="What a cutover remembers; by default a state file."
)
async def migrate(session: Session, cutover: bool, back: bool, **options: Any) -> None:
    """Write a manifest for another service, and list all that gets lost.

    Without --cutover nothing is changed at either service. Exit code 2 means that something gets
    lost, and with --cutover -n or --back -n that there are jobs to move. A cutover moves the jobs
    in chunks of 100. Broken off, the same command goes on, and --back enables what it disabled and
    deletes what it made. The tokens of both services are in their variables.
    """
    from cronapi.cli.plan import moving  # noqa: PLC0415 -- imports the client

    move = moving.Move(**options)
    if cutover and back:
        raise click.UsageError("Say --cutover or --back, not both.")
    if back:
        await moving.move_jobs_back(session, move)
    elif cutover:
        await moving.cut_jobs_over(session, move)
    else:
        await moving.migrate_jobs(session, move)


@leaf(PREVIEWS, Text("a line for each job"))
@click.option("--old-env", required=True, metavar="NAME", help="Variable with the old secret.")
@click.option("--new-env", required=True, metavar="NAME", help="Variable with the new secret.")
@click.option("--everywhere", is_flag=True, help="Look at all jobs of the account.")
@click.option("--group", metavar="NAME", help="Look at the jobs of a group.")
@click.option(
    "--in", "places", metavar="PLACES", help="Some of headers,url,post_data; all by default."
)
@click.option(
    "--include-hidden",
    multiple=True,
    metavar="NAME",
    help="A job that has the old one as its password, which nobody can see. May be repeated.",
)
async def rotate(session: Session, everywhere: bool, **options: Any) -> None:
    """Put a new secret into every job that shows the old one.

    It is found by its value. Let the receiver take both secrets until it is done. Broken off, the
    same command finds what is left. Exit code 0 means that no job shows the old one any more, and 2
    with -n that some do.
    """
    from cronapi.cli.plan import files  # noqa: PLC0415 -- imports the client

    if everywhere == (options["group"] is not None):
        raise click.UsageError("Say --everywhere or --group: exactly one of the two.")
    await files.rotate_secret(session, **options)
