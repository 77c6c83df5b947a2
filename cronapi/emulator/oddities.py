"""What a lenient emulator takes and a service may not: the warnings in an answer's header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronapi.emulator.checks import plain_name
from cronapi.emulator.eras import BEARER
from cronapi.emulator.parameters import Signature, other_case, signature
from cronapi.emulator.service import functions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cronapi.emulator.call import Settings
    from cronapi.emulator.request import Request

_LONGEST = 500


def warning_of(
    path: str,
    request: Request,
    given: Mapping[str, object],
    settings: Settings,
    *,
    form: bool,
) -> str | None:
    """Return one line about the oddities of a request, `None` if there is none."""
    found = list(_oddities(path, request, given, settings, form=form))
    return "; ".join(found)[:_LONGEST] if found else None


def _oddities(
    path: str,
    request: Request,
    given: Mapping[str, object],
    settings: Settings,
    *,
    form: bool,
) -> Iterator[str]:
    if form:
        yield "the body is a multipart form"
    provider, function = request.provider, request.function
    if request.bearer and provider == "fastcron" and not settings.knows_bearer:
        yield f"the token is in the header {BEARER}"
    known = (settings.era, settings.undocumented)
    if function not in functions(provider, *known):
        return
    if provider == "fastcron" and path.endswith(f"/{function}"):
        yield "the function has a dot"
    spec = signature(provider, function, *known)
    yield from _names(spec, given)
    for name, value in given.items():
        if spec.kinds.get(name) == "string" and isinstance(value, int | float):
            yield f"{name} is no string"


def _names(spec: Signature, given: Mapping[str, object]) -> Iterator[str]:
    cases = other_case(spec, given)
    for name in given:
        if name in cases:
            yield f"{name} is spelt {cases[name]}"
        elif name not in spec.kinds:
            yield f"{plain_name(name)} is unknown and without effect"
