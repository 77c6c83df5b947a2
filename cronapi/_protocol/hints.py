"""Names that cronapi does not have, and what is meant by them. They are hints, never accepted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict

_LIKE_ENOUGH = 0.75
"""The similarity from which a name is taken for another, misspelt."""


class NoOptions(TypedDict):
    """Options that do not exist. A type checker refuses them, and `refuse_options` says more."""


def _did_you_mean(name: str) -> str:
    return f"did you mean {name!r}?"


JOB_WORDS: Mapping[str, str] = {
    word: _did_you_mean(name)
    for name, words in {
        "expression": "cron crontab schedule cron_expression interval every period when",
        "post_data": "body data content form post raw_body",
        "http_headers": "headers header request_headers",
        "http_method": "method verb request_method",
        "timezone": "tz zone tzinfo time_zone",
        "username": "user login auth_user",
        "password": "passwd pwd auth_password",
        "name": "title label description",
        "url": "link uri href endpoint target address",
        "group": "group_id folder category project",
        "user_agent": "agent ua useragent",
        "instances": "concurrency max_instances overlap",
        "notify": "notification notifications alert alerts email",
        "retry": "retries max_retries attempts",
        "delay": "jitter",
    }.items()
    for word in words.split()
} | {
    "json": "did you mean 'post_data'? It takes text, such as json.dumps(...).",
    "auth": "did you mean 'username' and 'password'?",
    "params": "put a query into the url.",
    "query": "put a query into the url.",
    **dict.fromkeys(
        ("enabled", "is_enabled", "active", "is_active", "disabled", "paused", "state"),
        "cron.enable, cron.disable and cron.pause change that.",
    ),
}
"""Words of other services and libraries, with what they are among the parameters of a job."""

CLIENT_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("api_key", "apikey", "key", "api_token"), "did you mean 'token'?"),
    **dict.fromkeys(("url", "host", "endpoint", "address", "api_url"), "did you mean 'base_url'?"),
    **dict.fromkeys(("retries", "max_retries", "attempts"), "did you mean 'retry'?"),
    **dict.fromkeys(("session", "client"), "did you mean 'http_client'?"),
    **dict.fromkeys(("rate", "limit", "max_in_flight"), "did you mean 'scheduler'?"),
    **dict.fromkeys(("batch", "merge"), "did you mean 'coalesce'?"),
    **dict.fromkeys(
        ("proxy", "proxies", "verify", "cert", "limits", "trust_env", "headers"),
        "give an http_client that has it, such as httpx.AsyncClient(...).",
    ),
}
"""Words of other libraries, with what they are among the options of a client."""

_OF_CLIENTS = "it is an option of the client, FastCron({0}=...) or SetCronJob({0}=...)."
_OF_CALLS = "it is an option of calls, api.with_options({0}=...)."
_OF_BULKS = "it is an option of bulks such as api.cron.add_many(..., {0}=...)."
OPTIONS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("token", "base_url", "allow_http", "scheduler", "auth", "request_format"),
            *("http_client", "transport", "scope", "coalesce"),
        ),
        _OF_CLIENTS,
    ),
    **dict.fromkeys(("max_wait", "lane", "retry", "timeout"), _OF_CALLS),
    **dict.fromkeys(("journal", "progress"), _OF_BULKS),
}
"""Each option that a client, a call or a bulk has, with the place where it is set."""


def hint(name: object, known: Iterable[str], words: Mapping[str, str]) -> str:
    """Return the end of a sentence that says that there is no such name.

    `known` are the names that there are, and `words` those of others.
    """
    if not isinstance(name, str):
        return "."
    plain = str.__str__(name).strip("\ufeff \t'\"")  # as exporters of CSV write a name
    if (meant := words.get(plain)) is not None:
        return f"; {meant}"
    if plain in OPTIONS:
        return f"; {OPTIONS[plain].format(plain)}"
    near = nearest(plain, known)
    return "." if near is None else f"; {_did_you_mean(near)}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that a word is a misspelling of, or has as a part, or None."""
    from difflib import get_close_matches  # noqa: PLC0415 -- only an error needs it

    plain, names = word.lower(), tuple(known)
    parts = (part for part in plain.split("_") if part in names)
    return next(iter(get_close_matches(plain, names, 1, _LIKE_ENOUGH)), next(parts, None))


def refuse_options(owner: str, unknown: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keyword arguments that do not exist, as Python does, and say what is meant."""
    for name in unknown:
        raise TypeError(f"{owner} has no option {name!r}{hint(name, known, CLIENT_WORDS)}")
