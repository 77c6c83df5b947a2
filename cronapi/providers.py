"""The services as values: their addresses, rates and functions."""

from __future__ import annotations

import ipaddress
import math
import os
from contextlib import suppress
from urllib.parse import urlsplit

from attrs import Attribute, evolve, field, frozen

from cronapi._functions import offered_by
from cronapi._protocol.arguments import positive, refusal, switch, text
from cronapi._protocol.hidden import without_frames
from cronapi.errors import ConfigurationError
from cronapi.errors.concerns import setting_error


def _positive(_: object, attribute: Attribute[float], value: float) -> None:
    positive(f"{attribute.name} of a rate", "a positive number", value)


@frozen
class Rate:
    """At most `limit` requests in `per` seconds."""

    limit: float = field(validator=_positive)
    per: float = field(default=1.0, validator=_positive)

    def __attrs_post_init__(self) -> None:
        if not 0 < self.interval < math.inf:
            raise setting_error(f"A rate of {self.limit!r} in {self.per!r} s is out of range.")

    @property
    def interval(self) -> float:
        """The shortest time between two requests, in seconds."""
        return self.per / self.limit


_PORTS = {"https": 443, "http": 80}


def is_loopback(host: str) -> bool:
    """Return True if a host is this machine, judged by its name alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(url: str) -> tuple[str, str, int | None, str]:
    """Return the scheme, host, port and path of an address.

    An address that is refused is not repeated: a password may stand where the port should.
    """
    with suppress(ValueError):
        parts = urlsplit(url)
        host = parts.hostname or ""
        if host and "%" not in host and parts.port != 0:
            return parts.scheme, host, parts.port, parts.path
    raise setting_error(
        "base_url is not an address; give one like https://app.fastcron.com/api/v1/."
    )


def _base_url(url: str) -> str:
    """Return `url` in one spelling with a slash at its end. ConfigurationError if it is none."""
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or " " in url:
        raise setting_error(
            "base_url must be an address in printable ASCII, like https://app.fastcron.com/api/v1/."
        )
    if any(mark in url for mark in "?#@"):
        raise setting_error(
            "base_url must have no user, query or fragment: the token is sent apart."
        )
    scheme, host, port, path = _split(url)
    if scheme not in _PORTS:
        raise setting_error(f"base_url {url!r} must be https.")
    host = f"[{host}]" if ":" in host else host
    place = host if port in (None, _PORTS[scheme]) else f"{host}:{port}"
    return f"{scheme}://{place}{path.rstrip('/')}/"


def _text(_: object, attribute: Attribute[str], value: str) -> None:
    text(f"{attribute.name} of a provider", value)


def _switch(_: object, attribute: Attribute[bool], value: bool) -> None:
    switch(f"{attribute.name} of a provider", value)


def _rate(_: object, __: object, value: Rate) -> None:
    if not isinstance(value, Rate):
        raise refusal("rate of a provider", "a Rate", value)


def _names(_: object, attribute: Attribute[frozenset[str]], value: frozenset[str]) -> None:
    if not isinstance(value, frozenset) or not all(isinstance(name, str) for name in value):
        raise refusal(f"{attribute.name} of a provider", "a frozenset of names", value)


def _pages(_: object, __: object, value: tuple[str, ...]) -> None:
    if not isinstance(value, tuple) or not all(isinstance(page, str) for page in value):
        raise refusal("limiter_pages of a provider", "a tuple of texts", value)


def _check_encrypted(provider: Provider, _: Attribute[str], url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or provider.allow_http or is_loopback(parts.hostname or ""):
        return
    raise setting_error(
        f"base_url {url!r} must be https: the token would travel unencrypted. http is for "
        "loopback, and with allow_http=True for an emulator in a network of your own."
    )


@frozen(kw_only=True, cache_hash=True)
class Provider:
    """A hosted cron service of this family.

    Describe a third one with `attrs.evolve(FASTCRON, name=..., base_url=...)`. `separator` stands
    between target and action in its function names. `token_variable` is the environment variable of
    its token. `limiter_pages` are texts of its pages for a request over the rate limit. `bearer`
    means that it takes `Authorization: Bearer`. `notify_codes` means that `notify` is a code 0 to
    3, not a boolean. `allow_http` lets `base_url` be http for a host other than this machine, and
    the token travels unencrypted then. `lacks` are the parameters of a job that it does not take,
    or takes no more: a job that is copied to it loses them. `hides` are those that it takes, or has
    taken, and shows in no answer, by its documentation: a copy of a listed job cannot have them. A
    value of another type is a ConfigurationError.
    """

    name: str = field(validator=_text)
    base_url: str = field(converter=_base_url, validator=_check_encrypted)
    rate: Rate = field(validator=_rate)
    separator: str = field(validator=_text)
    functions: frozenset[str] = field(validator=_names)
    token_variable: str = field(validator=_text)
    bearer: bool = field(default=False, validator=_switch)
    notify_codes: bool = field(default=False, validator=_switch)
    allow_http: bool = field(default=False, validator=_switch)
    lacks: frozenset[str] = field(default=frozenset(), validator=_names)
    hides: frozenset[str] = field(default=frozenset(), validator=_names)
    limiter_pages: tuple[str, ...] = field(
        default=("503 Service Temporarily Unavailable", "429 Too Many Requests"), validator=_pages
    )

    def spell(self, function: str) -> str:
        """Return this service's own spelling of `target.action`."""
        return function.replace(".", self.separator, 1)


_ONLY_FASTCRON = ("filter", "delay", "user_agent", "notify_match", "notify_time", "keyword")
_ONLY_SETCRONJOB = ("second", "minute", "hour", "day", "month", "weekday", "retry", "retry_after")
_DROPPED_BY_FASTCRON = ("retry_failed", "ignore_http_status", "pattern")
"""Dropped from FastCron's documentation: the first two in 2024, the last in 2026.

Until then a job could have them, and no answer of either service has shown them.
"""
_HIDDEN_BY_BOTH = ("username", "password", "failure_threshold", *_DROPPED_BY_FASTCRON)
_SHOWN_UNTIL_2026 = ("notify_every",)
"""FastCron's answers had it until 2026-07-27."""

SETCRONJOB = Provider(
    name="setcronjob",
    base_url="https://www.setcronjob.com/api/",
    rate=Rate(10),
    separator=".",
    functions=offered_by("setcronjob"),
    token_variable="SETCRONJOB_TOKEN",  # noqa: S106 -- the name of a variable, not a token
    notify_codes=True,
    lacks=frozenset({*_ONLY_FASTCRON, "run", "payload"}),
    hides=frozenset({*_HIDDEN_BY_BOTH, "retry", "retry_after", "single", "dns_cache"}),
)
"""SetCronJob: 10 requests a second, `cron.list`."""

FASTCRON = Provider(
    name="fastcron",
    base_url="https://app.fastcron.com/api/v1/",
    rate=Rate(1),
    separator="_",
    functions=offered_by("fastcron"),
    token_variable="FASTCRON_TOKEN",  # noqa: S106 -- the name of a variable, not a token
    bearer=True,
    lacks=frozenset({*_ONLY_SETCRONJOB, *_DROPPED_BY_FASTCRON, "single", "dns_cache"}),
    hides=frozenset({*_HIDDEN_BY_BOTH, *_ONLY_FASTCRON, *_SHOWN_UNTIL_2026}),
)
"""FastCron: 1 request a second, `cron_list`.

Its documentation names https://www.fastcron.com/api/v1/ since 2026-06.
"""

_VARIABLES = {
    (FASTCRON.name, FASTCRON.base_url): "FASTCRON_BASE_URL",
    (SETCRONJOB.name, SETCRONJOB.base_url): "SETCRONJOB_BASE_URL",
}
"""The environment variable of each service's address. Another address is a service of its own."""


def located(provider: Provider, base_url: str | None, *, allow_http: bool) -> Provider:
    """Return a provider at an address, or at that of its environment variable, if it has one.

    ConfigurationError, with the variable's name, if the address cannot be used.
    """
    variable = _VARIABLES.get((provider.name, provider.base_url), "")
    given = os.environ.get(variable) if base_url is None else base_url
    if given is None:
        return provider
    try:
        if base_url is None and not given:
            raise setting_error("the variable is empty; unset it, or give an address.")
        return evolve(provider, base_url=given, allow_http=allow_http or provider.allow_http)
    except ConfigurationError as error:
        if base_url is not None:
            raise without_frames(error)  # noqa: B904 -- the same error
        text = f"{variable}: {error.message}"
    raise setting_error(text)
