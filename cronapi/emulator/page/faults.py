"""The faults as switches, and those to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.page.jobs import TITLES, button
from cronapi.emulator.page.markup import Html, Shown, element, joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cronapi.emulator.store import Document

_MOST = 50


def pending_rows(faults: Document, chaos: Mapping[str, float], shown: Shown) -> Html:
    """Return the faults to come, and the shares of those that strike for ever."""
    pending: Sequence[Document] = faults["pending"]
    rows = [element("li", _sentence(fault, shown)) for fault in pending[:_MOST]]
    if len(pending) > _MOST:
        rows.append(element("li", f"and {len(pending) - _MOST} more"))
    rows += [
        element("li", element("code", kind), f" strikes {share:.1%} of requests (chaos)")
        for kind, share in chaos.items()
    ]
    if not rows:
        return element("p", "No request will be struck.", class_="dim")
    drop = element("p", button("Drop all", "drop-faults")) if pending else None
    return joined([element("ul", *rows), drop])


def switches(faults: Document) -> Html:
    """Return a row for each kind: its effect, a switch, and a button for the next request."""
    on = {fault["kind"] for fault in faults["pending"] if _is_general(fault)}
    return joined(_switch(kind, effect, kind in on) for kind, effect in faults["kinds"].items())


def kinds(faults: Document) -> Html:
    """Return the options of the kinds."""
    return joined(element("option", kind, value=kind) for kind in faults["kinds"])


def _switch(kind: str, effect: str, is_on: bool) -> Html:
    act = f"drop-fault {kind}" if is_on else f"keep-fault {kind}"
    word = "On" if is_on else "Off"
    return element(
        "li",
        element("div", element("code", kind), element("span", effect, class_="sub")),
        button("Once", f"fault {kind}", f"Once: {kind} strikes the next request"),
        button(
            word,
            act,
            f"{kind} strikes every request: {word}",
            **{"role": "switch", "aria-checked": "true" if is_on else "false"},
        ),
        id=f"fault-{kind}",
    )


def _is_general(fault: Document) -> bool:
    """Return True for a fault that strikes every request for ever."""
    limits = (fault["left"], fault["provider"], fault["function"], fault["match"] or None)
    return limits == (None,) * len(limits) and fault["share"] == 1


def _sentence(fault: Document, shown: Shown) -> Html:
    left, whose = fault["left"], fault["function"] or "every function"
    where = TITLES.get(fault["provider"] or "", "")
    match = ", ".join(f"{name} {shown(value, 40)}" for name, value in fault["match"].items())
    often = "always" if left is None else "once" if left == 1 else f"{left} times"
    parts = [often, shown(whose), where, f"where {match}" if match else ""]
    if fault["share"] < 1:
        parts.append(f"{fault['share']:.0%} of them")
    if fault["seconds"]:
        parts.append(f"{fault['seconds']:g} s")
    return joined([element("code", fault["kind"]), " ", " · ".join(part for part in parts if part)])
