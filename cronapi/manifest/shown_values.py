"""A value that a service shows, as a manifest has it, or the reason why none can have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cronapi._calls.spelling import header_pairs
from cronapi._protocol import kinds
from cronapi._protocol.arguments import is_encodable
from cronapi._protocol.encoding import encode_params
from cronapi._protocol.params import KIND_OF
from cronapi._protocol.values import to_bool, to_int
from cronapi.errors import ConfigurationError
from cronapi.manifest.compare import Row
from cronapi.manifest.fields import HEADERS
from cronapi.providers import Provider


def no_table(name: str, row: Row, provider: Provider) -> str:
    """Return the reason why a job cannot be a table, or nothing."""
    if not name.strip():
        return "had no name."
    if not is_encodable(name):
        return "had a name with half of a surrogate pair, which no file can have."
    if not row.get("url"):
        return "had no url."
    fault = fault_of("url", row["url"], provider)
    return f"had a url that no manifest can have. {fault}" if fault else ""


def fault_of(key: str, shown: Any, provider: Provider) -> str:
    """Return what is wrong with a shown value that no manifest could set, or nothing.

    A manifest with such a value could not be read again.
    """
    try:
        value = str(shown) if key == HEADERS else plain_value(key, shown, provider)
        encode_params({key: value}, provider, clear=False)
    except ConfigurationError as error:
        return str(error)
    except ValueError:
        return f"{key} has another type than expected."
    return ""


def plain_value(key: str, shown: Any, provider: Provider) -> Any:
    """Return a shown value as a manifest has it. ValueError if it has another type."""
    if key == HEADERS:
        pairs = header_pairs(str(shown))
        is_mapping = len({name.lower() for name, _ in pairs}) == len(pairs)
        return dict(pairs) if is_mapping else str(shown)
    if key == "notify":
        code = int(shown) if isinstance(shown, bool) else shown
        return to_int(code) if provider.notify_codes else to_bool(shown)
    return _READ.get(KIND_OF[key].form, _as_text)(shown)


def _as_text(value: object) -> object:
    return [str(item) for item in value] if isinstance(value, list | tuple) else str(value)


_READ: Mapping[Callable[..., Any], Callable[[Any], object]] = {
    kinds.whole_number: to_int,
    kinds.flag: to_bool,
}
