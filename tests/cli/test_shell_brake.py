"""Mistakes that would delete or double jobs: each ends before anything is changed, and says why."""

from __future__ import annotations

from typing import NamedTuple

from tests.support.manifests import HEAD, jobs_text, send, sent_since, shown_jobs

GOOD = HEAD + jobs_text(9)
TWO = HEAD.replace('"g"', '"two"')
ENVS = "[env.staging.scope]\n[env.live.scope]\n"
MORE = '[job."job 8"]\nurl = "https://example.com/run/8"\n'
FILE = "cronjobs.toml"
SAVED = [("plan",), ("other",)]
"""The arguments of an apply that are a saved plan, which knows of --prune."""


class Mistake(NamedTuple):
    """A file with a mistake, the exit code of its apply, and parts of what is told."""

    text: str
    code: int
    told: tuple[str, ...]
    line: tuple[str, ...] = ()


MISTAKES = {
    "an empty file": Mistake("", 64, (f"{FILE}: it has no version",)),
    "a file of comments": Mistake("# nothing\n", 64, (f"{FILE}: it has no version",)),
    "a file without jobs": Mistake(HEAD, 64, (f"{FILE}: it has no job",)),
    "an empty table of jobs": Mistake(HEAD + "[job]\n", 64, (f"{FILE}: it has no job",)),
    "a file that ends too early": Mistake(
        GOOD[: GOOD.rindex("/8") - 3], 64, (f"{FILE}:21: ", "Unterminated string")
    ),
    "an include that matches nothing": Mistake(
        'include = ["jobs/*.toml"]\n' + GOOD, 64, (f"{FILE}:1: include: 'jobs/*.toml' matches no",)
    ),
    "an included file that is no TOML": Mistake(
        'include = ["broken.toml"]\n' + GOOD, 64, ("broken.toml:2: ",)
    ),
    "an included file that is no UTF-8": Mistake(
        'include = ["latin.toml"]\n' + GOOD, 64, ("latin.toml: it cannot be read: it is not UTF",)
    ),
    "an included file with a scope": Mistake(
        'include = ["scope.toml"]\n' + GOOD, 64, ("scope.toml:1: scope: an included file has no",)
    ),
    "no environment where there are some": Mistake(
        GOOD + ENVS, 64, (f"{FILE}:22: env: say which environment is meant; there are: live, st",)
    ),
    "an environment that is not there": Mistake(
        GOOD + ENVS,
        64,
        (f"{FILE}:22: env: there is no environment 'stagin'; did you mean 'staging'?",),
        ("--env", "stagin"),
    ),
    "an environment where there is none": Mistake(
        GOOD, 64, (f"{FILE}: there is no environment 'live'; it has none",), ("--env", "live")
    ),
    "a variable that is not set": Mistake(
        GOOD + 'filter = "${UNSET}"\n',
        64,
        (f'{FILE}:22: job."job 8".filter: the variable UNSET is not set',),
    ),
    "a variable that is empty": Mistake(
        GOOD + 'filter = "${EMPTY}"\n',
        64,
        (f'{FILE}:22: job."job 8".filter: the variable EMPTY is empty',),
    ),
    "two tables of one name": Mistake(
        GOOD + MORE, 64, (f"{FILE}:22: Cannot declare ('job', 'job 8') twice",)
    ),
    "two tables of one name in two files": Mistake(
        'include = ["more.toml"]\n' + GOOD,
        64,
        (f'more.toml:1: job."job 8": it stands in {FILE}:21 too',),
    ),
    "two files of one apply with one name": Mistake(
        GOOD,
        64,
        (f'more.toml:1: job."job 8": it stands in {FILE}:20 too',),
        ("-f", FILE, "-f", "more.toml"),
    ),
    "a key that is unknown": Mistake(
        GOOD + "timeot = 5\n",
        64,
        (f'{FILE}:22: job."job 8".timeot: a job has no', "did you mean 'timeout'?"),
    ),
    "a table that is unknown": Mistake(
        GOOD + "[jobs.x]\n", 64, (f"{FILE}:22: jobs: a manifest has no 'jobs'",)
    ),
    "a value of the wrong type": Mistake(
        GOOD + 'timeout = "soon"\n', 64, (f'{FILE}:22: job."job 8".timeout: timeout is a text',)
    ),
    "no scope": Mistake(
        "version = 1\n" + jobs_text(9), 64, (f"{FILE}: a scope is a group, a prefix or all",)
    ),
    "a scope that fits two groups": Mistake(
        TWO + jobs_text(9), 64, (f"{FILE}:2: several groups are called 'two': ids ",)
    ),
    "a group that is not there": Mistake(
        GOOD.replace('"g"', '"gg"'),
        3,
        (f"{FILE}:2: no group is called 'gg', and 9 jobs of the manifest seem to be in another",),
    ),
    "a group that is not there, and some new jobs": Mistake(
        GOOD.replace('"g"', '"gg"') + MORE.replace("8", "9"),
        3,
        ("1 to create", f"{FILE}:2: no group is called 'gg', and 9 jobs of the manifest seem"),
    ),
    "the group of others": Mistake(
        GOOD.replace('"g"', '"others"'), 3, ("The plan deletes 6 of 6 jobs, and 2 are allowed",)
    ),
    "more deletions than the scope allows": Mistake(
        HEAD + jobs_text(6), 3, ("The plan deletes 3 of 9 jobs, and 2 are allowed",)
    ),
    "more deletions than the number says": Mistake(
        HEAD + jobs_text(2),
        3,
        ("The plan deletes 7 of 9 jobs, and 6 are allowed",),
        ("--max-deletes", "6"),
    ),
    "a plan that is stale": Mistake(
        HEAD + jobs_text(8), 3, ("The saved plan is stale: other jobs in the scope now",), ("plan",)
    ),
    "a plan of another file": Mistake(
        GOOD, 3, ("The saved plan is stale: other manifest, changes",), ("other",)
    ),
}


def prepare(shell):
    """Fill an account by a manifest, and write the files that others include."""
    folder = shell.file.parent
    (folder / FILE).write_text(braked(GOOD))
    assert shell("apply", "-y").exit_code == 0
    (folder / FILE).write_text(braked(HEAD + jobs_text(8)))
    for name in SAVED:
        assert shell("plan", "--prune", "--out", *name).exit_code == 2
    job = shown_jobs(shell.app)["job 0"]["id"]
    send(shell.app, "cron.edit", id=job, timeout=9)
    for group, jobs in (("others", 6), ("two", 0), ("two", 0)):
        number = send(shell.app, "group.add", name=group)["id"]
        for at in range(jobs):
            send(shell.app, "cron.add", name=f"x {at}", url="https://x.example/", group=number)
    (folder / "broken.toml").write_text('\n[job."x]\n')
    (folder / "latin.toml").write_bytes("# \xe4\n".encode("latin-1"))
    (folder / "scope.toml").write_text(HEAD.partition("\n")[2])
    (folder / "more.toml").write_text(MORE)
    return folder


def braked(text):
    return text.replace('"g"', '"g"\nmax_deletes = 2')


def test_no_mistake_changes_a_job(shell_in_folder):
    """The text names the file and the line, and no request changes anything."""
    folder = prepare(shell_in_folder)
    before = shown_jobs(shell_in_folder.app)
    wrong = {}
    for title, (text, code, told, line) in MISTAKES.items():
        (folder / FILE).write_text(braked(text) if code == 3 else text)
        count = len(shell_in_folder.emulator.requests)
        prune = () if line in SAVED else ("--prune",)
        done = shell_in_folder("apply", *prune, *line, "-y", EMPTY="")
        lacking = [part for part in told if part not in done.stderr]
        sent = sent_since(shell_in_folder.app, count)
        if done.exit_code != code or lacking or sent or done.exception is None:
            wrong[title] = (done.exit_code, lacking, sent, done.stderr)
    assert wrong == {}, wrong
    assert shown_jobs(shell_in_folder.app) == before
