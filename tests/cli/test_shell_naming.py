"""Naming jobs and groups: in one way, and never one of several by chance."""

from __future__ import annotations

import json

import pytest

from tests.support.emulated import TOKEN, fill
from tests.support.shell import shell_at

WAYS = {
    "ids": ["5"],
    "name": ["--name", "n1"],
    "match": ["--match", "n*"],
    "group": ["--group", "5"],
    "file": ["--ids-from", "-"],
}
PAIRS = [
    *(("ids", other) for other in ("name", "match", "group", "file")),
    *(("name", other) for other in ("match", "group", "file")),
    *(("file", other) for other in ("match", "group")),
]
SEVERAL = [
    "get",
    "enable",
    "disable",
    "pause --for 2h",
    "delete -y",
    "run",
    "run --time +15m",
    "batch-delete -y",
]
"""Functions of jobs that take each way."""
NOBODY, NO_GROUP = "--match 'nobody*' fits no job.\n", "--group 987654 fits no job.\n"
ONE_BY_NAME = [
    *(f"cron {one} --name twin" for one in (*SEVERAL, "run --wait", "edit --timeout 20")),
    *(f"cron {one} --name twin" for one in ("next", "logs", "failures")),
    "cron find twin",
    "cron ensure twin --url https://example.com/",
]
ONE_GROUP_BY_NAME = [
    *(f"group {one} --name twin" for one in ("get", "items", "delete -y")),
    *(f"group {one} -y --name twin" for one in ("empty", "vanish")),
    *(f"cron {one} --group twin" for one in ("list", *SEVERAL)),
    "health --group twin",
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell")) as shell:
        shell.prepare()
        yield shell


def changes(shell):
    """Return the functions that were sent and are no reads."""
    sent = [request.function for request in shell.emulator.requests]
    reading = {"list", "get", "lookup", "find", "items"}
    return [function for function in sent if function.rpartition(".")[2] not in reading]


@pytest.mark.parametrize("function", SEVERAL)
def test_jobs_are_named_in_one_way(shell, function):
    """Two ways would be read as one or as both. They are refused, and nothing is sent."""
    before = shell.sent
    for first, second in PAIRS:
        line = ["cron", *function.split(), *WAYS[first], *WAYS[second]]
        done = shell(*line, stdin="5\n")
        assert (done.exit_code, done.stdout) == (64, ""), line
        assert "in one way" in done.stderr or "not both" in done.stderr, line
    assert shell.sent == before


def test_an_empty_value_is_a_way_too(shell):
    """A variable that was not set does not make a command about other jobs."""
    before = shell.sent
    for more in (["--name", ""], ["--ids-from", ""], ["--match", "", "--name", "n1"]):
        for other in (["5"], ["--match", "n*"]) if len(more) == 2 else ([],):
            done = shell("cron", "delete", "-y", *other, *more)
            assert (done.exit_code, shell.sent) == (64, before), (other, more)


def test_a_pattern_and_a_group_go_together(shell):
    """The jobs of a group with such names, in each command that takes both."""
    shell.prepare()
    inside, outside = shell.jobs
    assert shell("cron", "edit", inside, "--group", shell.group).exit_code == 0
    for group in (shell.group, shell.name):
        line = ["--match", "n*", "--group", group, "-o", "ids"]
        assert shell("cron", "get", *line).stdout == f"{inside}\n"
        assert shell("cron", "disable", *line).stdout == f"{inside}\n"
    assert shell.json("cron", "get", outside)["status"] == "active"


@pytest.mark.few(8)
@pytest.mark.parametrize("line", ONE_BY_NAME)
def test_a_name_that_several_jobs_have_is_refused(shell, line):
    """Their ids are told instead of one of them being taken, and nothing is changed."""
    if not [job for job in shell.emulator.jobs("fastcron") if job["name"] == "twin"]:
        fill(shell.app, "fastcron", 1, "other")
        rows = [{"name": "twin", "url": f"https://example.com/{n}"} for n in range(3)]
        done = shell("cron", "add", "--from", "-", stdin=json.dumps(rows))
        assert done.exit_code == 0, done.output
    ids = [str(job["id"]) for job in shell.emulator.jobs("fastcron") if job["name"] == "twin"]
    before = changes(shell)
    done = shell(*line.split())
    assert (done.exit_code, done.stdout) == (64, ""), done.output
    assert f"Several jobs are named 'twin': {', '.join(ids)}. Give one id." in done.stderr
    assert changes(shell) == before


@pytest.mark.few(8)
@pytest.mark.parametrize("line", ONE_GROUP_BY_NAME)
def test_a_name_that_several_groups_have_is_refused(shell, line):
    """The same for groups, wherever a command takes the name of one."""
    found = shell.json("group", "lookup", "twin")
    ids = [group["id"] for group in found] or [
        shell.json("group", "add", "twin")["id"] for _ in range(2)
    ]
    before = changes(shell)
    done = shell(*line.split())
    assert (done.exit_code, done.stdout) == (64, ""), done.output
    assert f"Several groups are named 'twin': {ids[0]}, {ids[1]}. Give one id." in done.stderr
    assert changes(shell) == before


@pytest.mark.parametrize("function", ["get", "items", "delete -y"])
def test_a_group_is_named_in_one_way(shell, function):
    """An id and a name would be two groups."""
    before = shell.sent
    for ways in ([shell.group, "--name", "another"], []):
        done = shell("group", *function.split(), *ways)
        assert (done.exit_code, done.stdout, shell.sent) == (64, "", before)
        assert "Name the group by an ID or by --name." in done.stderr


def test_a_name_that_the_search_does_not_show_is_found_in_the_list(shell):
    """A search may work by words. The whole list tells if there is one, several or none."""
    odd = "a.b*c"
    rows = [{"name": odd, "url": "https://example.com/odd"}]
    assert shell("cron", "add", "--from", "-", stdin=json.dumps(rows)).exit_code == 0
    job = shell.json("cron", "find", odd)
    assert (job["name"], shell.json("cron", "get", "--name", odd)[0]["id"]) == (odd, job["id"])
    assert shell("cron", "find", "nobody").exit_code == 5


@pytest.mark.parametrize(
    ("line", "warns", "says"),
    [
        (["batch-delete", "--match", "nobody*"], NOBODY, "Nothing to delete.\n"),
        (["batch-delete", "--group", "987654"], NO_GROUP, "Nothing to delete.\n"),
        (["batch-delete", "--ids-from", "-"], "", "Nothing to delete.\n"),
        (["batch-edit", "--match", "nobody*", "--timeout", "20"], NOBODY, "Nothing to edit.\n"),
        (["batch-edit", "--ids-from", "-", "--timeout", "20"], "", "Nothing to edit.\n"),
    ],
)
def test_a_batch_of_nothing_is_not_sent(shell, line, warns, says):
    """It asks nothing and ends with 0. JSON is an empty list."""
    before = changes(shell)
    done = shell("cron", *line, stdin="")
    assert (done.exit_code, done.stderr) == (0, warns + says)
    assert shell.json("cron", *line, warns=warns) == []
    assert changes(shell) == before


def test_setcronjob_names_jobs_likewise(shell):
    """Names are resolved in the same way at the other service."""
    rows = [{"name": "pair", "url": f"https://example.com/{n}"} for n in range(2)]
    there = {"CRONAPI_PROVIDER": "setcronjob", "SETCRONJOB_TOKEN": TOKEN}
    assert shell("cron", "add", "--from", "-", stdin=json.dumps(rows), **there).exit_code == 0
    for line in ("cron disable --name pair", "cron find pair", "cron logs --name pair"):
        done = shell(*line.split(), **there)
        assert (done.exit_code, "Several jobs are named 'pair'" in done.stderr) == (64, True)


# --- names that are not unique --------------------------------------------------------------------


def test_the_help_of_what_creates_says_that_names_are_not_unique(shell):
    """Looking for the name would be a request, so the help names the command that looks."""
    for line in ("cron add", "cron batch-add"):
        told = " ".join(shell(*line.split(), "--help").stdout.split())
        assert "A name need not be unique" in told, line
        assert "`cronapi cron ensure`" in told, line
    told = " ".join(shell("group", "add", "--help").stdout.split())
    assert "A name need not be unique" in told
    assert "`cronapi group lookup`" in told


@pytest.mark.parametrize("line", ["cron add --from -", "cron batch-add -"])
def test_equal_names_in_a_file_are_told(shell, line):
    """Without a request, before the rows are added. The first of several names is told."""
    names = ["a", "b", "a", "", "", "c", "b", "a"]
    rows = [{"url": "https://example.com/", "name": name} for name in names]
    done = shell(*line.split(), stdin=json.dumps(rows))
    assert done.exit_code == 0, done.output
    says = "standard input: 3 jobs are named 'a' and 2 'b'. Each is added.\n"
    assert done.stderr.startswith(says)
    assert shell(*line.split(), "-n", stdin=json.dumps(rows)).stderr == says
    many = [{"url": "https://example.com/", "name": f"n{n // 2}"} for n in range(12)]
    said = shell(*line.split(), "-n", stdin=json.dumps(many)).stderr
    assert said.endswith(
        "2 jobs are named 'n0', 2 'n1' and 2 'n2', and 3 more names come again. Each is added.\n"
    )
    assert shell(*line.split(), "-n", stdin=json.dumps(rows[:2])).stderr == ""
    idle = [*rows, {**rows[0], "status": 1}]
    assert ": not active there" in shell(*line.split(), "-n", stdin=json.dumps(idle)).stderr
    assert shell(*line.split(), "-n", "-q", stdin=json.dumps(idle)).stderr == ""


def test_one_name_for_several_jobs_is_told(shell):
    """Before it is sent. One job alone may have any name."""
    ids = fill(shell.app, "fastcron", 2, "alike")
    says = "2 jobs get the name 'same'.\n"
    assert shell("cron", "edit", *ids, "--name", "same", "-n").stderr == says
    assert shell("cron", "edit", *ids, "--name", "same").stderr.startswith(says)
    assert shell("cron", "batch-edit", *ids, "--name", "same", "-n").stderr == says
    assert shell("cron", "edit", ids[0], "--name", "other").stderr == ""


def test_a_group_whose_jobs_are_edited_is_given_by_id_or_name(shell):
    """As --group of every other command."""
    id = shell.json("group", "add", "edited")["id"]
    line = ["cron", "group-edit", "--timeout", "20", "-n", "--json"]
    for group in (id, "edited"):
        told = json.loads(shell(*line, group).stdout)["dry_run"]
        assert told["parameters"] == {"id": id, "timeout": 20}
    assert shell(*line, "nobody").exit_code == 5


def test_the_fields_that_can_be_emptied_are_in_the_help(shell):
    """And each of them can."""
    told = " ".join(shell("cron", "edit", "--help").stdout.split())
    listed = told.partition("may be repeated. Fields: ")[2].partition(".")[0]
    fields = listed.replace("- ", "-").split(", ")  # a line may end behind a hyphen
    assert {"filter", "group", "http-headers"} <= {*fields}
    for field in fields:
        assert shell("cron", "edit", 5, "--clear", field, "-n").exit_code == 0, field
