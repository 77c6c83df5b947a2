"""The Dockerfile and the compose example: read, and their command lines run as they stand."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.emulated import TOKEN
from tests.support.judges import free_port
from tests.support.shop import ended

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "examples" / "compose"


def dockerfile():
    """Return the instructions with their words, in order."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def last(name):
    return [words for instruction, words in dockerfile() if instruction == name][-1]


def compose(lines=None):
    """Return the mappings of the compose file, whose lists are all written in brackets."""
    lines = lines or [
        line
        for line in (COMPOSE / "compose.yaml").read_text().splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    found, depth = {}, len(lines[0]) - len(lines[0].lstrip())
    for number, line in enumerate(lines):
        name, _, value = line.strip().partition(": ")
        if len(line) - len(line.lstrip()) != depth:
            continue
        if value:
            found[name] = json.loads(value) if value[0] in "[{" else value
            continue
        inner = lines[number + 1 :]
        deeper = [len(one) - len(one.lstrip()) > depth for one in inner]
        found[name.rstrip(":")] = compose(inner[: [*deeper, False].index(False)])
    return found


def environment(port):
    """Return what the image sets, at another port."""
    pairs = (word.partition("=") for word in shlex.split(last("ENV")))
    image = {name: value for name, _, value in pairs}
    return {**os.environ, **image, "CRONAPI_EMULATOR_PORT": str(port)}


def here(words):
    """Return a command line of the image with the interpreter of these tests."""
    programs = {
        "cronapi": [sys.executable, "-c", "from cronapi.cli import main; main()"],
        "python": [sys.executable],
    }
    return [*programs[words[0]], *words[1:]]


def test_the_image_is_small_and_not_roots():
    """It is slim, runs as a user by number, listens on the port it exposes, and copies what is
    there and needed.
    """
    names = [name for name, _ in dockerfile()]
    assert dockerfile()[0] == ("FROM", "python:3.13-slim")
    assert names.index("USER") > names.index("RUN")
    assert last("USER").isdigit()
    assert int(last("USER")) > 0
    assert f"CRONAPI_EMULATOR_PORT={last('EXPOSE')}" in last("ENV")
    kept = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copies = [words.split()[:-1] for name, words in dockerfile() if name == "COPY"]
    assert sorted(name for copied in copies for name in copied) == sorted(kept)
    assert all((ROOT / name).exists() for name in kept if name != "cronapi")


def test_the_compose_file_fits_its_files():
    """Its volumes and files are there, and the program waits for a healthy emulator."""
    found = compose()
    services = found["services"]
    assert all((COMPOSE / service["build"]).resolve() == ROOT for service in services.values())
    for service in services.values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert source in found["volumes"] or (COMPOSE / source).exists()
    assert services["program"]["depends_on"] == {"emulator": {"condition": "service_healthy"}}
    assert services["program"]["environment"]["FASTCRON_TOKEN"] == TOKEN


def test_the_commands_of_the_files_work_together(tmp_path):
    """The entry point with the compose file's words serves its neighbours, the health check finds
    it, and the program makes its job.
    """
    services, port = compose()["services"], free_port()
    environ = environment(port)
    words = services["emulator"]["command"]
    words = [str(tmp_path / "jobs.db") if word == "/data/jobs.db" else word for word in words]
    healthy = here(json.loads(last("HEALTHCHECK").partition("CMD ")[2]))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    assert subprocess.run(healthy, env=environ, **quiet, check=False).returncode == 1
    command = [*here(json.loads(last("ENTRYPOINT"))), *words]
    with ended(subprocess.Popen(command, env=environ, **quiet)):
        waiting = [*healthy, "--wait"]
        assert subprocess.run(waiting, env=environ, **quiet, check=False).returncode == 0
        for host, status in (("emulator", 200), ("stranger", 403)):
            named = {"Host": f"{host}:8765"}
            answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/cron_list", headers=named)
            assert answer.status_code == status
        own = services["program"]["environment"]
        url = own["FASTCRON_BASE_URL"].replace("emulator:8765", f"127.0.0.1:{port}")
        program = here(services["program"]["entrypoint"][:1])
        run = subprocess.run(
            [*program, str(COMPOSE / "program.py")],
            env={**environ, **own, "FASTCRON_BASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.stdout == "100001 hello\n", run.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "127.0.0.1", "::1", "localhost"])
def test_an_emulator_is_ready_at_the_address_that_it_was_given(host):
    """`ready` asks this machine, also where the address stands for all of its own."""
    from cronapi.emulator import create_app, run_in_thread
    from cronapi.emulator.ready import is_ready

    with run_in_thread(create_app(), host=host) as origin:
        assert is_ready(host, int(origin.rpartition(":")[2]), 2)
