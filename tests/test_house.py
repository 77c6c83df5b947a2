"""The house rules: what may import what, which names are public, where everything is, and how long
a function may get.
"""

from __future__ import annotations

import ast
import functools
import re
import statistics
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import cronapi
from cronapi import Client, FastCron, SetCronJob, errors
from cronapi._functions import TABLE, offered_by
from cronapi.emulator import functions
from cronapi.namespaces.account import AccountNamespace
from cronapi.namespaces.cron import CronNamespace
from cronapi.namespaces.group import GroupNamespace
from cronapi.namespaces.server import ServerNamespace
from scripts import call_path, prose

HOUSE = Path(cronapi.__file__).parent
SAMPLES = Path(__file__).parent / "samples"
MODULES = {
    path.relative_to(HOUSE).with_suffix("").as_posix(): path for path in sorted(HOUSE.rglob("*.py"))
}

FLOORS = {
    "errors": 0,
    "_names": 0,
    "_logs": 0.15,
    "_logs/setting": 0.25,
    "_logs/lines": 0.2,
    "_protocol/facts": 0.1,
    "_lazy": 0,
    "_protocol/version": 0,
    "_protocol": 0,
    "_protocol/encoded": 0.05,
    "_protocol/json_text": 0.05,
    "_protocol/redaction": 0.1,
    "_protocol/arguments": 0.1,
    "_protocol/hidden": 0.2,
    "schedule": 0.5,
    "models": 1,
    "_protocol/ids": 1.05,
    "_functions": 1.1,
    "providers": 1.2,
    "_protocol/values": 2,
    "_protocol/readings": 2,
    "_protocol/declared": 0,
    "_protocol/kinds": 2.1,
    "_protocol/losses": 2.15,
    "_protocol/params": 2.2,
    "_protocol/rows": 2.3,
    "_protocol/encoding": 2.3,
    "_protocol/converter": 2.1,
    "_protocol/structure": 2.2,
    "_protocol/request": 2.1,
    "_protocol/response": 2.1,
    "scheduler": 3,
    "emulator": 3,
    "_calls": 4,
    "_calls/admission": 4.1,
    "_calls/answer": 4.1,
    "_calls/lost_create": 4.68,
    "_calls/given": 4.2,
    "_calls/tasks": 4.1,
    "_calls/turns": 4.1,
    "_calls/open_readings": 4.05,
    "_calls/retry": 4.1,
    "_calls/memory": 4.1,
    "_calls/shifts": 4.1,
    "_calls/pages": 4.2,
    "_calls/spelling": 4.1,
    "_calls/exchange": 4.1,
    "_calls/http_client": 4.1,
    "_calls/http_request": 4.15,
    "_calls/no_cookies": 4.05,
    "_calls/decoding": 4.1,
    "_calls/body": 4.15,
    "_calls/progress": 4.1,
    "_calls/transport": 4.2,
    "_calls/matching": 4.2,
    "_calls/foreign": 4.2,
    "_calls/creates": 4.15,
    "_calls/options": 4.2,
    "_calls/outage": 4.2,
    "_calls/lookup": 4.3,
    "_calls/absence": 4.4,
    "_calls/caller": 4.5,
    "_calls/sender": 4.6,
    "_calls/failures": 4.65,
    "_calls/call": 4.7,
    "_batch": 5,
    "_batch/results": 5.1,
    "_batch/limits": 5.1,
    "_batch/parts": 5.2,
    "_batch/calls": 5.2,
    "_batch/twins": 5.25,
    "_batch/adding": 5.3,
    "_batch/deleting": 5.3,
    "_batch/editing": 5.3,
    "_batch/getting": 5.3,
    "_coalesce": 6.5,
    "_coalesce/order": 6.1,
    "_coalesce/shared": 6.2,
    "_coalesce/sharing": 6.3,
    "_coalesce/merger": 6.4,
    "bulk": 6,
    "health": 6.8,
    "health/verdict": 6.61,
    "health/log": 6.612,
    "health/sightings": 6.61,
    "health/expected": 6.615,
    "health/lateness": 6.62,
    "health/judging": 6.63,
    "health/order": 6.64,
    "health/gathering": 6.64,
    "health/report": 6.64,
    "health/formats/plain": 6.65,
    "health/formats/table": 6.66,
    "health/formats/openmetrics": 6.66,
    "health/formats/nagios": 6.66,
    "health/formats/github": 6.66,
    "health/formats": 6.67,
    "health/check": 6.7,
    "namespaces": 7,
    "client": 8,
    "webhooks": 8.5,
    "webhooks/notification": 3,
    "webhooks/secret": 3,
    "webhooks/hiding": 3.1,
    "webhooks/incoming": 3,
    "webhooks/weight": 3.1,
    "webhooks/dedupe": 3.1,
    "webhooks/redis_dedupe": 3.2,
    "webhooks/cron_call": 3.2,
    "webhooks/backlog": 4.2,
    "webhooks/handling": 4.2,
    "webhooks/verifying": 8.1,
    "manifest": 8.5,
    "cli": 9,
    "__main__": 10,
    "pytest_plugin": 9,
}
"""The floor of each room, or of each file where the order inside a room matters.

A file imports only from lower floors, and freely inside a room whose files have no floors of their
own. A new room gets a row here.
"""

PUBLIC = [
    *("FASTCRON", "SETCRONJOB"),
    *("APIError", "Account", "Applied", "Attempt", "AuthenticationError", "Bulk", "BulkError"),
    *("Client", "ConfigurationError", "ConnectionFailedError", "Cost"),
    *(
        "CronAPIError",
        "CronJob",
        "Done",
        "EnsureParams",
        "Execution",
        "Failed",
        "FastCron",
        "Group",
    ),
    *("JobParams", "JobSpec", "JobStatus", "Loss", "ManifestError", "NewJobParams"),
    *("NotFoundError", "NotTried"),
    *(
        "Notification",
        "Notify",
        "Outcome",
        "OutcomeUnknownError",
        "Provider",
        "Rate",
        "RedirectError",
        "Report",
        "RequestTimeoutError",
        "ResponseError",
    ),
    *(
        "RetryPolicy",
        "Scheduler",
        "SchedulerError",
        "SchedulerStats",
        "ServerAddress",
        "ServiceUnavailableError",
        "SetCronJob",
    ),
    *("StatusError", "TransportError", "Unknown", "UnsafePlanError", "UnsupportedFunctionError"),
    *("WaitTooLongError", "WebhookError"),
]

NAMESPACES = {
    "cron": CronNamespace,
    "group": GroupNamespace,
    "account": AccountNamespace,
    "server": ServerNamespace,
}


def own_and_inherited(cls):
    """Return the public methods of a class by name, each with the class that defines it."""
    return {
        name: (home, value)
        for home in reversed(cls.__mro__[:-1])
        for name, value in vars(home).items()
        if not name.startswith("_") and (callable(value) or hasattr(value, "fget"))
    }


def room_of(module):
    """Return the room of a module: its package, or its own name."""
    return module.partition("/")[0]


ROOMS = sorted({room_of(module) for module in MODULES})


def modules_of(room):
    return [module for module in MODULES if room_of(module) == room]


@functools.cache
def trees():
    """Return the tree of each module, which is read only where its tests run."""
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


@functools.cache
def nodes_of(tree):
    """Return every node of a tree, which many tests look through."""
    return tuple(ast.walk(tree))


def imports(tree, *, typing=False):
    """Yield the dotted names that a tree imports, those under `if TYPE_CHECKING` only with
    `typing`.
    """
    hidden = (
        set() if typing else {id(node) for block in typing_blocks(tree) for node in ast.walk(block)}
    )
    for node in nodes_of(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def typing_blocks(tree):
    return [
        node
        for node in nodes_of(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]


def calls(tree):
    """Yield the text of what a tree calls, such as `anyio.sleep`."""
    return (ast.unparse(node.func) for node in nodes_of(tree) if isinstance(node, ast.Call))


def functions_of(tree):
    return [
        node for node in nodes_of(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def length(function):
    """Return the lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


BLOCKS = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
)


def nesting(node):
    """Return how deep the blocks of a function are nested; a function inside counts for itself, an
    elif as one with its if.
    """
    deepest = 0
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(
                child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
            ):
                continue
            chained = (
                isinstance(node, ast.If)
                and isinstance(child, ast.If)
                and field == "orelse"
                and len(value) == 1
            )
            deepest = max(deepest, nesting(child) + (isinstance(child, BLOCKS) and not chained))
    return deepest


def found_in(tree, name):
    """Return the function of this name in a piece of source."""
    return next(function for function in functions_of(ast.parse(tree)) if function.name == name)


# --- layers --------------------------------------------------------------------------------------


def floor_of(module):
    """Return the row of FLOORS that a module stands on: its own, or that of its room."""
    rows = [row for row in (module, room_of(module)) if row in FLOORS]
    assert rows, f"{module} has no floor yet: give its room one in FLOORS"
    return rows[0]


def known_to(module):
    """Yield the modules of cronapi that a module imports from."""
    for name in imports(trees()[module], typing=True):
        path = name.removeprefix("cronapi.").replace(".", "/")
        candidates = [path, path.rpartition("/")[0], f"{path}/__init__"]
        if name.startswith("cronapi."):
            yield next(
                other for other in candidates if other in MODULES or f"{other}/__init__" in MODULES
            )


@pytest.mark.parametrize("room", [name for name in ROOMS if name != "__init__"])
def test_imports_point_down(room):
    """A module imports from lower floors only, inside its own package too."""
    assert [upward for module in modules_of(room) for upward in imported_upward(module)] == []


def imported_upward(module):
    """Yield what a module imports from its own floor or a higher one."""
    mine = floor_of(module.removesuffix("/__init__"))
    others = {floor_of(other.removesuffix("/__init__")) for other in known_to(module)} - {mine}
    for other in sorted(others):
        if FLOORS[other] >= FLOORS[mine]:
            yield f"{module} imports {other}"


def test_the_front_door_is_all_the_top_of_the_package_has():
    """`cronapi/__init__.py` holds imports, tables of names and one call of `lazy`, no logic."""
    tree = trees()["__init__"]
    kinds = {type(node) for node in tree.body}
    assert kinds == {ast.Expr, ast.ImportFrom, ast.Assign, ast.If}
    for_types, for_runtime = (node for node in tree.body if isinstance(node, ast.If))
    assert typing_blocks(tree) == [for_types]
    assert {type(node) for node in for_types.body} == {ast.ImportFrom}
    assert ast.unparse(for_runtime) == (
        "if not TYPE_CHECKING:\n    __getattr__, __dir__ = lazy(__name__, _HOMES, _MODULES)"
    )
    assert list(calls(tree)) == ["lazy"]
    assert not functions_of(tree)


def test_the_lists_of_the_front_door_agree():
    """The table, the imports for type checkers and `__all__` have the same names and homes."""
    tree = trees()["__init__"]
    typed = set(imports(tree, typing=True)) - set(imports(tree))
    assert typed == {f"{home}.{name}" for name, home in cronapi._HOMES.items()}
    assert list(cronapi._HOMES) == cronapi.__all__


def known_of_cronapi(room):
    """Return what a room imports of cronapi, each with the module that does."""
    return {
        (module, name)
        for module in modules_of(room)
        for name in imports(trees()[module], typing=True)
        if name.split(".")[0] == "cronapi"
    }


def test_the_emulator_shares_nothing_with_the_client():
    """The judge imports nothing of cronapi outside itself but the schedule language, which has
    judges of its own, so that client and judge cannot share a mistake.
    """
    known = known_of_cronapi("emulator")
    allowed = ("cronapi.emulator.", "cronapi.schedule.")
    assert known
    assert [use for use in known if not use[1].startswith(allowed)] == []


def test_the_schedule_language_is_pure():
    """Its room knows of cronapi only the errors, and asks neither a clock nor the system."""
    known = known_of_cronapi("schedule")
    allowed = ("cronapi.schedule.", "cronapi.errors.")
    assert known
    assert [use for use in known if not use[1].startswith(allowed)] == []
    for module in modules_of("schedule"):
        tree = trees()[module]
        assert not set(calls(tree)) & {"datetime.now", "date.today", "open"}, module
        roots = {name.partition(".")[0] for name in imports(tree)}
        assert not roots & {"time", "os", "io"}, module


def test_only_the_transport_speaks_http():
    """No other module imports httpx or httpx2 at run time, but that by which emulated jobs call."""
    speakers = {
        module
        for module in MODULES
        if {name.split(".")[0] for name in imports(trees()[module])}
        & {"httpx", "httpx2", "httpcore"}
    }
    assert speakers == {"_calls/http_client", "emulator/runner/sending"}


def test_only_the_scheduler_and_the_emulator_wait_for_time():
    """Nobody else sleeps, under whatever name."""
    waiting = {
        room_of(module)
        for module in MODULES
        if any(call.split(".")[-1] == "sleep" for call in calls(trees()[module]))
    }
    assert waiting == {"scheduler", "emulator"}
    bare = {
        module
        for module in MODULES
        if any(name.endswith(".sleep") for name in imports(trees()[module]))
    }
    assert not bare


def test_only_one_room_logs():
    """Every line of the log is a row of one table, and no other room knows the logging module."""
    logging = {
        room_of(module)
        for module in MODULES
        if any(name.split(".")[0] == "logging" for name in imports(trees()[module]))
    }
    assert logging == {"_logs"}


def test_answers_are_read_where_the_refusal_is_caught():
    """A StructureError is for cronapi alone: each call of `structure` has a handler around it."""
    bare = []
    for module in MODULES:
        uses = [node for node in nodes_of(trees()[module]) if is_call_of(node, "structure")]
        caught = {
            id(inner)
            for node in nodes_of(trees()[module])
            if isinstance(node, ast.Try)
            and any("StructureError" in ast.unparse(one.type or node) for one in node.handlers)
            for statement in node.body
            for inner in ast.walk(statement)
        }
        bare += [module for use in uses if id(use) not in caught]
    assert bare == []


def is_call_of(node, name):
    return isinstance(node, ast.Call) and ast.unparse(node.func) == name


_BROAD = re.compile(
    r"\s*(except\b[^#]*\b(Base)?Exception\b|except\s*:|.*suppress\([^#]*Exception\b)"
)
_REASON = re.compile(r"#\s*(noqa: [A-Z0-9, ]+ -- )?(?!noqa)\S+ \S+")


@pytest.mark.parametrize("room", ROOMS)
def test_a_handler_of_everything_says_why(room):
    """Beside or above each `except Exception` and `except BaseException` stands its reason."""
    broad = [
        f"{module}:{number}"
        for module in modules_of(room)
        for number, above, line in pairs_of_lines(module)
        if _BROAD.match(line) and not (_REASON.search(line) or above.lstrip().startswith("# "))
    ]
    assert broad == []


def pairs_of_lines(module):
    """Yield the number of each line of a module, the line above it, and the line."""
    lines = MODULES[module].read_text(encoding="utf-8").splitlines()
    return ((number, lines[number - 2], line) for number, line in enumerate(lines[1:], 2))


SETTINGS = ("_calls", "client", "providers", "scheduler")
"""Rooms that are given the program's settings, and no input of a call."""
INPUTS = ("_protocol", "models", "schedule")
"""Rooms that are given the input of calls, and no settings."""


def test_an_error_says_if_it_concerns_the_program_or_the_input_of_a_call():
    """A room of settings makes no error about input, and a room of input none about settings."""
    made = {name: set(calls(tree)) for name, tree in trees().items()}
    wrong = {
        *(
            name
            for name in made
            if in_one_of(SETTINGS, name) and {"ConfigurationError", "input_error"} & made[name]
        ),
        *(name for name in made if in_one_of(INPUTS, name) and "setting_error" in made[name]),
    }
    # The checks of settings, whichever room they are for, and of classes that a program adds.
    assert wrong == {"_protocol/arguments", "models/json_form"}


def in_one_of(rooms, module):
    return module.partition("/")[0] in rooms


def test_only_the_command_line_prints():
    """No module outside cli/ prints or writes to the standard streams."""
    printing = {
        room_of(module)
        for module in MODULES
        if {"print", "sys.stdout.write", "sys.stderr.write"} & set(calls(trees()[module]))
    }
    assert printing <= {"cli"}


@pytest.mark.parametrize(
    "module",
    ["cronapi", "cronapi.models", "cronapi.errors", "cronapi.schedule", "cronapi.webhooks"],
)
def test_an_import_costs_no_http_client(module):
    """Importing cronapi, its models or its errors loads neither httpx nor anything of the
    extras.
    """
    script = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert module in loaded
    assert not loaded & {
        "httpx",
        "httpx2",
        "httpcore",
        "click",
        "rich",
        "starlette",
        "uvicorn",
        "trio",
        "cronsim",
        "pytest",
        "redis",
    }


# --- names ---------------------------------------------------------------------------------------


def test_the_public_names_are_these():
    """What `from cronapi import *` gives is decided here, not by accident, in the order that ruff
    sorts `__all__`.
    """

    def as_ruff_does(name):
        return (0 if name.isupper() else 1, name)

    assert cronapi.__all__ == PUBLIC
    assert sorted(PUBLIC, key=as_ruff_does) == PUBLIC


def test_every_error_is_public():
    """Each error class can be imported from the top of the package, and is a CronAPIError."""
    classes = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert set(classes) <= set(cronapi.__all__)
    assert all(issubclass(error, cronapi.CronAPIError) for error in classes.values())


def test_every_error_is_in_the_tree_that_is_drawn():
    """The docstring of errors.py draws each error below its base."""
    drawn = errors.__doc__.split()
    assert all(
        name in drawn
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    )


def test_every_public_name_says_what_it_is():
    """Classes at the top of the package have a docstring of their own."""
    classes = [name for name in PUBLIC if not name.isupper()]
    own = {name: vars(getattr(cronapi, name)).get("__doc__") for name in classes}
    assert [name for name, text in own.items() if not (text or "").strip()] == []


@pytest.mark.parametrize("cls", [*NAMESPACES.values(), Client], ids=lambda cls: cls.__name__)
def test_every_public_method_says_what_it_does(cls):
    """The methods of the client and its namespaces have docstrings: they are the reference."""
    methods = own_and_inherited(cls)
    assert methods
    assert [name for name, (_, value) in methods.items() if not (value.__doc__ or "").strip()] == []


@pytest.mark.parametrize("cls", NAMESPACES.values(), ids=lambda cls: cls.__name__)
def test_every_function_says_whether_it_may_be_repeated(cls):
    """Who reads a method's docstring, or its class's, learns what a lost answer means."""
    for name, (home, method) in own_and_inherited(cls).items():
        if f"{cls.__module__.split('.')[-1]}.{name}" in TABLE:
            assert "repeated" in f"{method.__doc__} {home.__doc__}", name


# --- one place for everything --------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
def test_every_function_has_a_handler_in_the_emulator(provider):
    """The table and the emulator agree on what each service has."""
    assert offered_by(provider) == functions(provider)


@pytest.mark.parametrize("provider", ["fastcron", "setcronjob"])
def test_every_function_has_a_recorded_sample(provider):
    """There is a sample of every function's answer, and no sample of a function that a service does
    not have.
    """
    folders = {path.name for path in (SAMPLES / provider).iterdir()}
    assert folders - {"errors"} == offered_by(provider)
    assert all(any(path.iterdir()) for path in (SAMPLES / provider).iterdir())


@pytest.mark.parametrize("function", TABLE)
def test_every_function_has_a_method(function):
    """`cron.batch_add` of the table is `api.cron.batch_add`, a coroutine function with the same
    name.
    """
    target, action = function.split(".", 1)
    home, method = own_and_inherited(NAMESPACES[target])[action]
    assert method.__name__ == action
    assert method.__qualname__ == f"{home.__name__}.{action}"


@pytest.mark.parametrize(
    ("client", "service"), [(FastCron, "fastcron"), (SetCronJob, "setcronjob"), (Client, None)]
)
def test_a_client_offers_what_its_service_has(client, service):
    """The classes of a client's namespaces have the functions of its service, as the annotations
    that type checkers read say. A general client has all.
    """
    hints = typing.get_type_hints(client)
    for target, cls in client._offers.items():
        assert hints[target] is cls
        offered = {f"{target}.{name}" for name in own_and_inherited(cls)} & TABLE.keys()
        known = set(TABLE) if service is None else offered_by(service)
        assert offered == {name for name in known if name.startswith(f"{target}.")}


def test_methods_without_a_function_are_few():
    """What the namespaces offer beyond the services is only this."""
    own = {
        f"{target}.{name}"
        for target, cls in NAMESPACES.items()
        for name in dir(cls)
        if name[0] != "_" and callable(getattr(cls, name))
    }
    bulks = {
        f"cron.{action}_many"
        for action in ("add", "edit", "delete", "enable", "disable", "pause", "run", "get")
    }
    assert (
        own - set(TABLE)
        == {"cron.iterate", "cron.find", "cron.ensure", "cron.health", "group.delete_many"} | bulks
    )


# --- style ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", ROOMS)
def test_a_file_can_be_read_in_one_go(room):
    """No file is longer than 300 lines, and each begins by saying what it is for."""
    for module in modules_of(room):
        assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 300, module
        assert ast.get_docstring(trees()[module]), module


def test_the_root_holds_few_private_files():
    """At most three private files stand beside the public ones: all else has a room."""
    private = [name for name in MODULES if name.startswith("_") and "/" not in name]
    assert len([name for name in private if not name.startswith("__")]) <= 3


@pytest.mark.parametrize("room", ROOMS)
def test_a_function_can_be_seen_at_once(room):
    """No function has more than 40 lines or nests deeper than three."""
    for module in modules_of(room):
        for function in functions_of(trees()[module]):
            assert length(function) <= 40, f"{function.name} of {module}"
            assert nesting(function) <= 3, f"{function.name} of {module}"


def test_most_functions_are_short():
    """Nine functions in ten have fewer than 25 lines, and half have fewer than eight."""
    lengths = sorted(
        length(function) for tree in trees().values() for function in functions_of(tree)
    )
    assert lengths[len(lengths) * 9 // 10] < 25
    assert statistics.median(lengths) < 8


@pytest.mark.parametrize("room", ROOMS)
def test_a_class_is_named_for_what_it_is(room):
    """No class is called a manager, helper, util or implementation."""
    classes = [
        (module, node.name)
        for module in modules_of(room)
        for node in nodes_of(trees()[module])
        if isinstance(node, ast.ClassDef)
    ]
    vague = ("Manager", "Helper", "Util", "Utils", "Impl")
    assert [(module, name) for module, name in classes if name.endswith(vague)] == []


def test_docstrings_are_read_once():
    """Docstrings hold at most 9 indirect words in 1,000 and 5 semicolons in 100 sentences."""
    texts = [text for tree in trees().values() for text in prose.docstrings(tree)]
    assert prose.indirect_words(texts) <= 9
    assert prose.semicolons(texts) <= 5


def test_the_measure_of_prose_finds_what_it_counts():
    """A text full of indirect words and semicolons is seen as one."""
    texts = ["Whether it is what it seems; who knows. Nobody does."]
    assert prose.indirect_words(texts) == 300
    assert prose.semicolons(texts) == 50


async def test_an_uncontended_add_walks_through_few_rooms():
    """An add visits at most 8 rooms with at most 24 changes of room."""
    rooms = await call_path.rooms_of_an_add()
    assert len(set(rooms)) <= 8
    assert call_path.changes(rooms) <= 24
    assert {"namespaces", "_protocol", "_calls", "scheduler"} <= set(rooms)


def test_the_measures_measure():
    """The length leaves the docstring out; the nesting counts blocks, an elif once, and not what a
    function inside does.
    """
    source = '''
def f(x):
    """Say.

    More.
    """
    if x:
        pass
    elif x > 1:
        for _ in x:
            with x:
                def g():
                    if x:
                        pass
    return x
'''
    assert length(found_in(source, "f")) == 9
    assert nesting(found_in(source, "f")) == 3
    assert nesting(found_in(source, "g")) == 1
