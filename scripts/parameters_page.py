"""Print docs/parameters.md, made from the tables and docstrings of the code.

python -m scripts.parameters_page > docs/parameters.md
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Sequence
from types import ModuleType

from cronapi import CronJob, JobParams, client, models
from cronapi._calls.matching import NOT_COMPARED
from cronapi._names import wire_name
from cronapi._protocol import declared, params
from cronapi.bulk import bulk
from cronapi.emulator.eras import RULES
from cronapi.emulator.parameters import JOB_PARAMETERS
from cronapi.models import job
from cronapi.namespaces import _many
from cronapi.schedule.reading import LIST_FIELDS

SERVICES = {"FastCron": "fastcron", "SetCronJob": "setcronjob"}
SHOWN = {era: {*rules.job, *LIST_FIELDS} for era, rules in RULES.items()}

TEXT = """\
# Parameters, fields and options

Made from the code's tables and docstrings; a test compares. The command is
`python -m scripts.parameters_page > docs/parameters.md`.

## What a job is made of

{JobParams}

These are the parameters of `cron.add`, `cron.edit`, `cron.ensure` and `JobSpec`, and the keys of
the mappings that bulks take. What is not given is not sent. In an edit None clears where that
column says so, and is refused elsewhere; in a new job it counts as not given. A parameter that a
service does not take is sent all the same. FastCron's documentation has since dropped
`ignore_http_status`, `retry_failed` (2024), `failure_threshold`, `notify_every`, `notify_match`,
`notify_time` and `pattern` (2026).

Each value is checked by the type in this table before anything is sent. A ConfigurationError names
the parameter, and repeats no value that may be a secret. True and False are no numbers where an
`int` stands, and 1 and 0 are no booleans where a `bool` stands. A member of an enum counts as its
value. A time may also be a float. An id may be the text of its digits. Text must be Unicode: half
of a surrogate pair cannot be sent. Headers given as text are lines that end with CR, LF or both,
and no other character ends one. In a mapping, names that differ in case alone are refused.
[results.md](results.md#headers) says how one of a job's headers is changed. The parameters of
`api.call` that cronapi does not know may be anything that JSON has, except an object.

A boolean, a number or a time may be given as text too, wherever a parameter is given: in a keyword
argument, in a JobSpec and in a row. It travels as the value that it stands for. "Text that is read"
has the spellings, in upper or lower case, and blanks around them are of no account. Nothing else is
converted: a number is no text, so the name "2024" stays text, and YAML has to quote it. A number
has no fraction but zeros, which spreadsheets and pandas write in a column with gaps.

A row is a mapping that `add_many`, `edit_many` or `batch_add` takes, such as a line of CSV or an
entry of YAML. Only a row may have empty cells. An empty cell in a new job is not set. In an edit an
empty text clears the parameter, as None does, and any other empty cell is not set. The error for a
row names its index and the column.

{reads}
"Shown" is whether the services' documentation has it among the fields of a job in an answer. What
is not shown is None in a `CronJob`, cannot be compared, and costs `cron.ensure` an edit each time.
Some recorded answers lack `timeout`, `instances`, `http_method` and `http_headers` too.

{parameters}
## What an answer says of a job

`CronJob`: {CronJob}

Every field but `id` may be None, where the service did not show it; what it shows beyond them is in
`extra`.

{fields}
## Options of a client

`Client(provider, token, ...)`, `FastCron(token, ...)`, `SetCronJob(token, ...)`: {Client}

{options}
`with_options`: {with_options}

{changes}
## Bulks

{BulkOptions}

{bulks}
{aliases}

At run time a `Row` is any mapping. To a type checker it is a `dict[str, Any]`, a row of
`csv.DictReader` or something else that was not typed. A literal is checked as the `NewJobParams` or
`JobParams` that it has to be, so a misspelt key is an error. Annotate a variable that holds one:
`jobs: list[NewJobParams] = [...]`.
"""


def page() -> str:
    """Return the page."""
    tables = {
        "parameters": parameters(),
        "reads": reads(),
        "fields": fields(),
        "options": options(),
        "bulks": bulks(),
        "aliases": aliases(),
    }
    said = {
        "JobParams": JobParams,
        "CronJob": CronJob,
        "Client": client.Client,
        "BulkOptions": _many.BulkOptions,
    }
    said |= {"with_options": client.Client.with_options}
    return TEXT.format(
        **tables, changes=changes(), **{name: inspect.getdoc(thing) for name, thing in said.items()}
    )


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table; a bar in a type does not end its cell."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )


def code(*texts: str) -> list[str]:
    """Return texts as code."""
    return [f"`{text}`" for text in texts]


def tree_of(module: ModuleType) -> list[ast.stmt]:
    """Return a module's syntax tree: types as they are written, the same on every Python."""
    return ast.parse(inspect.getsource(module)).body


def class_of(module: ModuleType, name: str) -> ast.ClassDef:
    """Return the syntax tree of a class."""
    return next(
        node for node in tree_of(module) if isinstance(node, ast.ClassDef) and node.name == name
    )


def annotations(module: ModuleType, name: str) -> dict[str, str]:
    """Return the types of a class's fields by name, choices in full."""
    nodes = (node for node in class_of(module, name).body if isinstance(node, ast.AnnAssign))
    return {node.target.id: kind(node.annotation) for node in nodes}


def kind(annotation: ast.expr) -> str:
    """Return a type as text; a name for a choice of texts is replaced by them."""
    parts = without_modules(ast.unparse(annotation)).split(" | ")
    return " | ".join(choices(getattr(client, part, None)) or part for part in parts)


def without_modules(text: str) -> str:
    """Return a type without the modules of its names."""
    return text.replace("bulk.bulk.", "").replace("rows.", "")


def choices(alias: object) -> str:
    """Return the texts of a choice, or nothing."""
    return (
        " | ".join(map(repr, alias.__args__))
        if getattr(alias, "__origin__", None) is client.Literal
        else ""
    )


def parameters() -> str:
    """Return the table of the parameters of a job."""
    rows = []
    for name, text in job_parameters().items():
        wire = wire_name(name)
        takers = ", ".join(
            label for label, service in SERVICES.items() if wire in JOB_PARAMETERS[service]
        )
        clears = "yes" if name in params.CLEARABLE else ""
        rows.append(
            [
                *code(name, text, wire),
                takers,
                clears,
                shown(wire),
            ]
        )
    return table(["parameter", "type", "on the wire", "who takes it", "None clears", "shown"], rows)


def job_parameters() -> dict[str, str]:
    """Return the types of the parameters of a job by name, those that a new job needs first."""
    classes = ("JobParams", "_Named", "_Settings")
    return {k: v for name in classes for k, v in annotations(declared, name).items()}


def reads() -> str:
    """Return the table of the texts that are read as values of other types."""
    hints = {name: hint.removesuffix(" | None") for name, hint in job_parameters().items()}
    rows = [
        [*code(hint), kind.reads, ", ".join(code(*(name for name in hints if hints[name] == hint)))]
        for hint, kind in params.KINDS.items()
        if kind.reads and hint in hints.values()
    ]
    return table(["type", "text that is read", "parameters"], rows)


def shown(wire: str) -> str:
    """Return until when a service shows a field."""
    if wire in NOT_COMPARED or wire not in SHOWN["seed"]:
        return "no"
    return "yes" if wire in SHOWN["latest"] else "until 2026"


def fields() -> str:
    """Return the table of the fields of a job."""
    wires, kinds = models.wire_names(CronJob), annotations(job, "CronJob")
    return table(
        ["field", "type", "on the wire"],
        [code(name, kinds[name], wire) for name, wire in wires.items()],
    )


def options() -> str:
    """Return the table of the options of a client."""
    made = next(
        node
        for node in class_of(client, "Client").body
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    )
    pairs = zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True)
    rows = [
        code(given.arg, kind(given.annotation), ast.unparse(default)) for given, default in pairs
    ]
    return table(["option", "type", "default"], rows)


def changes() -> str:
    """Return the table of the options of a view."""
    return table(
        ["option", "type"], [code(*pair) for pair in annotations(client, "CallOptions").items()]
    )


def bulks() -> str:
    """Return the table of the bulks."""
    common = [f"{name}: {text}" for name, text in annotations(_many, "BulkOptions").items()]
    methods = [
        node
        for node in class_of(_many, "ManyJobs").body
        if isinstance(node, ast.FunctionDef)
        and node.name.endswith("_many")
        and not node.decorator_list  # an overload
    ]
    rows = [
        [*code(node.name), ", ".join(code(*arguments(node.args.args[1:]))), own(node.args, common)]
        for node in methods
    ]
    return table(["bulk", "takes", "options"], rows)


def own(args: ast.arguments, common: Sequence[str]) -> str:
    """Return the options of one bulk."""
    return ", ".join(code(*arguments(args.kwonlyargs), *(common if args.kwarg else [])))


def arguments(args: Iterable[ast.arg]) -> list[str]:
    """Return arguments with their types."""
    return [f"{given.arg}: {kind(given.annotation)}" for given in args]


def aliases() -> str:
    """Return a sentence for each name that stands for a longer type."""
    nodes = [
        node for module in (_many, bulk) for node in tree_of(module) if isinstance(node, ast.Assign)
    ]
    pairs = [(node.targets[0].id, without_modules(ast.unparse(node.value))) for node in nodes]
    return " ".join(
        f"`{name}` is `{text}`." for name, text in pairs if name[0].isupper() and name != "T"
    )


if __name__ == "__main__":
    sys.stdout.write(page())
