"""What crowds do beyond adding and deleting: whatever they like with jobs of their own and of
others, all at once.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import anyio
from attrs import Factory, define

from cronapi import Applied, Client, CronAPIError, NotFoundError
from tests.support.chaos import SPEC, TASKS, Crowd, Scenario, in_rows, outcomes_of, parts, together
from tests.support.chaos_chronicle import SHOWN, Deed
from tests.support.chaos_judge import told_by

NAMES, GROUPS = 6, 12
TWINS = 0.1
WHAT = {"add": 6, "edit": 4, "get": 4, "find": 1, "delete": 2, "several": 3}
"""What somebody does next, with weights."""
FUNCTION = {
    "edit_many": "cron.edit",
    "enable_many": "cron.enable",
    "disable_many": "cron.disable",
    "delete_many": "cron.delete",
}


def shown(thing: Any) -> dict[str, Any]:
    """Return what a job or group shows, in the service's words."""
    names = {"id": "id"} | {name: "post_data" if name == "postData" else name for name in SHOWN}
    return {
        name: value
        for name, own in names.items()
        if (value := getattr(thing, own, None)) is not None
    }


def wire(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is sent in the service's words."""
    return {"postData" if name == "post_data" else name: value for name, value in spec.items()}


@define(eq=False)
class Ledger:
    """Writes down what is asked for, from when until when, and what is told."""

    crowd: Crowd
    deeds: list[Deed] = Factory(list)
    known: list[int] = Factory(list)
    names: dict[int, str] = Factory(dict)
    """The jobs that somebody was told of, and their names."""

    def begin(
        self, function: str, number: int | None, sent: Mapping[str, Any] | None = None
    ) -> Deed:
        """Write down that something is asked for now."""
        self.deeds.append(Deed(function, number, wire(sent or {}), self.crowd.moment()))
        return self.deeds[-1]

    async def ask(self, deed: Deed, call: Awaitable[Any]) -> Deed:
        """Make a call, perhaps only for a while, and write down what is told."""
        with self.crowd.patience(deed.number or deed.sent["name"]):
            try:
                answer = await call
                deed.told, deed.answer = (
                    ("done", shown(answer)) if answer is not None else ("absent", None)
                )
            except CronAPIError as error:
                self.fail(deed, error)
        deed.ended = self.crowd.moment()
        return deed

    def fail(self, deed: Deed, error: CronAPIError) -> None:
        """Write down an error. An edit of what is gone may have been carried out before."""
        absent = isinstance(error, NotFoundError) and error.applied is Applied.NO
        deed.error, deed.told = error, "absent" if absent else told_by(error)

    async def add(self, spec: Mapping[str, Any]) -> None:
        """Ask for a job."""
        deed = await self.ask(self.begin("cron.add", None, spec), self.crowd.api.cron.add(**spec))
        if deed.answer:
            self.known.append(number := deed.answer["id"])
            self.names[number] = spec["name"]

    async def change(self, what: str, number: int) -> None:
        """Get, edit or delete a job."""
        sent = {"post_data": f"text {len(self.deeds)}"} if what == "edit" else {}
        deed = self.begin(f"cron.{what}", number, sent)
        await self.ask(deed, getattr(self.crowd.api.cron, what)(number, **sent))

    async def find(self, number: int) -> None:
        """Look a job up by its name."""
        await self.ask(
            self.begin("cron.find", number), self.crowd.api.cron.find(self.names[number])
        )

    async def ensure(self, api: Client, name: str) -> Deed:
        """Make sure that there is a job of this name."""
        spec = {
            **SPEC,
            "name": name,
            "url": f"https://chaos.example/{name[-1]}",
            "post_data": f"text {len(self.deeds) // 2}",
        }
        return await self.ask(self.begin("cron.ensure", None, spec), api.cron.ensure(**spec))

    async def many(self, method: str, deeds: Sequence[Deed], bulk: Any) -> None:
        """Carry a bulk out, perhaps only a part of it, and write down what is told of each."""
        for deed, outcome in zip(
            deeds, await outcomes_of(self.crowd, bulk, method, len(deeds)), strict=True
        ):
            deed.ended = self.crowd.moment()
            if outcome is None:
                continue
            deed.told, deed.answer = outcome.status, outcome.value and shown(outcome.value)
            if outcome.status != "not_tried" and outcome.error is not None:
                self.fail(deed, outcome.error)


def ledgers(
    live: Callable[[Ledger, random.Random, float], Awaitable[None]],
    seconds: float,
    tasks: int = TASKS,
) -> Scenario:
    """Let so many tasks live for so many seconds, and write down what they do."""

    async def run(crowd: Crowd, seed: int) -> list[Deed]:
        ledger, until = Ledger(crowd), anyio.current_time() + seconds
        await together(
            live(ledger, random.Random(f"{seed} {number}"), until) for number in range(tasks)
        )
        return ledger.deeds

    return run


def mingled(seconds: float, tasks: int = TASKS) -> Scenario:
    """Let tasks add, read, edit and delete jobs of their own and of others, one thing after the
    other or several at once.
    """
    return ledgers(_mingle, seconds, tasks)


async def _mingle(ledger: Ledger, rng: random.Random, until: float) -> None:
    while anyio.current_time() < until:
        what = (
            rng.choices(list(WHAT), list(WHAT.values()))[0]
            if len(ledger.known) > TASKS // 2
            else "add"
        )
        if what == "add":
            name = (
                f"twin {rng.randrange(5)}" if rng.random() < TWINS else f"job {len(ledger.deeds)}"
            )
            await ledger.add({"name": name, "url": "https://chaos.example/", **SPEC})
            continue
        number = rng.choice(ledger.known[-TASKS:])
        if what == "several":
            await together(
                ledger.change(each, number)
                for each in rng.choices(["get", "edit", "delete"], [4, 4, 1], k=3)
            )
        elif what == "find" and not ledger.names[number].startswith("twin"):
            await ledger.find(number)
        else:
            await ledger.change("get" if what == "find" else what, number)


def ensured(seconds: float, tasks: int = 20) -> Scenario:
    """Let tasks, with a client or another, make sure that there are jobs of a few names, and
    sometimes delete one.
    """
    return ledgers(_ensure, seconds, tasks)


async def _ensure(ledger: Ledger, rng: random.Random, until: float) -> None:
    while anyio.current_time() < until:
        api = rng.choice(ledger.crowd.apis)
        deed = await ledger.ensure(api, f"name {rng.randrange(NAMES)}")
        if deed.answer and rng.random() < 0.2:
            await ledger.change("delete", deed.answer["id"])


def changed(count: int, size: int) -> Scenario:
    """Edit, disable, enable and delete jobs by bulks, a few of which are under way at once and meet
    on a job, and delete groups.

    Some bulks are left in the middle.
    """

    async def run(crowd: Crowd, seed: int) -> list[Deed]:
        ledger, rng = Ledger(crowd), random.Random(seed)
        await together(_add_group(ledger, f"group {number}") for number in range(GROUPS))
        groups = [deed.answer["id"] for deed in ledger.deeds if deed.answer]
        specs = [
            {
                "name": f"job {n}",
                "url": "https://chaos.example/",
                "group": rng.choice(groups),
                **SPEC,
            }
            for n in range(count)
        ]
        await together(in_rows(lambda some: _add(ledger, some), parts(specs, size)))
        work = [
            (method, part)
            for part in parts(ledger.known, size)
            for method in ("edit_many", "disable_many", "enable_many")
        ]
        rng.shuffle(work)
        going = ledger.known[::2]
        for part in [*parts(going, size), rng.sample(going, min(size, len(going)))]:
            work.insert(rng.randrange(len(work) // 2, len(work)), ("delete_many", part))
        rows = in_rows(lambda some: _change(ledger, rng, *some[0]), parts(work, 1))
        await together([*rows, _delete_groups(ledger, groups[::2])])
        return ledger.deeds

    return run


async def _add_group(ledger: Ledger, name: str) -> None:
    await ledger.ask(
        ledger.begin("group.add", None, {"name": name}), ledger.crowd.api.group.add(name)
    )


async def _delete_groups(ledger: Ledger, numbers: Sequence[int]) -> None:
    deeds = [ledger.begin("group.delete", number) for number in numbers]
    await ledger.many("group.delete", deeds, ledger.crowd.api.group.delete_many(numbers))


async def _add(ledger: Ledger, specs: Sequence[Mapping[str, Any]]) -> None:
    deeds = [
        ledger.begin("cron.add", None, {name: spec[name] for name in spec if name != "group"})
        for spec in specs
    ]
    await ledger.many("cron.batch_add", deeds, ledger.crowd.api.cron.add_many(specs))
    ledger.known += [deed.answer["id"] for deed in deeds if deed.answer]


async def _change(ledger: Ledger, rng: random.Random, method: str, numbers: Sequence[int]) -> None:
    cron, text = ledger.crowd.api.cron, {"post_data": f"text {len(ledger.deeds)}"}
    is_edit, batch = (
        method == "edit_many",
        ledger.crowd.api.provider.name == "fastcron" and rng.random() < 0.5,
    )
    deeds = [ledger.begin(FUNCTION[method], number, text if is_edit else {}) for number in numbers]
    bulk = (
        cron.edit_many([(n, text) for n in numbers], batch=batch)
        if is_edit
        else getattr(cron, method)(numbers)
    )
    await ledger.many(FUNCTION[method], deeds, bulk)
