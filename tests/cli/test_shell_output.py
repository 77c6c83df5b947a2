"""What commands write: formats, columns, times, foreign text, and secrets that are not shown."""

from __future__ import annotations

import csv
import io
import json

import pytest
from rich.cells import cell_len

from cronapi.cli.frame.escape import escaped
from cronapi.cli.frame.json_line import json_document, json_line
from cronapi.cli.show.tables import table
from cronapi.cli.work.progress import ProgressLine, progress_text
from tests.support.shell import shell_at

ODD = [
    "[red]x[/red]",
    "\x1b]0;title\x07",
    "\x1b[31mred",
    "abc\u202edcba",
    "two\nlines\tand a tab",
    "日本語の名前",
    "x" * 10_000,
    "\x9b31m",
    "\u2028",
    "=1+1",
    "",
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell"), strict=False) as shell:
        shell.prepare()
        yield shell


@pytest.fixture(scope="module")
def odd(shell):
    """Return the ids of jobs with odd names."""
    rows = [{"url": f"https://example.com/odd/{n}", "name": name} for n, name in enumerate(ODD)]
    file = shell.file.with_name("odd.json")
    file.write_text(json.dumps(rows))
    made = shell.json("cron", "add", "--from", file)["outcomes"]
    return [outcome["value"]["id"] for outcome in made]


def test_each_format_has_the_same_jobs(shell):
    """Json is one document, ndjson a line each, csv and tsv have headings, ids are ids."""
    document = shell.json("cron", "list")
    lines = shell("cron", "list", "-o", "ndjson").stdout.splitlines()
    rows = list(csv.DictReader(io.StringIO(shell("cron", "list", "-o", "csv").stdout)))
    columns = [line.split("\t") for line in shell("cron", "list").stdout.splitlines()]
    ids = shell("cron", "list", "-o", "ids").stdout.split()
    assert [json.loads(line) for line in lines] == document
    assert [row["id"] for row in rows] == ids == [str(job["id"]) for job in document]
    assert columns[0] == ["id", "name", "expression", "timezone", "status", "fail", "url"]
    assert [row[0] for row in columns[1:]] == ids


def test_fields_are_chosen_in_their_order(shell):
    """--fields names columns and members, in every format."""
    job = shell.jobs[0]
    assert list(shell.json("cron", "get", job, "--fields", "name,id")) == ["name", "id"]
    done = shell("cron", "list", "--fields", "http-method,id", "-o", "csv")
    assert done.stdout.splitlines()[0] == "http_method,id"
    assert "NAME" in shell("cron", "list", "--fields", "name", "-o", "table").stdout


def test_any_of_several_statuses_is_listed(shell):
    """--status may be repeated."""
    first, second = shell.json("cron", "list", "-o", "json", "--fields", "id")[:2]
    assert shell("cron", "disable", first["id"]).exit_code == 0
    found = shell.json("cron", "list", "--status", "failed", "--status", "disabled")
    assert [job["id"] for job in found] == [first["id"]]
    both = shell.json("cron", "list", "--status", "disabled", "--status", "active")
    assert second["id"] in [job["id"] for job in both]
    assert shell("cron", "enable", first["id"]).exit_code == 0


def test_a_row_of_a_disabled_job_is_told(shell, tmp_path):
    """A list that is read back makes active jobs, and names the first that was not."""
    file = tmp_path / "jobs.csv"
    file.write_text("name,url,status\na,https://a.example,active\nb,https://b.example,disabled\n")
    done = shell("cron", "add", "--from", file, "-o", "ids")
    assert "jobs.csv, line 3: not active there, and active when added" in done.stderr
    assert len(made := done.stdout.split()) == 2
    assert shell("cron", "delete", *made, "-y").exit_code == 0


def test_jobs_are_filtered_here(shell):
    """--match, --status and --group choose among the jobs that were read."""

    def names(*more, warns=""):
        line = ["cron", "list", *more, "--fields", "name"]
        return [job["name"] for job in shell.json(*line, warns=warns)]

    assert names("--match", "n1") == ["n1"]
    assert names("--match", "N1", warns="--match 'N1' fits no job.\n") == []
    assert names("--status", "expired") == []
    for group, shown in ((shell.group, shell.group), (shell.name, repr(shell.name))):
        assert names("--group", group, warns=f"--group {shown} fits no job.\n") == []
    assert names("--search", "n0") == ["n0"]
    assert shell("cron", "list", "--group", "nobody's").exit_code == 5


def test_times_are_shown_as_asked(shell):
    """JSON is always in UTC. Other formats follow --time-format."""
    job = shell.jobs[0]
    iso = shell.json("cron", "next", job)[0]["time"]
    shown = {
        form: shell("cron", "next", job, "--time-format", form, "-o", "csv").stdout.splitlines()[1]
        for form in ("utc", "unix", "local", "relative")
    }
    assert iso.endswith("Z")
    assert shown["utc"] == iso
    assert shown["unix"].isdigit()
    assert shown["relative"].startswith("in ")
    assert len(shown["local"]) == len("2030-05-24 06:00:00")


def test_no_foreign_text_steers_a_terminal(shell, odd):
    """Control characters, escape sequences and signs that turn text around are shown as escapes."""
    for output in ("table", "tsv", "json", "ndjson"):
        out = shell("cron", "list", "-o", output).stdout
        assert not {*"\x1b\x07\x9b\u202e\u2028"} & {*out}, output
    tsv = shell("cron", "get", odd[1], "--fields", "name", "-o", "tsv").stdout
    assert tsv.splitlines()[1] == "\\x1b]0;title\\x07"
    assert shell("cron", "get", odd[4], "--fields", "name").stdout.splitlines()[1] == (
        "two\\nlines\\tand a tab"
    )
    assert "[red]x[/red]" in shell("cron", "list", "-o", "table").stdout


def test_json_has_every_character_of_a_name(shell, odd):
    """What is escaped in JSON is read back as it was."""
    names = [job["name"] for job in shell.json("cron", "get", *odd)]
    assert names == ODD


def test_a_csv_can_be_read_back(shell, odd):
    """A list as csv makes the same jobs again, whatever is in their names."""
    listed = shell("cron", "get", *odd[:-1], "-o", "csv").stdout
    made = shell.json("cron", "add", "--from", "-", stdin=listed)["outcomes"]
    assert [outcome["value"]["name"] for outcome in made] == ODD[:-1]


def test_a_spreadsheet_runs_no_cell(shell, odd):
    """--spreadsheet puts an apostrophe before what a spreadsheet would take for a formula."""
    line = ["cron", "get", odd[9], "-o", "csv", "--fields", "name"]
    assert shell(*line).stdout.splitlines()[1] == "=1+1"
    assert shell(*line, "--spreadsheet").stdout.splitlines()[1] == "'=1+1"


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_no_line_of_a_table_is_wider_than_the_terminal(shell, odd, columns):
    """Columns are left out from the right, and the last one is cut."""
    out = shell("cron", "list", "-o", "table", COLUMNS=str(columns)).stdout
    assert max(map(cell_len, out.splitlines())) <= columns
    assert out.startswith("ID")
    assert len(out.splitlines()) == len(shell.emulator.jobs("fastcron")) + 1


def test_a_table_leaves_out_columns_from_the_right():
    """A narrow table keeps the first columns whole."""
    names, rows = ("id", "name", "url"), [["1", "nightly", "https://example.com/report"]]
    wide, narrow, tiny = (table(names, rows, width)[-1] for width in (80, 24, 12))
    assert wide == "1   nightly  https://example.com/report"
    assert narrow == "1   nightly  https://ex…"
    assert tiny == "1   nightly"


def test_escapes_are_unambiguous():
    """Ordinary text, joiners and wide signs stay; anything else is an escape."""
    kept = "a b ä 日本 👨\u200d👩\u200d👧 [x] \\"
    assert escaped(kept) == kept
    assert escaped("\x00\x7f\u200f\U000e0001\ud800") == "\\x00\\x7f\\u200f\\U000e0001\\ud800"
    value = {"a": ["\x1b", "\u202e", "\x7f", "ä", "\\u202e"]}
    assert json.loads(json_line(value)) == json.loads(json_document(value)) == value
    assert json_line(value).isprintable()


def test_colors_follow_the_terminal_and_the_environment(shell):
    """There is none in a pipe, unless it is asked for; NO_COLOR counts, and the option most."""
    line = ["cron", "list", "-o", "table"]
    assert "\x1b" not in shell(*line).stdout
    assert "\x1b[" in shell(*line, "--color", "always", NO_COLOR="1").stdout
    assert "\x1b[" in shell(*line, FORCE_COLOR="1").stdout
    assert "\x1b" not in shell(*line, FORCE_COLOR="1", NO_COLOR="1").stdout


# --- secrets --------------------------------------------------------------------------------------

CANARIES = {
    "header": "canary-header-5d1f",
    "body": "canary-body-5d1f",
    "password": "canary-password-5d1f",
    "user": "canary-user-5d1f",
    "query": "canary-query-5d1f",
}


def secret_job(path):
    name = ["named"] if path.endswith("ensure") else []
    page = path.split()[-1]
    return [
        *(*path.split(), *name),
        *("--url", f"https://u:{CANARIES['user']}@example.com/{page}?api_key={CANARIES['query']}"),
        *("--header", f"Authorization: Bearer {CANARIES['header']}"),
        *("--post-data", CANARIES["body"]),
        *("--username", "me", "--password", "${PASSWORD}"),
    ]


def test_no_secret_is_shown_unless_asked(shell):
    """Headers, bodies, passwords and keys of a URL are masked in each format and in dry runs."""
    tried = 0
    for path in ("cron add", "cron ensure"):
        for more in ([], ["-n"]):
            for output in ("table", "json", "ndjson", "csv", "tsv"):
                line = [*secret_job(path), "-o", output, "-vv", *more]
                done = shell(*line, PASSWORD=CANARIES["password"])
                assert done.exit_code == 0, done.output
                assert not [one for one in CANARIES.values() if one in done.output], line
                tried += 1
    assert tried == 20
    for output in ("table", "json", "ndjson", "csv", "tsv"):
        done = shell("cron", "list", "-o", output)
        assert not [one for one in CANARIES.values() if one in done.output]
    shown = shell("cron", "list", "--show-secrets", "--json", "--search", "canary").stdout
    assert CANARIES["header"] in shown or CANARIES["query"] in shown


def test_whoami_shows_no_character_of_the_token(shell):
    """It tells where the token came from, and the beginning of its hash."""
    facts = shell.json("whoami")
    assert (facts["provider"], facts["credentials"]) == ("fastcron", "FASTCRON_TOKEN")
    assert len(facts["fingerprint"]) == 8
    assert facts["base_url"].startswith("http://127.0.0.1")


# --- progress -------------------------------------------------------------------------------------


def test_a_progress_line_fits_and_is_honest():
    """It tells the count, the seconds left and the failures, and is never wider than asked."""
    text = progress_text("deleting", 812, 1000, 188.0, 0, 80)
    assert text == "deleting  ████████░░  812 of 1,000 · 3 min 8 s left · 0 failed"
    assert progress_text("deleting", 5, None, None, 2, 80) == "deleting  5 · 2 failed"
    for width in range(1, 90):
        assert len(progress_text("deleting", 812, 1000, 188.0, 0, width)) <= width


def test_there_is_no_progress_before_two_seconds(capsys):
    """Nor where nobody looks."""
    now = [0.0]
    line = ProgressLine("adding", write=True, clock=lambda: now[0])
    unseen = ProgressLine("adding", write=False, clock=lambda: now[0])
    for now[0] in (0.0, 1.9):
        line(1, 10, 5.0)
    assert capsys.readouterr().err == ""
    now[0] = 2.1
    unseen(2, 10, 5.0)
    assert capsys.readouterr().err == ""
    line(2, 10, 5.0)
    assert "2 of 10" in capsys.readouterr().err
    line.clear()
    assert capsys.readouterr().err == "\r\x1b[K"
