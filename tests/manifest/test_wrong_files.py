"""A manifest that cannot be meant is refused with its file, line, job, field and the nearest name,
before anything is sent.
"""

from __future__ import annotations

import pytest

from cronapi import ManifestError
from cronapi.manifest import Manifest
from tests.support.manifests import ENVIRON, FULL, HEAD

JOB = f'{HEAD}[job."a b"]\nurl = "https://example.com/"\n'
ENVS = f'{JOB}[env.staging.vars]\nhost = "x"\n[env.production.vars]\nhost = "y"\n'

WRONG = [
    ("", "f.toml: it has no version: a manifest begins with version = 1."),
    ("# nothing\n", "f.toml: it has no version"),
    ('version = 2\n[scope]\ngroup = "g"\n', "f.toml:1: version: this version of cronapi reads"),
    (HEAD, 'f.toml: it has no job: a table [job."NAME"] is one.'),
    (HEAD + "x = = 1\n", "f.toml:4: Invalid value"),
    (HEAD + '[job.a]\nurl = "u"\n[job.a]\n', "f.toml:6: Cannot declare ('job', 'a') twice"),
    (HEAD + '[job.a]\nurl = "u', "f.toml:5: "),
    (
        JOB + "timeot = 30\n",
        "f.toml:6: job.\"a b\".timeot: a job has no 'timeot'; did you mean 'tim",
    ),
    (
        JOB + 'timeout = "30 s"\n',
        'f.toml:6: job."a b".timeout: timeout is a text that cannot be read',
    ),
    (JOB + "timeout = true\n", 'f.toml:6: job."a b".timeout: timeout cannot be a bool'),
    (JOB + "timeout = 1979-05-27\n", 'f.toml:6: job."a b".timeout: timeout cannot be a date'),
    (JOB + "timeout = { a = 1 }\n", 'f.toml:6: job."a b".timeout: must be a value and no table.'),
    (
        JOB + "notify = 7\n",
        'f.toml:6: job."a b".notify: notify must be a boolean or one of the cod',
    ),
    (JOB + "notify = 2\n", 'f.toml:6: job."a b".notify: fastcron has no notify code 2'),
    (JOB + "run = true\n", 'f.toml:6: job."a b".run: a run is a deed and no state'),
    (JOB + 'payload = "x"\n', 'f.toml:6: job."a b".payload: a payload belongs to one run'),
    (JOB + 'name = "x"\n', 'f.toml:6: job."a b".name: the name of a job is the name of its table'),
    (JOB + "group = 5\n", 'f.toml:6: job."a b".group: the group of a job is that of the scope.'),
    (JOB + "enabled = 1\n", 'f.toml:6: job."a b".enabled: must be true or false.'),
    (JOB + 'id = "7"\n', 'f.toml:6: job."a b".id: must be a whole number above 0.'),
    (JOB + "id = true\n", 'f.toml:6: job."a b".id: must be a whole number above 0.'),
    (JOB + "was = 1\n", 'f.toml:6: job."a b".was: must be text that is not empty.'),
    (JOB + 'was = "${A}"\n', 'f.toml:6: job."a b".was: a name takes no variables.'),
    (JOB + 'clear = ["timeout"]\n', "f.toml:6: job.\"a b\".clear: 'timeout' cannot be cleared"),
    (JOB + 'clear = "filter"\n', 'f.toml:6: job."a b".clear: must be a list of texts.'),
    (JOB + 'unmanaged = ["x"]\n', "f.toml:6: job.\"a b\".unmanaged: 'x' is no field of a job"),
    (
        JOB + 'filter = "x"\nclear = ["filter"]\n',
        'f.toml:6: job."a b".filter: it is set, and listed as cleared or unmanaged too.',
    ),
    (JOB + "http_headers.X-A = 1\n", 'f.toml:6: job."a b".http_headers: Header 1 of http_headers'),
    (JOB + 'http_headers.X-A = "a\\nb"\n', 'f.toml:6: job."a b".http_headers: Header 1 of http_he'),
    (
        JOB + 'http_headers."X A" = "a"\n',
        'f.toml:6: job."a b".http_headers: Header 1 of http_heade',
    ),
    (HEAD + "[job.a]\ntimeout = 5\n", "f.toml:4: job.a: it has no url."),
    (HEAD + "[[job]]\nname = 'a'\n", 'f.toml:4: job: must be a table: write [job."NAME"]'),
    (HEAD + "[job]\na = 5\n", 'f.toml:5: job.a: must be a table: write [job."NAME"]'),
    (HEAD + '[job." "]\nurl = "u"\n', 'f.toml:4: job." ": a job needs a name.'),
    (HEAD + '[job."${X}"]\nurl = "u"\n', 'f.toml:4: job."${X}": a name takes no variables.'),
    (JOB + 'filter = "${NOPE}"\n', 'f.toml:6: job."a b".filter: the variable NOPE is not set in'),
    (JOB + 'filter = "${EMPTY}"\n', 'f.toml:6: job."a b".filter: the variable EMPTY is empty in t'),
    (JOB + 'filter = "${a b}"\n', 'f.toml:6: job."a b".filter: a variable is written ${NAME}'),
    (JOB + 'filter = "${NOPE"\n', 'f.toml:6: job."a b".filter: a variable is written ${NAME}'),
    (JOB + "[vars]\nport = 80\n", "f.toml:7: vars.port: a variable must be text."),
    (
        JOB + "[defaults]\ntimeot = 3\n",
        "f.toml:7: defaults.timeot: [defaults] has no 'timeot'; did",
    ),
    (JOB + "[defaults]\nid = 3\n", "f.toml:7: defaults.id: [defaults] has no 'id'"),
    (
        JOB + '[defaults]\ntimeout = "x"\n',
        "f.toml:7: defaults.timeout: timeout is a text that cannot be",
    ),
    (JOB + "[jobs]\n", "f.toml:6: jobs: a manifest has no 'jobs'; did you mean 'job'?"),
    (JOB + 'unmanaged = ["timeout"]\ninclude = 5\n', 'f.toml:7: job."a b".include: a job has no'),
    (ENVS, "f.toml:6: env: say which environment is meant; there are: production, staging."),
    ("[scope]\n[job.a]\nurl='u'\nversion=1", "f.toml: it has no version"),
    (
        'version = 1\n[scope]\nprefix = "x"\nall = true\n[job.x]\nurl = "u"\n',
        "f.toml:2: scope: a scope is a group, a prefix or all = true: exactly one of them.",
    ),
    (
        'version = 1\n[scope]\nall = false\n[job.x]\nurl = "u"\n',
        "f.toml:3: scope.all: can be true alone.",
    ),
    ('version = 1\n[scope]\nall = "yes"\n[job.x]\nurl = "u"\n', "scope.all: can be true alone."),
    (
        'version = 1\n[job.a]\nurl = "u"\n',
        "f.toml: a scope is a group, a prefix or all = true: exactly one",
    ),
    (
        'version = 1\n[scope]\ngroup = "a"\nprefix = "b"\n[job.b]\nurl = "u"\n',
        "f.toml:2: scope: a scope is a group, a prefix or all = true: exactly one of them.",
    ),
    (
        'version = 1\n[scope]\nprefix = "b/"\n[job.b]\nurl = "u"\n',
        "f.toml:4: job.b: its name does not begin with the prefix 'b/'.",
    ),
    (JOB + "[scope2]\n", "f.toml:6: scope2: a manifest has no 'scope2'; did you mean 'scope'?"),
    (
        JOB.replace("group", "grup"),
        "f.toml:3: scope.grup: [scope] has no 'grup'; did you mean 'gro",
    ),
    (
        JOB.replace('group = "g"', 'group = "${G}"'),
        "f.toml:3: scope.group: a scope takes no variables: use [env.NAME.scope].",
    ),
    (
        JOB.replace('group = "g"', 'group = "g"\nkeep = ["a", "${G} *"]'),
        "f.toml:4: scope.keep: a scope takes no variables: use [env.NAME.scope].",
    ),
    (
        JOB.replace('group = "g"', 'group = "g"\nmax_deletes = "130%"'),
        "f.toml:4: scope.max_deletes: must be a whole number, or a share such as",
    ),
    (
        JOB.replace('group = "g"', 'group = "g"\nprovider = "fastcrn"'),
        "f.toml:4: scope.provider: there is no service 'fastcrn'; did you mean 'fastcron'?",
    ),
    (
        JOB + 'id = 5\n[job.c]\nurl = "u"\nid = 5\n',
        'f.toml:4: job."a b": two tables have id = 5.\nf.toml:7: job.c: two tables have id = 5.',
    ),
    (
        JOB + 'was = "c"\n[job.c]\nurl = "u"\n',
        "f.toml:4: job.\"a b\": was = 'c' is the name of another table.",
    ),
    (
        HEAD + '[job.a]\nurl = """\n[job.b]\n""" # no table\ntimeot = 1\n',
        "f.toml:8: job.a.timeot: a job has no 'timeot'",
    ),
    (
        HEAD + "[job.a]\nurl = 'u'\nsecond = [ '0', # one\n '30' ]\ntimeot = 1\n",
        "f.toml:8: job.a.timeot: a job has no 'timeot'",
    ),
    (JOB + 'include = ["none/*.toml"]\n', "f.toml:6: job.\"a b\".include: a job has no 'include'"),
]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_each_wrong_file_is_refused_with_its_place_and_the_nearest_name(newline):
    """The line is right with both kinds of line ends."""
    for text, expected in WRONG:
        with pytest.raises(ManifestError) as caught:
            Manifest.loads(
                text.replace("\n", newline),
                name="f.toml",
                provider=None if "provider" in text else "fastcron",
                environ={"EMPTY": ""},
            )
        assert expected in str(caught.value), (text, str(caught.value))
        assert caught.value.problems


def test_all_problems_of_a_file_are_told_at_once():
    """Each has its line, in the order of the file."""
    with pytest.raises(ManifestError) as caught:
        Manifest.loads(JOB + 'timeot = 1\nfilter = "${NOPE}"\nrun = 1\n', environ={})
    lines = [problem.split(": ")[0] for problem in caught.value.problems]
    assert lines == ["<text>:6", "<text>:7", "<text>:8"]


def test_a_value_of_a_secret_field_is_in_no_error():
    """A value of the wrong type may be a secret all the same."""
    for line in ('password = ["canary-canary"]', 'http_headers = ["canary-canary"]'):
        with pytest.raises(ManifestError) as caught:
            Manifest.loads(JOB + line, environ={})
        assert "canary" not in str(caught.value)


def test_an_environment_that_does_not_exist_is_named_with_the_nearest():
    """Without its name, it is asked for."""
    with pytest.raises(ManifestError, match="no environment 'stagin'; did you mean 'staging'"):
        Manifest.loads(ENVS, env="stagin", environ={})
    with pytest.raises(ManifestError, match="no environment 'staging'; it has none"):
        Manifest.loads(JOB, env="staging", environ={})


def test_a_number_of_thousands_of_digits_is_refused():
    """Python reads no such integer, and that is told as a fault of the file."""
    with pytest.raises(ManifestError, match="a number in it is too long"):
        Manifest.loads(f"version = {'9' * 6000}", environ={})


def test_files_that_cannot_be_read_are_told(tmp_path):
    """A missing file, a folder, and text in another encoding."""
    (tmp_path / "latin.toml").write_bytes("# \xe4".encode("latin-1"))
    for name, expected in [
        ("none.toml", "No such file"),
        (".", "Is a directory"),
        ("latin.toml", "it is not UTF-8"),
    ]:
        with pytest.raises(ManifestError, match=expected):
            Manifest.load(tmp_path / name)


def test_an_include_that_matches_nothing_is_refused(tmp_path):
    """A file that was moved must not look like jobs that are to be deleted."""
    main = tmp_path / "main.toml"
    main.write_text('include = ["jobs/*.toml", "../../none.toml", ""]\n' + JOB)
    with pytest.raises(ManifestError) as caught:
        Manifest.load(main, environ={})
    assert [problem.split(": ", 1)[1] for problem in caught.value.problems] == [
        "include: 'jobs/*.toml' matches no file.",
        "include: '../../none.toml' matches no file.",
        "include: '' matches no file.",
    ]


def test_two_tables_of_one_name_in_two_files_are_refused_with_both_places(tmp_path):
    """The lines are those of either file."""
    (tmp_path / "more.toml").write_text('\n[job."a b"]\nurl = "u"\n')
    main = tmp_path / "main.toml"
    main.write_text('include = ["more.toml"]\n' + JOB)
    with pytest.raises(ManifestError) as caught:
        Manifest.load(main, environ={})
    assert "more.toml:2: " in str(caught.value)
    assert f"it stands in {main}:5 too" in str(caught.value)


def test_an_included_file_has_jobs_and_defaults_alone(tmp_path):
    """A scope of its own would be another account's."""
    (tmp_path / "more.toml").write_text('[scope]\ngroup = "h"\n[job.c]\nurl = "u"\n')
    main = tmp_path / "main.toml"
    main.write_text('include = ["more.toml"]\n' + JOB)
    with pytest.raises(
        ManifestError, match=r"more\.toml:1: scope: an included file has no 'scope'"
    ):
        Manifest.load(main, environ={})


def test_the_whole_example_is_read():
    """Variables, secrets, defaults, headers, and the tables of an environment."""
    wanted = Manifest.loads(FULL, env="staging", environ=ENVIRON).wanted
    jobs = {job.name: job for job in wanted.jobs}
    assert list(jobs) == ["import", "invoice reminder", "nightly report"]
    report = jobs["nightly report"]
    assert report.values == {
        "timezone": "Europe/Berlin",
        "timeout": 60,
        "notify": True,
        "url": "https://staging.example.com/report?at=__timestamp__",
        "expression": "30 3 * * *",
        "http_method": "POST",
        "post_data": '{"kind": "nightly"}',
        "http_headers": {"Authorization": f"Bearer {ENVIRON['REPORT_TOKEN']}"},
    }
    assert report.variables == {"http_headers.Authorization": ("REPORT_TOKEN",)}
    assert "timeout" not in jobs["invoice reminder"].values
    assert jobs["import"].enabled is False
    assert wanted.scope.group == "billing staging"
    assert wanted.secrets == frozenset(ENVIRON.values())
    assert not any(secret in repr(wanted) for secret in ENVIRON.values())


def test_variables_are_expanded_once():
    """`$${` is a plain `${`, a default takes the place of an unset or empty variable."""
    text = JOB + 'filter = "$${A} ${V} ${B:-}${C:-x y}"\n[vars]\nV = "${A}"\n'
    (job,) = Manifest.loads(text, environ={"C": ""}).wanted.jobs
    assert job.values["filter"] == "${A} ${A} x y"


def test_a_job_that_says_otherwise_goes_before_defaults_and_an_environment_before_both(tmp_path):
    """Headers are merged one by one, and their names ignore case."""
    (tmp_path / "more.toml").write_text(
        '[defaults]\ntimeout = 20\n[job.c]\nurl = "u"\nhttp_headers.x-a = "c"\n'
    )
    main = tmp_path / "main.toml"
    main.write_text(
        'include = ["m*.toml"]\n' + JOB + '[defaults]\ntimeout = 10\nhttp_headers.X-A = "d"\n'
        'http_headers.X-B = "d"\n[env.e.job."a b"]\ntimeout = 30\n[env.e.job.n]\nurl = "n"\n'
        "[env.e.defaults]\ndelay = 5\n",
    )
    jobs = {job.name: job.values for job in Manifest.load(main, env="e", environ={}).wanted.jobs}
    headers = {"X-A": "d", "X-B": "d"}
    common = {"delay": 5, "http_headers": headers}
    assert jobs["a b"] == {"url": "https://example.com/", "timeout": 30} | common
    assert jobs["n"] == {"url": "n", "timeout": 10} | common
    assert jobs["c"] == {
        "url": "u",
        "timeout": 20,
        "delay": 5,
        "http_headers": {"X-B": "d", "x-a": "c"},
    }
