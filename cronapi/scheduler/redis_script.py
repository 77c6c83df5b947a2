"""The way to Redis: one key, one script, the arguments it takes and the answer it gives.

redis-py is imported only here, and only when a bucket is made: it is an extra.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cronapi.errors import ConfigurationError
from cronapi.scheduler import tuning

Evaluate = Callable[[Sequence[int | str]], Sequence[int]]
"""Takes the script's arguments without the first, the time, and returns its answer.

Raises OSError if Redis cannot be asked.
"""
KEPT = 600_000
"""Milliseconds that the state outlives its last use."""
PATIENCE = 1.0
"""Seconds for one exchange with Redis. A longer one has failed."""
_NUMBERS = {name: value for name, value in vars(tuning).items() if name.isupper()}
_HEAD = "".join(f"local {name} = {value!r}\n" for name, value in {**_NUMBERS, "KEPT": KEPT}.items())
SCRIPT = _HEAD + Path(__file__).with_name("pace.lua").read_text(encoding="utf-8")


def key_of(name: str) -> str:
    """Return the Redis key of a bucket.

    The braces keep it and any later key of the bucket on one node of a cluster.
    """
    if not isinstance(name, str) or not name or "{" in name or "}" in name:
        raise ConfigurationError(
            f"The key of a shared bucket is a text without braces, not {name!r}."
        )
    return f"{{cronapi:{name}}}"


def connect(url: str, name: str) -> Evaluate:
    """Return a function that evaluates the script at this address.

    It makes its first connection when it needs one.
    """
    key = key_of(name)
    try:
        import redis  # noqa: PLC0415 -- an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415 -- an extra
        from redis.retry import Retry  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise ConfigurationError(
            'A shared bucket needs redis: pip install "cronapi-client[redis]".'
        ) from error
    server = None
    with suppress(ValueError):  # which would quote a part of the address, perhaps its password
        # A replayed evaluation would count its outcomes twice, so the client repeats nothing.
        server = redis.Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
    if server is None:
        raise ConfigurationError(
            "This is no address of a Redis server; give one like redis://localhost:6379/0."
        )
    return _evaluation(server.register_script(SCRIPT), key, tells=not _may_hold_password(url))


def _may_hold_password(url: str) -> bool:
    return "@" in url or "password" in url.lower()


def _evaluation(script: Callable[..., Any], key: str, *, tells: bool) -> Evaluate:
    """Return a function that evaluates a script. With `tells`, its errors have redis-py's texts."""

    def evaluate(arguments: Sequence[int | str]) -> Sequence[int]:
        try:
            answer = script(keys=[key], args=[0, *arguments])
            return [int(value) for value in answer]
        # The border: redis-py raises more than its own errors, and finds bad addresses and options
        # only when it connects.
        except Exception as error:
            if tells:
                raise OSError(f"{type(error).__name__}: {error}") from error
            name = type(error).__name__
        raise OSError(f"{name} from a Redis server whose address has a password.")

    return evaluate
