"""The README and the pages of docs/: their programs run as they are printed."""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import logging
import os
import re
import runpy
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from aiohttp.test_utils import TestClient, TestServer
from attrs import evolve, frozen

import cronapi
from cronapi import FASTCRON, SETCRONJOB, CronAPIError, Rate, WaitTooLongError
from cronapi.emulator import DEFAULT_TOKEN, create_app, run_in_thread
from cronapi.errors import HTTP_STATUS
from cronapi.errors.web import CONCERN_STATUS
from tests.support.judges import free_port
from tests.support.plain_client import plainly
from tests.support.redis_server import ABSENT, REDIS, redis_server

ROOT = Path(__file__).parent.parent
GENERATED = "docs/parameters.md"
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
PROSE = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*map(ROOT.joinpath, PAGES), *ROOT.glob("C*.md"), *ROOT.glob("benchmarks/*.md"))
}
BLOCK = re.compile(
    r"(?P<before>(?:[^\n]+\n)*)\n?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
FILE = re.compile(r"`(\w+\.(?:py|ini))`")
NOT_RUN = re.compile(r"<!-- not run: .+ -->")
TABLE_LINE, HEADING = re.compile(r"^\|"), re.compile(r"^#+ (.+)$", re.MULTILINE)
OUTPUTS = {"docs/web.md": "coalesce=True: 40 of 40 made", "README.md": "ping */5 * * * *"}


@frozen
class Block:
    """A fenced block of a page, and the file name that the paragraph before it gives."""

    page: str
    language: str
    text: str
    file: str | None
    is_run: bool


def blocks_of(page):
    for found in BLOCK.finditer(PAGES[page]):
        files = FILE.findall(found["before"])
        is_run = not NOT_RUN.search(found["before"])
        yield Block(page, found["language"], found["text"], files[0] if files else None, is_run)


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
PROGRAMS = [block for block in PYTHON if block.is_run and block.file is None]
APPS = [block for block in PYTHON if block.file == "app.py"]
WEB_APPS = [block for block in APPS if block.page == "docs/web.md"]
(WORKERS_APP,) = [block for block in APPS if block.page == "docs/processes.md"]
HOOKS = [block for block in APPS if block.page == "docs/notifications.md"]


def blocks(page, language):
    return [block for block in BLOCKS if (block.page, block.language) == (page, language)]


def output_of(*command, cwd=None):
    """Run a command and return what it prints; it must end well."""
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=50, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture
def service(monkeypatch):
    """Serve both without a limit, and FastCron with two jobs, to clients without any options."""
    app = create_app(rates={"fastcron": None, "setcronjob": None})
    with closing(app.emulator), run_in_thread(app) as origin:
        jobs = [{"url": f"https://example.com/{n}", "name": f"old {n}"} for n in range(2)]
        content = {"token": DEFAULT_TOKEN, "data": jobs}
        # To load certificates takes longer than the request, and longer than most programs.
        added = httpx.post(f"{origin}/api/v1/cron_batch_add", json=content, verify=False)
        added.raise_for_status()
        local = evolve(FASTCRON, base_url=f"{origin}/api/v1/", rate=Rate(1000))
        other = evolve(SETCRONJOB, base_url=f"{origin}/api/", rate=Rate(1000))
        monkeypatch.setattr("cronapi.client.FASTCRON", local)
        monkeypatch.setattr("cronapi.client.SETCRONJOB", other)
        monkeypatch.setattr(cronapi, "FASTCRON", local)
        monkeypatch.setenv("FASTCRON_TOKEN", DEFAULT_TOKEN)
        monkeypatch.setenv("SETCRONJOB_TOKEN", DEFAULT_TOKEN)
        yield app


@pytest.fixture(autouse=True)
def logging_as_before(monkeypatch):
    """Take back what a program has configured: others run in the same process."""
    root, own = logging.getLogger(), logging.getLogger("cronapi")
    for logger in (root, own):
        monkeypatch.setattr(logger, "handlers", [*logger.handlers])
    level, propagate = own.level, own.propagate
    yield
    own.setLevel(level)
    own.propagate = propagate


@pytest.fixture
def redis_url(monkeypatch):
    """Run a Redis server, which programs find by REDIS_URL."""
    if REDIS is None:
        pytest.skip(ABSENT)
    with redis_server() as server:
        monkeypatch.setenv("REDIS_URL", server.url)
        yield


@pytest.mark.parametrize(
    "program", PROGRAMS, ids=[f"{block.page}-{n}" for n, block in enumerate(PROGRAMS)]
)
def test_a_program_runs_as_it_is_printed(program, request, tmp_path, monkeypatch, capsys):
    """A user who copies a program into a file and runs it gets what the page says."""
    own_service = re.search(r"cronapi\.(emulator|schedule)\b", program.text)
    app = None if own_service else request.getfixturevalue("service")
    if "RedisBucket" in program.text:
        request.getfixturevalue("redis_url")
    if "FileBucket" in program.text:
        request.getfixturevalue("home")
    before = 0 if app is None else len(app.emulator.requests)
    path = tmp_path / "program.py"
    path.write_text(program.text)
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert app is None or len(app.emulator.requests) > before
    if own_service and program.page in OUTPUTS:
        assert OUTPUTS[program.page] in capsys.readouterr().out


def test_the_quick_start_runs_in_two_processes(tmp_path):
    """The emulator in one terminal and the program in the other, as printed but for the port."""
    _, command = [block.text.split() for block in blocks("README.md", "console")]
    (program,) = [block for block in PYTHON if block.file == "quickstart.py"]
    command[0] = str(Path(sysconfig.get_path("scripts")) / command[0])
    port = re.search(r"127\.0\.0\.1:(\d+)", program.text)[1]
    assert port in output_of(*command, "--help")
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as service:
        try:
            greeting = "".join(iter(service.stdout.readline, "Ctrl-C stops it.\n"))
            assert DEFAULT_TOKEN in greeting
            origin = re.search(r"127\.0\.0\.1:\d+", greeting)[0]
            path = tmp_path / program.file
            path.write_text(program.text.replace(f"127.0.0.1:{port}", origin))
            assert OUTPUTS["README.md"] in output_of(sys.executable, path)
        finally:
            service.terminate()


def test_the_pytest_example_passes_in_an_empty_folder(tmp_path):
    """The files of the page, pasted one by one, are a test suite that passes."""
    files = [block for block in BLOCKS if block.page == "docs/testing.md" and block.file]
    for block in files:
        (tmp_path / block.file).write_text(block.text)
    assert len(files) == len(list(tmp_path.iterdir())) == 4
    assert "3 passed" in output_of(sys.executable, "-m", "pytest", "-q", cwd=tmp_path)


@pytest.fixture
def web(request, service, tmp_path, monkeypatch):
    """Import one of the apps of docs/web.md as a server does."""
    with imported(WEB_APPS[request.param], tmp_path, monkeypatch) as app:
        yield app


@contextmanager
def imported(block, folder, monkeypatch):
    """Import an app from a folder."""
    (folder / block.file).write_text(block.text)
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("app", None)
    yield importlib.import_module("app")
    sys.modules.pop("app", None)


@pytest.mark.parametrize("web", [0], indirect=True)
async def test_the_fastapi_app_serves_users_and_tells_the_others_when_to_come_back(web, service):
    """Forty users who come at once have a job each; one whose wait is too long gets a 503."""
    transport = httpx.ASGITransport(web.app)
    async with (
        web.lifespan(web.app),
        httpx.AsyncClient(transport=transport, base_url="http://app") as browser,
    ):
        answers = await asyncio.gather(*(browser.post(f"/sign-ups/{n}") for n in range(40)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["job"] for answer in answers}) == 40
    late = await web.come_back(None, WaitTooLongError("", wait=5.0))
    assert (late.status_code, 5 <= int(late.headers["Retry-After"]) <= 15) == (503, True)


async def test_the_app_of_several_workers_shares_one_file(service, home, tmp_path, monkeypatch):
    """The app of docs/processes.md serves users, and its pace is in the user's directory."""
    with imported(WORKERS_APP, tmp_path, monkeypatch) as web:
        transport = httpx.ASGITransport(web.app)
        async with (
            web.lifespan(web.app),
            httpx.AsyncClient(transport=transport, base_url="http://app") as browser,
        ):
            answer = await browser.post("/sign-ups/ada")
    assert answer.status_code == 201
    assert len(list(home.rglob("*.sqlite3"))) == 1


@pytest.mark.judged
@pytest.mark.proof
async def test_the_workers_of_uvicorn_share_one_rate(tmp_path):
    """Two workers, started as the page says, make 30 jobs at one rate.

    The service refuses hardly any, apart from what it refuses a plain client at the same time. Only
    its address and the rate are others than on the page.
    """
    app = create_app(rates={"fastcron": 10, "setcronjob": 10})
    with closing(app.emulator), run_in_thread(app) as origin:
        text = WORKERS_APP.text.replace("FASTCRON.rate", "10")
        text = text.replace(
            "FastCron(", f"FastCron({DEFAULT_TOKEN!r}, base_url='{origin}/api/v1/', "
        )
        text = text.replace(", coalesce=True", "")
        (tmp_path / "app.py").write_text(text)
        with serving(tmp_path, "app:app", "--workers", "2") as address:
            async with httpx.AsyncClient(base_url=address, timeout=50) as browser:
                _, *answers = await asyncio.gather(
                    plainly(origin, 1.1 / 10, 30),
                    *(browser.post(f"/sign-ups/{n}", headers=CLOSE) for n in range(30)),
                )
        assert {answer.status_code for answer in answers} == {201}
        assert app.emulator.created("fastcron") == 30
        requests = Counter(request.provider for request in app.emulator.requests)
        assert requests["fastcron"] <= requests["setcronjob"] + 6


CLOSE = {"Connection": "close"}


@contextmanager
def serving(folder, *arguments):
    """Run uvicorn in a folder, with a pace file there, until the end of the block."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", *arguments, "--port", str(port)]
    environment = os.environ | {"PACE_FILE": str(folder / "pace"), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, env=environment) as server:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as probe:
                wait_for(lambda: probe.get("/docs"))
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def wait_for(answers):
    """Ask again and again until there is an answer."""
    for _ in range(1000):
        try:
            return answers()
        except httpx.ConnectError:
            time.sleep(0.02)
    raise TimeoutError


@pytest.mark.parametrize("web", [1], indirect=True)
async def test_the_aiohttp_app_serves_users(web, service):
    """Forty users who come at once have a job each."""
    async with TestClient(TestServer(web.make_app())) as browser:
        answers = await asyncio.gather(*(browser.post(f"/sign-ups/{n}") for n in range(40)))
        assert {answer.status for answer in answers} == {201}
    assert service.emulator.created("fastcron") == 42


@pytest.fixture
def hook(request, service, redis_url, tmp_path, monkeypatch):
    """Import one of the apps of docs/notifications.md as a server does."""
    (tmp_path / "app.py").write_text(HOOKS[request.param].text)
    for name in ("HOOK_SECRET", "OLD_HOOK_SECRET", "CRON_KEY"):
        monkeypatch.setenv(name, f"the-value-of-{name}")
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("app", None)
    yield importlib.import_module("app")
    sys.modules.pop("app", None)
    logging.getLogger("uvicorn.access").filters.clear()


async def posted(app, *requests):
    """Post to an ASGI app during its lifespan, and return the statuses."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app") as service,
    ):
        return [
            (await service.post(path, content=body, headers=headers)).status_code
            for path, body, headers in requests
        ]


def told(**members):
    return json.dumps({"id": 1, "time": int(time.time()), "status": 1, "name": "ping", **members})


@pytest.mark.parametrize(
    ("hook", "said"),
    [(0, "ping failed: 404"), (1, "ping failed: 404"), (4, "forged: ping")],
    indirect=["hook"],
)
async def test_a_receiver_of_fastapi_prints_each_notification_once(hook, said, capsys):
    """A notification to the secret address is printed once; another address is not there."""
    path = "/hooks/the-value-of-HOOK_SECRET"
    body = told(id=100001, httpStatus=404)
    requests = [(path, body, {})] * 2 + [(path, "none", {}), ("/hooks/guess", body, {})]
    assert await posted(hook.app, *requests) == [204, 204, 400, 404]
    assert capsys.readouterr().out == f"{said}\n"


@pytest.mark.parametrize("hook", [2], indirect=True)
async def test_the_receiver_of_aiohttp_prints_each_notification_once(hook, capsys):
    """The same with aiohttp."""
    async with TestClient(TestServer(hook.make_app())) as service:
        for secret, status in (("the-value-of-HOOK_SECRET", 204), ("guess", 404)):
            answer = await service.post(f"/hooks/{secret}", data=told(httpStatus=500))
            assert answer.status == status
    assert capsys.readouterr().out == "ping failed: 500\n"


@pytest.mark.parametrize("hook", [3], indirect=True)
def test_the_receiver_without_a_framework_prints_notifications(hook, capsys):
    """The same in a WSGI app."""
    statuses = []
    for secret, body in (("the-value-of-HOOK_SECRET", told(status=0)), ("guess", told())):
        environ = {"PATH_INFO": f"/{secret}", "CONTENT_LENGTH": str(len(body))}
        environ["wsgi.input"] = io.BytesIO(body.encode())
        list(hook.application(environ, lambda status, _: statuses.append(status[:3])))
    assert statuses == ["204", "404"]
    assert capsys.readouterr().out == "ping recovered: None\n"


@pytest.mark.parametrize("hook", [5], indirect=True)
async def test_the_endpoint_of_a_job_runs_each_call_once(hook, capsys):
    """A call with the key is handled once, and one without it is turned away."""
    now = int(time.time()) // 60 * 60
    path = f"/report/?job=7&at={now}"
    key = {"X-Cron-Key": "the-value-of-CRON_KEY"}
    answers = await posted(hook.app, *[(path, b"", given) for given in (key, key, {})])
    assert answers == [202, 202, 404]
    said = f"report of {datetime.fromtimestamp(now, UTC):%H:%M} for job 7\n"
    assert capsys.readouterr().out == said


def test_what_is_not_run_is_python_and_is_little():
    """A block that no test runs says why; it compiles, with the top-level await of a notebook."""
    not_run = [block for block in PYTHON if not block.is_run]
    for block in not_run:
        compile(block.text, block.page, "exec", flags=0x2000)  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    assert len(not_run) <= 3


def test_every_python_block_has_its_test():
    """A block with a file name is one of those that a test here writes to a file."""
    named = {(block.page, block.file) for block in PYTHON if block.is_run and block.file}
    tested = {("README.md", "quickstart.py"), *((app.page, "app.py") for app in APPS)}
    tested |= {("docs/testing.md", block.file) for block in BLOCKS}
    assert named <= tested
    assert (len(WEB_APPS), len(HOOKS)) == (2, 6)
    languages = {"python", "sh", "console", "ini", "text", "toml"}
    assert {block.language for block in BLOCKS} == languages


def test_the_first_two_commands_are_whole():
    """The first two sh blocks set up, and run the demo or the tests, in one line each."""
    demo, tests = [block.text for block in blocks("README.md", "sh")]
    assert demo.strip().endswith("cronapi demo")
    assert tests.strip().endswith("pytest -q")
    assert demo.count("\n") == tests.count("\n") == 1


def test_the_page_for_web_applications_has_the_status_of_each_error():
    """The table of docs/web.md is the one that `status_for` reads."""
    rows = re.findall(r"^\| (`\w+Error`.*?) \| (\d{3}) \|", PAGES["docs/web.md"], re.MULTILINE)
    told = {name: int(status) for names, status in rows for name in re.findall(r"\w+Error", names)}
    assert told == {kind.__name__: status for kind, status in HTTP_STATUS.items()}
    rows = re.findall(r"^\| `\"(\w+)\"` \|.*\| (\d{3}) \|", PAGES["docs/web.md"], re.MULTILINE)
    assert {concern: int(status) for concern, status in rows} == CONCERN_STATUS


def test_every_error_has_a_heading_and_the_readme_names_no_other():
    """docs/errors.md has a heading for each class, and the README's errors exist."""
    errors = {
        name
        for name in cronapi.__all__
        if isinstance(getattr(cronapi, name), type)
        and issubclass(getattr(cronapi, name), CronAPIError)
    }
    headings = set(HEADING.findall(PAGES["docs/errors.md"]))
    assert errors - {"CronAPIError"} <= headings
    table = PAGES["README.md"].partition("## Errors")[2].partition("## Comparison")[0]
    named = set(re.findall(r"`(\w+Error)`", table))
    assert len(named) > 4
    assert named <= errors


@pytest.mark.parametrize("page", [*PAGES, "benchmarks/results.md"])
def test_every_link_leads_somewhere(page):
    """A relative link names a file of the checkout, and its anchor a heading there."""
    text = PROSE[page]
    for target in re.findall(r"\]\(([^)#]*(?:#[^)]*)?)\)", text):
        place, _, anchor = target.partition("#")
        if place.startswith("https:"):
            continue
        path = (ROOT / page).parent / place if place else ROOT / page
        assert path.exists(), target
        headings = HEADING.findall(path.read_text(encoding="utf-8")) if anchor else ()
        assert not anchor or anchor in map(anchor_of, headings), target


def anchor_of(heading):
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")


def test_the_summary_of_the_benchmarks_has_their_figures():
    """Each number of an answer is in the section that the answer links to."""
    head, *sections = re.split(r"^## ", PROSE["benchmarks/results.md"], flags=re.MULTILINE)
    texts = {anchor_of(section.partition("\n")[0]): section for section in sections}
    answers = re.findall(r"^\| .+ \| (.+) \| \[.+\]\(#(.+)\) \|$", head, re.MULTILINE)
    assert len(answers) >= len(sections)
    assert {anchor for _, anchor in answers} == set(texts)
    for answer, anchor in answers:
        for number in re.findall(r"\d(?:[\d.,]*\d)?", answer):
            assert re.search(rf"(?<![\d.,]){re.escape(number)}(?!\d|[.,]\d)", texts[anchor]), answer


def test_a_benchmark_replaces_its_own_section():
    """What a benchmark writes is folded like the rest, in the old one's place."""
    replaced = runpy.run_path(str(ROOT / "benchmarks" / "results.py"))["replaced"]
    old = PROSE["benchmarks/results.md"]
    for title in re.findall(r"^## (.+)$", old, re.MULTILINE):
        section = re.search(rf"^## {title}\n.*?^</details>\n", old, re.DOTALL | re.MULTILINE)[0]
        text = section.partition("</summary>")[2].rpartition("</details>")[0]
        assert replaced(old, title, text) == old


@pytest.mark.parametrize("page", [page for page in PROSE if page != GENERATED])
def test_prose_is_100_columns_wide(page):
    """Text can be read in a terminal; tables and commands may be wider."""
    by_hand = PROSE[page].partition("<details>")[0]  # the rest is what the benchmarks write
    text = re.sub(r"^```sh$.*?^```$", "", by_hand, flags=re.DOTALL | re.MULTILINE)
    lines = [line for line in text.splitlines() if not TABLE_LINE.match(line)]
    assert [line for line in lines if len(line) > 100] == []


def test_the_readme_is_read_in_a_minute():
    """It is about 120 lines long, and no paragraph of it has more than 60 words."""
    text = PAGES["README.md"]
    assert len(text.splitlines()) <= 130
    paragraphs = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE).split("\n\n")
    prose = [part for part in paragraphs if not TABLE_LINE.match(part)]
    assert max(len(item.split()) for part in prose for item in part.split("\n- ")) <= 60
