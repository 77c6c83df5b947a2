"""The service, the token and the budget of a command, and where they come from."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from cronapi.cli.exit_codes import CODES, exit_code
from cronapi.cli.work import runs
from cronapi.errors import APIError, Applied, CronAPIError, TransportError
from tests.support.console import CRONAPI
from tests.support.emulated import START, TOKEN, fill
from tests.support.shell import EVERY, plan, shell_at

WITHOUT = {"FASTCRON_TOKEN": None, "CRONAPI_PROVIDER": "fastcron"}


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with shell_at(tmp_path_factory.mktemp("shell")) as shell:
        shell.prepare()
        yield shell


def profile(shell, text):
    path = shell.file.parent / ".config" / "cronapi" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_token_file_is_read_to_the_end_of_its_first_line(shell):
    """It may end in any line break. One that others can read is told, and used."""
    file = shell.file.with_name("token")
    file.write_text(f"{TOKEN}\r\nanother line\n")
    file.chmod(0o644)
    open_to_others = shell("whoami", "--token-file", file, **WITHOUT)
    file.chmod(0o600)
    private = shell("whoami", "--token-file", file, **WITHOUT)
    assert (open_to_others.exit_code, private.exit_code, private.stderr) == (0, 0, "")
    assert "others can read" in open_to_others.stderr
    assert str(file) in private.stdout
    assert shell("whoami", "--token-file", "-", stdin=f"{TOKEN}\n", **WITHOUT).exit_code == 0
    ids = f"{TOKEN}\n{shell.jobs[0]}\n"
    line = ["cron", "get", "--ids-from", "-", "--token-file", "-", "-o", "ids"]
    assert shell(*line, stdin=ids, **WITHOUT).stdout.split() == [str(shell.jobs[0])]


def test_a_profile_stands_in_for_options(shell):
    """Arguments are stronger than the environment, which is stronger than a profile."""
    token = json.dumps(["echo", TOKEN])
    profile(
        shell,
        f'[work]\nprovider = "fastcron"\ntoken_command = {token}\ntime_format = "unix"\n'
        '[broken]\ntoken_command = ["false"]\nprovider = "fastcron"\n'
        '[odd]\nprovidr = "fastcron"\n[bad]\nprovider = "cronhub"\n',
    )
    line = ["cron", "next", shell.jobs[0], "--profile", "work"]
    done = shell(*line, FASTCRON_TOKEN="not-used")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1].isdigit()
    assert shell(*line, "--time-format", "utc").stdout.splitlines()[1].endswith("Z")
    assert shell("whoami", CRONAPI_PROFILE="work", CRONAPI_PROVIDER="setcronjob").exit_code != 4
    cases = {
        "wrk": (64, "did you mean 'work'?"),
        "odd": (64, "did you mean 'provider'?"),
        "bad": (64, "fastcron, setcronjob"),
        "broken": (4, "ended with 1"),
    }
    for name, (code, says) in cases.items():
        done = shell("whoami", "--profile", name)
        assert (done.exit_code, says in done.stderr) == (code, True), done.stderr


def test_a_wrong_profile_file_is_named(shell):
    """A file that is no TOML is a usage error with its path and line."""
    path = profile(shell, "[work\n")
    done = shell("whoami", "--profile", "work")
    assert (done.exit_code, str(path) in done.stderr, "line 1" in done.stderr) == (64, True, True)


def test_every_error_has_one_exit_code():
    """The table is complete, and the outcome that nobody knows is 6 whatever the error."""
    assert [row.code for row in CODES] == [0, 1, 2, 3, 4, 5, 6, 7, 64, 130, 143]
    cases = [(CronAPIError("x"), 1), (APIError("x"), 1), (TransportError("x"), 7)]
    cases += [(TransportError("x", applied=Applied.UNKNOWN), 6)]
    assert [exit_code(error) for error, _ in cases] == [code for _, code in cases]


def test_a_max_wait_is_kept(shell):
    """A call that would wait longer fails at once with 7, and nothing is sent."""
    line = ["cron", "edit", "--match", "n*", "--timeout", "20"]
    before = shell.sent
    done = shell("cron", "find", "nobody", "--rate", "0.01", "--max-wait", "1", "--json")
    assert done.exit_code in {5, 7}
    assert shell.sent <= before + 1
    assert shell(*line).exit_code == 0


def test_verbose_tells_the_requests(shell):
    """-v is one line on stderr, -vv the library's log, and -q takes away what is no error."""
    assert shell("account", "get", "-v").stderr.startswith("1 request, ")
    assert "cron.list" in shell("cron", "list", "-vv").stderr
    assert shell("cron", "enable", *shell.jobs).stderr == "cron.enable: 2 done\n"
    assert shell("cron", "enable", *shell.jobs, "-q").stderr == ""


# --- files of jobs --------------------------------------------------------------------------------


def rows(count):
    return "name,url\n" + "".join(f"row{n},https://example.com/row/{n}\n" for n in range(count))


def journals(shell):
    return list((shell.file.parent / ".local/state/cronapi/journals").glob("*"))


def test_a_large_file_has_a_journal_until_it_is_done(shell):
    """More than 50 rows go on after they were broken off: each job is made once."""
    file = shell.file.with_name("many.csv")
    file.write_text(rows(60))
    plan(shell.emulator, "outage", function="cron.batch_add")
    line = ["cron", "add", "--from", file, "-q", "--retries", "0"]
    assert shell(*line).exit_code == 7
    assert len(journals(shell)) == 1
    shell.emulator.faults.clear()
    assert shell(*line).exit_code == 0
    assert journals(shell) == []
    names = [job["name"] for job in shell.emulator.jobs("fastcron") if "row" in job["name"]]
    assert sorted(names) == sorted(f"row{n}" for n in range(60))


def test_an_old_journal_asks_what_to_do(shell):
    """One that is older than a day is 64, with both ways out, and nothing is sent."""
    file = shell.file.with_name("old.csv")
    file.write_text(rows(51))
    plan(shell.emulator, "outage", function="cron.batch_add")
    shell("cron", "add", "--from", file, "--retries", "0")
    shell.emulator.faults.clear()
    (journal,) = journals(shell)
    os.utime(journal, (time.time() - 90_000,) * 2)
    before = shell.sent
    done = shell("cron", "add", "--from", file)
    assert (done.exit_code, shell.sent) == (64, before)
    assert f"--journal {journal}" in done.stderr
    assert "remove it" in done.stderr
    assert shell("cron", "add", "--from", file, "--journal", journal, "-q").exit_code == 0
    assert journals(shell) == []


def test_a_small_file_or_a_wish_has_no_journal(shell):
    """50 rows have none, and --no-journal is heard."""
    plan(shell.emulator, "outage", function="cron.batch_add")
    file = shell.file.with_name("small.csv")
    for count, more in ((50, []), (60, ["--no-journal"])):
        file.write_text(rows(count))
        assert shell("cron", "add", "--from", file, "--retries", "0", *more).exit_code == 7
        assert journals(shell) == []
    shell.emulator.faults.clear()


def test_jobs_come_from_each_kind_of_file(shell):
    """csv, lines of JSON, a JSON list and toml give the same jobs."""
    texts = {
        "csv": "name,url,timeout,notify\na,https://a.example/,20,false\n",
        "jsonl": '{"name": "a", "url": "https://a.example/", "timeout": 20, "notify": false}\n',
        "json": '[{"name": "a", "url": "https://a.example/", "timeout": 20, "notify": false}]',
        "toml": '[[job]]\nname = "a"\nurl = "https://a.example/"\ntimeout = 20\nnotify = false\n',
    }
    for ending, text in texts.items():
        file = shell.file.with_name(f"jobs-a.{ending}")
        file.write_text(text)
        for place, stdin in ((file, None), ("-", text)):
            (made,) = shell.json("cron", "add", "--from", place, stdin=stdin)["outcomes"]
            value = made["value"]
            assert (value["name"], value["timeout"], value["notify"]) == ("a", 20, 0), ending


def test_a_job_that_was_shown_is_copied(shell):
    """What `cron get` writes as JSON is read back, without the facts that no new job has."""
    shown = shell.json("cron", "get", shell.jobs[1])
    (made,) = shell.json("cron", "add", "--from", "-", stdin=json.dumps(shown, indent=2))[
        "outcomes"
    ]
    copy = made["value"]
    assert copy.pop("id") > shown.pop("id")
    assert copy == shown


# --- secrets under faults -------------------------------------------------------------------------

CANARIES = ("canary-token-77aa", "canary-password-77aa", "canary-header-77aa")
KINDS = ("busy", "outage", "lose", "garbage", "truncated", "redirect", "error", "front")


def test_no_secret_is_in_any_output_under_any_fault(shell):
    """Token, password and header are in no stdout, stderr or log, whatever fails."""
    file = shell.file.with_name("canary")
    file.write_text(CANARIES[0])
    file.chmod(0o600)
    paths = [*EVERY, "cron add", "cron edit"]
    for number, path in enumerate(paths):
        shell.prepare()
        line, environment = shell.line_of(path)
        if path.split()[-1] in {"add", "edit", "ensure"} and path.startswith("cron"):
            line += ["--header", "X-Key: ${HEADER}", "--password", "${PASSWORD}"]
        if number % 2:
            line += ["--token-file", file]
        shell.emulator.faults.clear()
        plan(shell.emulator, KINDS[number % len(KINDS)])
        secrets = {"PASSWORD": CANARIES[1], "HEADER": CANARIES[2]}
        done = shell(*line, "-vv", "--json", "--retries", "0", **environment, **secrets)
        assert not [one for one in (*CANARIES, TOKEN) if one in done.output], (path, done.output)
    shell.emulator.faults.clear()


@pytest.mark.proof
def test_no_secret_is_in_any_output_under_every_fault(shell):
    """The same for each command that takes secrets, under each kind of fault."""
    for path in ("cron add", "cron edit", "cron ensure", "cron batch-edit"):
        for kind in KINDS:
            shell.prepare()
            line, environment = shell.line_of(path)
            plan(shell.emulator, kind)
            line += ["--header", "X-Key: ${HEADER}", "--password", "${PASSWORD}", "-vv"]
            secrets = {"PASSWORD": CANARIES[1], "HEADER": CANARIES[2]}
            for output in ("json", "table"):
                done = shell(*line, "-o", output, "--retries", "0", **environment, **secrets)
                assert not [one for one in (*CANARIES, TOKEN) if one in done.output], (path, kind)
    shell.emulator.faults.clear()


class FastClock:
    """A clock on which a minute takes a tenth of a second."""

    def now(self):
        return START + time.monotonic() % 1e6 * 600

    def ticks(self):
        return time.monotonic()


def test_a_run_is_awaited(tmp_path, monkeypatch):
    """--wait looks at the log until the run has ended, and exits by its result."""
    monkeypatch.setattr(runs, "_POLL", 0.02)
    with shell_at(tmp_path, clock=FastClock()) as shell:
        job = fill(shell.app, "fastcron", 1, "waited")[0]
        done = shell("cron", "run", job, "--wait", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["succeeded"] is True


# --- what may be wrong with a profile, a home and a command for the token ------------------------

ODD = {
    'token_file = "a\\u0000b"': "token_file takes text.",
    'redis = "redis://\\u0000"': "redis takes text.",
    'token_file = "~nobody-of-this-name/x"': "Cannot find ~nobody-of-this-name/x: there is no such",
    f"x = {'[' * 100_000}": "nested too deep.",
    f"x = {'9' * 5_000}": "5000 digits",
}


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_a_profile_that_no_command_can_use_is_a_usage_error(shell, text):
    """A NUL in a text, the home of nobody, lists without end, and a number of 5000 digits."""
    profile(shell, f"[work]\n{text}\n")
    done = shell("whoami", "--profile", "work")
    assert done.exit_code == 64
    assert ODD[text] in done.stderr


@pytest.mark.parametrize("name", ["XDG_CONFIG_HOME", "XDG_STATE_HOME"])
def test_a_home_that_is_not_there_is_a_usage_error(shell, name):
    """As that of a user whom the system does not know."""
    line = ["whoami", "--profile", "x"] if "CONFIG" in name else ["health"]
    done = shell(*line, **{name: "~nobody-of-this-name", "CRONAPI_PROVIDER": "fastcron"})
    assert (done.exit_code, "there is no such home" in done.stderr) == (64, True)


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="there are no such programs")
COMMANDS = {
    "binary": (r"printf '\377\376'", "printed no text."),
    "a great deal": ("cat /dev/zero", "printed more than 65536 bytes."),
    "nothing": ("true", "No API token in"),
    "a token on stderr": (f"echo {TOKEN} >&2; exit 1", "ended with 1."),
    "a token of a failure": (f"echo {TOKEN}; exit 1", "ended with 1."),
}


@POSIX
@pytest.mark.parametrize(("script", "told"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_prints_no_token_is_told(shell, script, told):
    """What it has printed is neither shown nor kept without end."""
    profile(shell, f"[work]\ntoken_command = {json.dumps(['sh', '-c', script])}\n")
    done = shell("whoami", "--profile", "work", **WITHOUT)
    assert (done.exit_code, done.stdout) == (4, "")
    assert told in done.stderr
    assert TOKEN not in done.stderr


@POSIX
def test_what_a_command_for_the_token_leaves_running_is_not_waited_for(shell, tmp_path):
    """An agent or a shared connection keeps stderr, and ends long after."""
    left = tmp_path / "pid"
    script = f"sleep 60 >/dev/null & echo $! >{left}; printf '\\357\\273\\277{TOKEN}\\r\\nmore'"
    profile(shell, f"[work]\ntoken_command = {json.dumps(['sh', '-c', script])}\n")
    assert shell("whoami", "--profile", "work", **WITHOUT).exit_code == 0
    os.kill(int(left.read_text()), signal.SIGKILL)  # it is still there


@POSIX
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_a_signal_ends_a_command_for_the_token_too(shell, tmp_path, number, code):
    """A command that goes on, as one that asks where nobody is, holds nothing up. It has time to
    put its terminal in order, and is not left behind.
    """
    script = (
        f"trap 'echo in order >{tmp_path}/ended; exit' TERM; echo $$ >{tmp_path}/pid; "
        f"kill -{number.value} $PPID; for _ in $(seq 3000); do sleep 0.01; done"
    )
    profile(shell, f"[work]\ntoken_command = {json.dumps(['sh', '-c', script])}\n")
    environ = {n: v for n, v in {**os.environ, **shell.environment, **WITHOUT}.items() if v}
    line = [*CRONAPI, "whoami", "--profile", "work"]
    with subprocess.Popen(line, env=environ, stderr=subprocess.PIPE, text=True) as process:
        told = process.communicate(timeout=30)[1]
    assert process.returncode == code
    assert told == ("Error: Interrupted.\n" if code > 0 else "")
    assert (tmp_path / "ended").read_text() == "in order\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
