"""What an operator meets who has only the help: words, counts, ids, and what is not shown."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime

import pytest
from rich.cells import cell_len

from cronapi.cli.root import cronapi
from cronapi.cli.show.tables import table
from cronapi.cli.synonyms import MEANT
from cronapi.cli.table import COMMANDS
from cronapi.emulator import Fault
from tests.support.emulated import fill
from tests.support.seen import sent
from tests.support.shell import shell_at


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell")) as shell:
        yield shell


@pytest.fixture(autouse=True)
def _prepared(shell):
    shell.prepare()


def names(shell, *more, warns=""):
    return [job["name"] for job in shell.json("cron", "list", *more, warns=warns)]


def add(shell, *rows):
    """Create jobs, and return their ids."""
    full = [{"url": "https://example.com/", **row} for row in rows]
    done = shell("cron", "add", "--from", "-", "-o", "ids", stdin=json.dumps(full))
    assert done.exit_code == 0, done.output
    return done.stdout.split()


# --- rows of jobs that do not run -----------------------------------------------------------------

IDLE = {
    "csv": "name,url,status\na,https://a.example,{}\nb,https://a.example,active\n",
    "jsonl": '{{"name": "a", "url": "https://a.example", "status": "{}"}}\n'
    '{{"name": "b", "url": "https://a.example", "status": 0}}\n',
    "json": '[{{"name": "a", "url": "https://a.example", "status": "{}"}},'
    ' {{"name": "b", "url": "https://a.example"}}]',
    "toml": '[[job]]\nname = "a"\nurl = "https://a.example"\nstatus = "{}"\n'
    '[[job]]\nname = "b"\nurl = "https://a.example"\nstatus = "Active"\n',
}


@pytest.mark.few(2)
@pytest.mark.parametrize("ending", IDLE)
def test_rows_of_idle_jobs_are_told_before_and_after(shell, tmp_path, ending):
    """The row is named before anything is sent, and the new job as a command that stops it."""
    file = tmp_path / f"jobs.{ending}"
    for status in ("disabled", "failed", "expired", "inactive", "1"):
        file.write_text(IDLE[ending].format(status))
        planned = shell("cron", "add", "--from", file, "-n")
        assert ": not active there, and active when added." in planned.stderr
        done = shell("cron", "add", "--from", file, "-o", "ids")
        first, _ = done.stdout.split()
        assert done.stderr.startswith(planned.stderr)
        assert f"to stop them: cronapi cron disable {first}\n" in done.stderr
    assert shell("cron", "disable", first).exit_code == 0


@pytest.mark.parametrize("ending", IDLE)
@pytest.mark.parametrize("status", ["paused", "disbled", "on", "-1"])
def test_a_status_that_there_is_not_is_refused(shell, tmp_path, ending, status):
    """It may be a misspelt `disabled`, so nothing is sent. The place and the nearest are told."""
    file = tmp_path / f"jobs.{ending}"
    file.write_text(IDLE[ending].format(status))
    before = shell.sent
    done = shell("cron", "add", "--from", file)
    assert (done.exit_code, done.stdout, shell.sent) == (64, "", before)
    assert f"jobs.{ending}, " in done.stderr
    assert "active, disabled, expired" in done.stderr
    assert ("did you mean 'disabled'?" in done.stderr) == (status == "disbled")


# --- choosing -------------------------------------------------------------------------------------


def test_jobs_of_any_of_several_groups_and_patterns(shell):
    """--group and --match may be repeated. A job must be of one of each."""
    other = shell.json("group", "add", "other")["id"]
    add(shell, {"name": "a1", "group": shell.group}, {"name": "a2", "group": other}, {"name": "b1"})
    both = ["--group", shell.name, "--group", other]
    assert names(shell, *both) == ["a1", "a2"]
    assert names(shell, *both, "--match", "b*", "--match", "*1") == ["a1"]
    assert names(shell, "--match", "b*", "--match", "a*") == ["a1", "a2", "b1"]
    assert names(shell, "--group", 0, "--match", "b*") == ["b1"]
    assert len(shell("cron", "disable", *both, "-o", "ids").stdout.split()) == 2
    done = shell("cron", "disable", "--match", "a1", "--match", "b1", "-o", "ids")
    assert len(done.stdout.split()) == 2
    assert shell("health", *both).exit_code == 64
    assert shell("health", "--match", "a*", "--match", "b*").exit_code == 64


def test_failing_jobs_are_listed(shell):
    """--failing lists jobs whose last run failed, also with other filters."""
    good, bad = shell.jobs
    url = "https://example.com/500"
    assert shell("cron", "edit", bad, "--url", url, "--expression", "1 minute").exit_code == 0
    assert names(shell, "--failing") == []
    shell.emulator.clock.advance(180)
    assert [job["id"] for job in shell.json("cron", "list", "--failing")] == [bad]
    fits_nothing = "--match 'nobody' fits no job.\n"
    assert names(shell, "--failing", "--match", "nobody", warns=fits_nothing) == []
    assert str(good) in shell("cron", "list", "-o", "ids").stdout


# --- ids ------------------------------------------------------------------------------------------


def test_queued_runs_and_failures_have_the_id_of_their_job(shell):
    """A table of several jobs tells which line is of which."""
    done = shell("cron", "run", *shell.jobs, "-o", "table", "--time-format", "utc")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["ID", *map(str, shell.jobs)]
    assert shell.json("cron", "run", shell.jobs[0])["id"] == shell.jobs[0]
    assert shell("cron", "run", *shell.jobs, "-o", "ids").stdout.split() == [*map(str, shell.jobs)]
    assert shell("cron", "failures", "-o", "tsv").stdout.startswith("job_id\tname\tno\ttime\t")
    assert shell("cron", "logs", shell.jobs[0], "-o", "tsv").stdout.startswith("no\ttime\t")


def test_the_number_of_a_run_has_a_heading_that_says_so():
    """`no` alone reads like a refusal."""
    assert table(["no", "time"], [["12", "now"]], 80)[0].split() == ["RUN", "NO", "TIME"] or (
        "RUN NO" in table(["no", "time"], [["12", "now"]], 80)[0]
    )


# --- what is not shown ----------------------------------------------------------------------------


def test_a_csv_with_masks_says_so(shell):
    """Each masked value is counted, those that were chosen alone, and none with --show-secrets."""
    add(
        shell,
        {"name": "s1", "http_headers": {"X-Key": "k1"}, "post_data": "body"},
        {"name": "s2", "url": "https://example.com/?api_key=k2"},
        {"name": "s3", "http_headers": {"X-Note": "n"}},
    )
    line = ["cron", "list", "--match", "s*", "-o", "csv"]
    assert shell(*line).stderr == "3 values are masked; --show-secrets writes them.\n"
    assert shell(*line, "--fields", "id,url").stderr == (
        "1 value is masked; --show-secrets writes them.\n"
    )
    for more in (["--show-secrets"], ["--quiet"], ["--fields", "id"], ["--match", "s3"]):
        some = [*line[:2], *line[4:]] if more[0] == "--match" else line
        assert shell(*some, *more).stderr == "", more


@pytest.mark.parametrize("output", ["csv", "json", "ndjson"])
def test_masked_values_are_told_once_by_every_command_that_can_be_read_back(shell, output):
    """By deletions too, whose output is the last copy. No other format can be read back."""
    says = "1 value is masked; --show-secrets writes them.\n"
    url = "https://example.com/?api_key=k9"
    ids = add(shell, *({"name": f"m{n}", "url": url} for n in range(9)))
    group = ["--group", shell.name]
    lines = [
        ["cron", "add", "--url", url, "--name", "one more"],
        ["cron", "list", "--match", "m1"],
        ["cron", "get", ids[2]],
        ["cron", "find", "m2"],
        ["cron", "edit", ids[2], "--timeout", "20", *group],
        ["cron", "enable", "--match", "m2"],
        ["cron", "ensure", "m3", "--url", url, "--timeout", "9"],
        ["group", "items", shell.group],
        ["call", "cron.get", f"id:={ids[3]}"],
        ["cron", "batch-delete", ids[4], "-y"],
        ["cron", "delete", ids[5], "-y"],
    ]
    for line in lines:
        done = shell(*line, "-o", output)
        assert (done.exit_code, done.stderr.count(says)) == (0, 1), (line, done.stderr)
    done = shell("cron", "delete", *ids[6:8], "-y", "-o", output)
    assert done.stderr.count("2 values are masked") == 1
    for other in ("table", "tsv", "ids"):
        assert "masked" not in shell("cron", "get", ids[1], "-o", other).stderr
    assert "masked" not in shell("cron", "delete", ids[1], "-y", "-o", output, "-q").stderr


def test_a_table_tells_of_columns_that_do_not_fit():
    """A mark in the heading counts them, if it fits, and no line gets too wide."""
    for width in (*range(6, 60), 200):
        check_width(width)


def check_width(width):
    heads = ["id", "name", "expression", "url"]
    rows = [["100001", "nightly", "0 3 * * *", "https://example.com/"]]
    first, second = table(heads, rows, width)
    plain = first.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert max(cell_len(plain), cell_len(second)) <= width
    shown = sum(head in plain.split() for head in ("ID", "NAME", "SCHEDULE", "URL"))
    if shown < 4:
        assert f"+{4 - shown}" in plain or "…" in plain
    else:
        assert "+" not in plain


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("cron remove 5", "cron delete"),
        ("cron rm 5", "cron delete"),
        ("cron show 5", "cron get"),
        ("cron view 5", "cron get"),
        ("cron create", "cron add"),
        ("cron stop 5", "cron disable"),
        ("cron history 5", "cron logs"),
        ("cron import x", "cron add --from"),
        ("group rm 5", "group delete"),
        ("group show 5", "group get"),
        ("list", "cron list"),
        ("ls", "cron list"),
        ("logs 5", "cron logs"),
        ("rm 5", "cron delete"),
        ("batch_add x", "cron batch-add"),
        ("jobs", "cron"),
        ("help cron", "cron --help"),
        ("lst", "cron list"),
        ("delte 5", "cron delete"),
        ("aply", "apply"),
    ],
)
def test_a_word_that_people_use_names_the_command(shell, line, says):
    """It is 64, in one line, and nothing is sent."""
    before = shell.sent
    done = shell(*line.split())
    assert (done.exit_code, done.stdout, shell.sent) == (64, "", before)
    assert done.stderr.endswith(f"Did you mean {says!r}?\n")


def test_ls_is_list(shell):
    """As with gh. It is no command of its own in the help."""
    for group in ("cron", "group"):
        assert shell(group, "ls", "-o", "ids").stdout == shell(group, "list", "-o", "ids").stdout
        assert " ls " not in shell(group).stdout


def test_every_word_stands_for_a_command():
    """No advice leads nowhere, and no word hides a command."""
    last = {path.rpartition(" ")[2] for path in COMMANDS}
    for word, meaning in MEANT.items():
        assert meaning.partition(" ")[0] in last, word
        assert f"cron {word}" not in COMMANDS
        assert word not in cronapi.commands


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("cron batch-delete {0} -n", "would delete 1 job: {0}\n"),
        ("cron batch-delete {0} {1} -n", "would delete 2 jobs: "),
        ("cron batch-edit {0} --timeout 20 -n", "would edit 1 job: {0}\n"),
        ("cron delete {0} -n", "would delete 1 job: {0}\n1 request ("),
        ("cron add --from {file} -n", "would add 1 job from "),
        ("cron batch-add {file} -n", "would add 1 job from "),
        ("group vanish --name team -n", ": 1 job\n"),
        ("health --budget 1 -n", "at most 1 request\n"),
    ],
)
def test_one_is_no_plural(shell, tmp_path, line, says):
    """Counts are written as people write them."""
    file = tmp_path / "one.csv"
    file.write_text("name,url\nx,https://example.com/x\n")
    assert shell("group", "edit", shell.group, "--name", "team").exit_code == 0
    assert shell("cron", "edit", shell.jobs[0], "--group", shell.group).exit_code == 0
    done = shell(*line.format(*shell.jobs, file=file).split())
    assert done.exit_code == 0, done.output
    assert says.format(*shell.jobs) in done.stdout


def test_a_refused_journal_is_not_said_to_go_on(shell, tmp_path):
    """The same command goes on only with a journal of its own rows."""
    rows = tmp_path / "rows.csv"
    rows.write_text("name,url\nx,https://example.com/x\n")
    foreign = tmp_path / "notes"
    for text in ("my notes\n", '{"version": 99}\n', "[]\n"):
        foreign.write_text(text)
        done = shell("cron", "add", "--from", rows, "--journal", foreign)
        assert (done.exit_code, "goes on" in done.stderr) == (64, False), done.stderr
        assert foreign.read_text() == text
    shell.emulator.faults.add(Fault("outage", times=None, function="cron.add"))
    shell.emulator.faults.add(Fault("outage", times=None, function="cron.batch_add"))
    foreign.unlink()
    line = ["cron", "add", "--from", rows, "--journal", foreign, "--retries", "0"]
    done = shell(*line)
    assert (done.exit_code, "The same command goes on" in done.stderr) == (7, True), done.stderr
    shell.emulator.faults.clear()
    assert shell(*line).exit_code == 0
    assert not foreign.exists()


def test_a_run_that_failed_is_told_with_its_service(shell, monkeypatch):
    """The error names service and function, as all do."""
    monkeypatch.setattr("cronapi.cli.work.runs._POLL", 0.05)
    shell("cron", "edit", shell.jobs[0], "--url", "https://example.com/500")
    soon = threading.Timer(0.3, shell.emulator.clock.advance, [90])
    soon.start()
    done = shell("cron", "run", shell.jobs[0], "--wait")
    soon.join()
    assert done.exit_code == 1, done.output
    assert done.stderr.endswith("Error: fastcron cron.run: The run failed.\n")
    done = shell("cron", "logs", shell.jobs[0], "--output-of", "987654")
    assert done.exit_code == 5
    assert done.stderr.startswith("Error: fastcron cron.logs: There is no run 987654")


def test_no_error_says_none(shell):
    """Whatever is missing in an error, its line does not say None."""
    fill(shell.app, "fastcron", 2, "tmp")
    for line in (
        *("cron get 987654", "cron find nobody", "group get 987654", "group get --name nobody"),
        *("cron delete 987654 987655 -y", "server time", "cron logs 987654", "call cron.nothing"),
    ):
        done = shell(*line.split())
        assert done.exit_code not in (0, None), line
        assert "None" not in done.stderr, done.stderr


# --- a second trial -------------------------------------------------------------------------------


def test_the_group_of_a_job_is_given_by_id_or_name(shell, tmp_path):
    """As --group of a list is. A name is looked up; one that there is not is 5, and two are 64."""
    shell.json("group", "edit", shell.group, "--name", "ops")
    for group in (shell.group, "ops"):
        named = ["--group", group]
        new = shell.json("cron", "add", "--url", "https://example.com/", *named)
        assert new["group"] == shell.group
        assert shell.json("cron", "edit", shell.jobs[0], *named)["group"] == shell.group
        line = ["cron", "ensure", f"e {group}", "--url", f"https://{group}.test/", *named]
        assert shell.json(*line)["group"] == shell.group
        line = ["cron", "batch-edit", shell.jobs[1], *named, "-o", "csv", "--fields", "group"]
        assert shell(*line).stdout.split() == ["group", str(shell.group)]
        rows = tmp_path / "rows.csv"
        rows.write_text("url\nhttps://example.com/\n")
        line = ["cron", "add", "--from", rows, *named, "-o", "csv", "--fields", "group"]
        assert shell(*line).stdout.split() == ["group", str(shell.group)]
    nobody = shell("cron", "add", "--url", "https://example.com/", "--group", "nobody")
    assert (nobody.exit_code, nobody.stdout) == (5, "")
    dry = shell("cron", "edit", shell.jobs[0], "--group", "ops", "-n")
    assert f"group={shell.group}" in dry.stdout
    rows.write_text(f"url,group\nhttps://example.com/,ops\nhttps://example.com/,{shell.group}\n")
    for command in (["cron", "add", "--from", rows], ["cron", "batch-add", rows]):
        before = sent(shell.app, "group.lookup")
        done = shell(*command, "-o", "csv", "--fields", "group")
        assert done.stdout.split() == ["group", str(shell.group), str(shell.group)]
        assert sent(shell.app, "group.lookup") == before + 1
    rows.write_text("url,group\nhttps://example.com/,nobody\nhttps://example.com/,ops\n")
    before = sent(shell.app, "cron.batch_add")
    assert shell("cron", "add", "--from", rows).exit_code == 5
    assert sent(shell.app, "cron.batch_add") == before
    rows.write_text("url,group,timeout\nhttps://example.com/,ops,\nhttps://example.com/,,soon\n")
    before = shell.sent
    assert (shell("cron", "add", "--from", rows).exit_code, shell.sent) == (64, before)


def test_a_pause_tells_its_end(shell):
    """Of each job, by the time of its own answer, in each format."""
    begun = time.time()
    line = ["cron", "pause", *shell.jobs, "--for", "2h"]
    ends = [one["value"]["until"] for one in shell.json(*line)["outcomes"]]
    ends += [
        json.loads(one)["value"]["until"]
        for one in shell(*line, "-o", "ndjson").stdout.splitlines()
    ]
    ends.append(shell.json("cron", "pause", shell.jobs[0], "--for", "2h")["until"])
    unix = shell(*line, "-o", "csv", "--fields", "until", "--time-format", "unix").stdout.split()
    seconds = [datetime.fromisoformat(end).timestamp() for end in ends] + [*map(int, unix[1:])]
    assert len(seconds) == 7
    assert all(begun + 7199 <= end <= time.time() + 7201 for end in seconds)
    assert shell(*line, "-o", "table").stdout.split()[:4] == ["ID", "NAME", "STATUS", "UNTIL"]


def test_an_unknown_name_names_the_known_ones(shell, tmp_path):
    """Fields of each kind, and profiles, where none of them is near."""
    for line, known in (
        ("cron list", "id, name, expression, timezone, status, fail, url, group,"),
        ("cron logs 5", "job_id, name, no, time,"),
        ("group list", "id, name, job_count, priority."),
        ("server ip", "server, v4, v6."),
        ("cron next 5", "time."),
        ("cron run 5", "id, name, time."),
    ):
        done = shell(*line.split(), "--fields", "xx")
        assert (done.exit_code, done.stdout) == (64, "")
        assert f"there is no field 'xx'; there are {known}" in done.stderr, done.stderr
    folder = tmp_path / "cronapi"
    folder.mkdir()
    (folder / "config.toml").write_text("[work]\n[home]\n")
    done = shell("whoami", "--profile", "xx", XDG_CONFIG_HOME=str(tmp_path))
    assert "no profile 'xx'; there are work, home." in done.stderr


def test_a_header_that_replaces_the_others_says_so(shell):
    """Before it is sent, also with --dry-run. --set-header and --clear say nothing."""
    said = "--header replaces all headers of a job; --set-header keeps the others.\n"
    line = ["cron", "edit", *shell.jobs, "--header", "X-A: 1"]
    assert shell(*line, "-n").stderr == said
    assert shell(*line).stderr.startswith(said)
    assert shell("cron", "edit", shell.jobs[0], "--header", "X-A: 1").stderr == said
    for quiet in (
        [*line, "-q"],
        [*line, "--json"],
        ["cron", "edit", shell.jobs[0], "--set-header", "X-B: 2"],
        ["cron", "edit", shell.jobs[0], "--clear", "http-headers"],
        ["cron", "add", "--url", "https://example.com/", "--header", "X-A: 1"],
    ):
        assert shell(*quiet).stderr == "", quiet


def test_logs_of_several_jobs(shell):
    """They are named like jobs elsewhere, and each run tells its job."""
    shell.emulator.clock.advance(7200)
    assert shell("cron", "logs", shell.jobs[0]).stdout.startswith("no\ttime")
    ids = "\n".join(map(str, shell.jobs))
    for named in (
        [*shell.jobs],
        ["--match", "n*"],
        ["--ids-from", "-"],
    ):
        done = shell("cron", "logs", *named, "--last", "1", "-o", "tsv", stdin=ids)
        assert done.exit_code == 0, done.output
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        assert [line[0] for line in lines] == ["job_id", *map(str, shell.jobs)]
        runs = json.loads(shell("cron", "logs", *named, "--last", "1", "--json", stdin=ids).stdout)
        assert [run["job_id"] for run in runs] == shell.jobs
    one = shell("cron", "logs", "--match", "n0", "--last", "1").stdout
    assert one.startswith("job_id\tname\tno\ttime\tsucceeded\t")
    assert str(shell.jobs[0]) in one
    assert shell("cron", "logs", "--match", "nobody*").exit_code == 0
    assert shell("cron", "logs", *shell.jobs, "--output-of", "1").exit_code == 64
    assert shell("cron", "logs", shell.jobs[0], 987654).exit_code == 5
    assert shell("cron", "logs").exit_code == 64


def test_an_output_without_a_number_says_where_it_is(shell):
    """A service that does not number its runs shows their outputs as JSON."""
    shell.emulator.clock.advance(7200)
    done = shell("cron", "logs", shell.jobs[0], "--output-of", "1")
    numbered = shell.json("cron", "logs", shell.jobs[0])[0].get("no") is not None
    assert (done.exit_code, "--json" in done.stderr) == (5, not numbered) or numbered


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("cron list --status failing", "Did you mean '--failing'?"),
        ("cron list --status paused", "Did you mean '--status disabled'?"),
        ("cron list --status enabled", "Did you mean '--status active'?"),
        ("cron failing", "Did you mean 'cron list --failing'?"),
        ("cron errors", "Did you mean 'cron failures'?"),
        ("cron undo", "Did you mean 'cron add --from'?"),
        ("cron restore x", "Did you mean 'cron add --from'?"),
        ("cron rename x", "Did you mean 'cron edit --name'?"),
        ("cron test 5", "Did you mean 'cron run --wait'?"),
        ("cron list --statsu failed", "Did you mean '--status'?"),
        ("cron add --headers x", "Did you mean '--header'?"),
        ("group add --name x", "NAME is given without an option."),
        ("cron next 5 --since 2h", "No such option '--since'."),
    ],
)
def test_a_wrong_word_or_option_names_only_what_is_meant(shell, line, says):
    """Options that have little more than their dashes in common are not named."""
    done = shell(*line.split())
    assert (done.exit_code, done.stdout) == (64, "")
    assert done.stderr.endswith(f"{says}\n"), done.stderr
