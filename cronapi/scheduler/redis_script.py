"""The way to Redis: one key, one script, the arguments it takes and the answer it gives.

redis-py is imported only here, and only when a bucket is made: it is an extra.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cronapi.errors import ConfigurationError
from cronapi.scheduler import pace

Evaluate = Callable[[Sequence[int | str]], Sequence[int]]
"""Takes the script's arguments but for its first, the time, and returns its answer; raises OSError where Redis cannot be asked."""

KEPT = 600_000
"""Milliseconds for which the state outlives its last use."""
PATIENCE = 1.0
"""Seconds for one exchange with Redis: what takes longer has failed."""
_NUMBERS = (
    *(
        "FIRST_MARGIN",
        "GREATEST_BY_JITTER",
        "GREATEST_MARGIN",
        "TARGET",
        "GAIN",
        "FLOOR",
        "SMOOTHING",
        "SOON",
        "GREATEST_STRIDE",
    ),
    *(
        "EASE",
        "EASE_DEVIATIONS",
        "EASE_FLOOR",
        "FIRST_PATIENCE",
        "GREATEST_PATIENCE",
        "LONG_CALM",
        "RESTED",
        "LATENESS",
    ),
    *("NEVER", "PROVEN", "TRUST", "PROVEN_DEVIATIONS"),
    *("SHORTEST_HOLD", "LONGEST_HOLD", "PHASE", "LONGEST_RETRY_AFTER"),
)
_HEAD = "".join(f"local {name} = {getattr(pace, name)!r}\n" for name in _NUMBERS)
SCRIPT = f"{_HEAD}local KEPT = {KEPT}\n{Path(__file__).with_name('pace.lua').read_text(encoding='utf-8')}"


def key_of(name: str) -> str:
    """Return the Redis key of a bucket; the braces keep whatever may be added to it on one node of a cluster."""
    if not isinstance(name, str) or not name or "{" in name or "}" in name:
        raise ConfigurationError(
            f"The key of a shared bucket is a text without braces, not {name!r}."
        )
    return f"{{cronapi:{name}}}"


def connect(url: str, name: str) -> Evaluate:
    """Return what evaluates the script at this address, whose first connection is made when it is needed."""
    key = key_of(name)
    try:
        import redis  # noqa: PLC0415 -- an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415 -- an extra
        from redis.retry import Retry  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise ConfigurationError(
            'A shared bucket needs redis: pip install "cronapi-client[redis]".'
        ) from error
    try:
        # A replayed evaluation would count its outcomes twice, so the client does not repeat by itself.
        server = redis.Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise ConfigurationError(
            "This is no address of a Redis server; give one like redis://localhost:6379/0."
        ) from error
    script = server.register_script(SCRIPT)

    def evaluate(arguments: Sequence[int | str]) -> Sequence[int]:
        try:
            answer: Any = script(keys=[key], args=[0, *arguments])
            return [int(value) for value in answer]
        except Exception as error:  # the border: redis-py raises more than its own, bad addresses and options only when it connects
            raise OSError(f"{type(error).__name__}: {error}") from error

    return evaluate
