"""Secrets in every place that can have one, of the file and of the account: no output has any."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote_plus

import pytest

from cronapi._protocol.encoded import find
from tests.support.emulated import TOKEN
from tests.support.manifests import HEAD, send
from tests.support.shell import shell_at

pytest.importorskip("tomlkit", reason="writing a manifest needs tomlkit")

PLACES = {
    "variable in a header": (
        'url = "https://h.example/1"\nhttp_headers.X-Trace = "a ${%s}"',
        {"url": "https://h.example/1", "httpHeaders": "X-Trace: b\r\nX-Api-Key: %s"},
    ),
    "header by its name": (
        'url = "https://h.example/2"\nhttp_headers.Authorization = "Bearer %s"',
        {"url": "https://h.example/2", "httpHeaders": "Authorization: Bearer %s"},
    ),
    "password of a url": (
        'url = "https://joe:${%s}@h.example/3"',
        {"url": "https://joe:%s@h.example/3"},
    ),
    "user of a url": ('url = "https://%s@h.example/4"', {"url": "https://%s@h.example/4"}),
    "query of a url": (
        'url = "https://h.example/5?sig=%s&a=1"',
        {"url": "https://h.example/5?a=2&access_token=%s"},
    ),
    "variable in a query": (
        'url = "https://h.example/6?x=${%s}"',
        {"url": "https://h.example/6?code=%s"},
    ),
    "body": (
        'url = "https://h.example/7"\npost_data = \'{"key": "%s"}\'',
        {"url": "https://h.example/7", "postData": '{"token": "%s"}'},
    ),
    "password": (
        'url = "https://h.example/8"\nusername = "joe"\npassword = "${%s}"',
        {"url": "https://h.example/8", "username": "joe", "password": "%s"},
    ),
}
"""Each place in a table of the file, and in a job of the account. `%s` is a secret."""
LOCAL, REMOTE = ([f"canary-{side}-{at}-xyz" for at in range(8)] for side in ("file", "account"))
NAMES = [f"C{at}" for at in range(8)]
ENVIRON = dict(zip(NAMES, LOCAL, strict=True)) | {"OLD": REMOTE[1], "NEW": "canary-new-secret"}
SECRETS = {*LOCAL, *REMOTE, "canary-new-secret"}
MOVE = ["migrate", "--from", "fastcron", "--to", "setcronjob", "--into", "moved", "-y"]
COMMANDS = [
    ["plan", "--prune", "--out", "plan.json", "--check-limit"],
    ["plan", "--json", "--resend-hidden"],
    ["plan", "--format", "markdown", "--resend-hidden", "--prune"],
    ["drift"],
    ["drift", "--json"],
    ["check", "--online"],
    ["check", "--json"],
    ["check", "--format", "github"],
    ["export", "--group", "g"],
    ["export", "--all", "--json"],
    ["adopt", "--match", "stray*", "-n"],
    ["adopt", "--match", "stray 0"],
    ["adopt", "--match", "stray*", "--json"],
    ["rotate", "--old-env", "OLD", "--new-env", "NEW", "--everywhere", "-n"],
    ["rotate", "--old-env", "OLD", "--new-env", "NEW", "--group", "g", "-y", "--json"],
    [*MOVE, "--out", "moved.toml"],
    [*MOVE, "--cutover", "--accept-losses", "--journal", "moves.jsonl", "--out", "cut.toml"],
    [*MOVE, "--cutover", "--accept-losses", "--journal", "moves.jsonl", "--json"],
    [*MOVE, "--back", "--journal", "moves.jsonl", "-n"],
    [*MOVE, "--back", "--journal", "moves.jsonl", "--json"],
    ["apply", "--prune", "--max-deletes", "9", "-n"],
    ["apply", "--prune", "--max-deletes", "9", "-y", "--undo", "undo.toml"],
    ["apply", "-y", "--json", "--resend-hidden"],
    ["apply", "plan.json"],
]
"""Every command for manifests, in an order in which each has something to do.

An export knows a secret by its place or its name alone, so it comes before an apply that brings the
values of the file's variables to the account.
"""
CODES = [3, 2, 3, *[2] * 5, *[0] * 5, 2, *[0] * 4, 2, 0, 2, 0, 0, 3]
ADDED = ["plan.json", "undo.toml", "moved.toml", "cut.toml", "moves.jsonl"]


def filled(shell):
    """Write the file, and fill the account with the same jobs but other values, and with others."""
    tables = [
        f'[job."{name}"]\n{text % (key if "${" in text else value)}\n'
        for (name, (text, _)), key, value in zip(PLACES.items(), NAMES, LOCAL, strict=True)
    ]
    (shell.file.parent / "cronjobs.toml").write_text(HEAD + "".join(tables))
    group = send(shell.app, "group.add", name="g")["id"]
    for (name, (_, members)), value in zip(PLACES.items(), REMOTE, strict=True):
        job = {key: text % value if "%s" in text else text for key, text in members.items()}
        send(shell.app, "cron.add", name=name, group=group, **job)
        for word, number in (("extra", group), ("stray", 0)):
            url = job["url"].replace("h.example/", f"{word}.example/")
            index = list(PLACES).index(name)
            send(
                shell.app,
                "cron.add",
                **job | {"name": f"{word} {index}", "url": url},
                **({"group": number} if number else {}),
            )


def test_no_command_shows_a_secret_of_the_file_or_of_the_account(tmp_path, monkeypatch, caplog):
    """On either stream, in its log, and in the files that it writes."""
    monkeypatch.chdir(tmp_path)
    with shell_at(tmp_path) as shell:
        filled(shell)
        hits, codes, written = walked(shell, tmp_path, caplog, SECRETS)
    assert hits == {}
    assert codes == CODES
    assert {name for name in ADDED if (tmp_path / name).exists()} == set(ADDED) - {"moves.jsonl"}
    assert written >= {*ADDED, "output", "stderr", "log"}


def test_the_search_for_secrets_finds_them_in_each_output_that_has_them(
    tmp_path, monkeypatch, caplog
):
    """The names of jobs are in all of them, and ids in the log and in the journal."""
    monkeypatch.chdir(tmp_path)
    with shell_at(tmp_path) as shell:
        filled(shell)
        names = {*PLACES, "stray 0", "cron.list"}
        ids = {str(job["id"]) for job in shell.emulator.jobs("fastcron")}
        hits, _, written = walked(shell, tmp_path, caplog, names | ids)
        shown = shell("export", "--all", "--secrets", "plain", CRONAPI_PROVIDER="fastcron").stdout
    assert {name for _, name in hits} == written - {"jobs.csv"}
    found = {shown[start:end] for start, end in find(shown, SECRETS)}
    assert found >= set(LOCAL[:7]), found  # the service does not show a password
    for secret in SECRETS:
        for text in (secret, quote_plus(f"a {secret}"), json.dumps({"key": f"'{secret}"})):
            assert find(f"before {text} after", SECRETS), text
        assert find(base64.b64encode(f"joe:{secret}".encode()).decode(), SECRETS), secret


def walked(shell, folder, caplog, secrets):
    """Give each command, and return the secrets in each output, the exit codes, and all outputs."""
    hits, codes, seen, outputs = {}, [], {}, set()
    file = folder / "cronjobs.toml"
    before, environ = file.read_text(), dict(ENVIRON)
    tokens = {"CRONAPI_PROVIDER": None, "SETCRONJOB_TOKEN": TOKEN, "CRONAPI_LOG": "debug"}
    caplog.set_level("DEBUG", "cronapi")
    for at, line in enumerate(COMMANDS):
        service = {} if line[0] == "migrate" else {"CRONAPI_PROVIDER": "fastcron"}
        caplog.clear()
        told = shell(*line, *["-vv"][: at % 2], **environ | tokens | service)
        assert not isinstance(told.exception, Exception), (line, told.exception)
        codes.append(told.exit_code)
        texts = {"output": told.stdout, "stderr": told.stderr, "log": caplog.text}
        texts |= {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}
        texts["cronjobs.toml"] = texts["cronjobs.toml"].removeprefix(before)
        for name, text in texts.items():
            outputs |= {name} if text else set()
            if seen.get(name) != text and (spans := find(text, secrets)):
                hits[" ".join(line), name] = [text[start:end] for start, end in spans]
        seen = texts
        if line[:2] == ["adopt", "--match"]:
            environ |= variables(texts["cronjobs.toml"])
    return hits, codes, outputs


def variables(text):
    """Return values for the variables of adopted tables."""
    return {part.partition("}")[0]: "value-of-it" for part in text.split("${")[1:]}
