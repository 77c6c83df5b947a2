"""The way to Redis: one key, one script, the arguments it takes and the answer it gives.

redis-py is imported only here, and only when a bucket is made: it is an extra.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import fields

from cronapi._protocol.arguments import is_encodable
from cronapi._protocol.extras import command_for
from cronapi.errors.concerns import setting_error
from cronapi.scheduler import tuning
from cronapi.scheduler.faults import Fault, UnusableError
from cronapi.scheduler.fleet import Answer
from cronapi.scheduler.redis_faults import (
    FAULTS,
    FOREIGN_SIGN,
    FORMAT,
    FORMAT_SIGN,
    redis_fault,
)

if TYPE_CHECKING:
    from redis import Redis

KEPT = 600_000
"""Milliseconds that the state outlives its last use."""
PATIENCE = 1.0
"""Seconds for one exchange with Redis. A longer one has failed."""
_NO_ADDRESS = "This is no address of a Redis server; give one like redis://localhost:6379/0."
"""The address is not repeated: it may hold a password."""
ANSWER_LENGTH = len(fields(Answer))
_SHOWN = 200
_NUMBERS = {name: value for name, value in vars(tuning).items() if name.isupper()}
_NAMES = {"KEPT": KEPT, "FORMAT": FORMAT, "FORMAT_SIGN": FORMAT_SIGN, "FOREIGN_SIGN": FOREIGN_SIGN}
_HEAD = "".join(f"local {name} = {value!r}\n" for name, value in {**_NUMBERS, **_NAMES}.items())
SCRIPT = _HEAD + Path(__file__).with_name("pace.lua").read_text(encoding="utf-8")


def key_of(name: str) -> str:
    """Return the Redis key of a bucket.

    The braces keep it and any later key of the bucket on one node of a cluster.
    """
    if not isinstance(name, str) or not name or "{" in name or "}" in name:
        raise setting_error(f"The key of a shared bucket is a text without braces, not {name!r}.")
    return f"{{cronapi:{name}}}"


class RemoteScript:
    """Evaluates the script at an address, once at a time, and reads beside that.

    It makes its first connection when it needs one, and new ones after any error and in a forked
    process: an address may lead to another server by then.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._key = key_of(name)
        self._open()

    def __call__(self, arguments: Sequence[int | str]) -> Sequence[int]:
        """Evaluate the script. Raises OSError."""
        if self._process != os.getpid():
            self._open()
        try:
            return _whole_numbers(self._script(keys=[self._key], args=[0, *arguments]))
        # redis-py raises more than its own errors, and finds bad addresses and options only when it
        # connects.
        except Exception as error:  # noqa: BLE001 -- the border
            with suppress(Exception):  # what had failed may fail once more
                self._server.connection_pool.disconnect()
            failure = self._translated(error)
        raise failure

    def last_sent(self) -> float:
        """Return when the last request went out, in microseconds of Redis's clock, by a read alone.

        It is zero if it is unknown. Raises the error of redis-py if Redis does not answer.
        """
        if self._process != os.getpid():
            self._open()
        answer: Any = self._server.hget(self._key, "sent")
        return float(answer or 0)

    def _open(self) -> None:
        """Make a client. A forked process drops that of its parent, whose connections stay open."""
        self._server = client_at(self._url, "A shared bucket")
        self._script = self._server.register_script(SCRIPT)
        self._process = os.getpid()

    def _translated(self, error: Exception) -> OSError:
        """Return our error. It repeats nothing of redis-py's where that may hold a password."""
        name = type(error).__name__
        text = f"{name}: {error}"
        fault = fault_of(error, FAULTS)
        if _may_hold_password(self._url):
            text = f"{name} from a Redis server whose address has a password."
        failure = (
            OSError(text) if fault is None else UnusableError(text, fault, "Redis", key=self._key)
        )
        failure.__cause__ = None if _may_hold_password(self._url) else error
        return failure


def _may_hold_password(url: str) -> bool:
    return "@" in url or "password" in url.lower()


def fault_of(error: Exception, faults: Iterable[Fault]) -> Fault | None:
    """Return the one of `faults` that an error of redis-py tells of, or None without an answer."""
    text = f"{type(error).__name__}: {error}"
    return redis_fault(text, faults, answered=not _is_silence(error))


def _is_silence(error: Exception) -> bool:
    """Return True if an error says that there is no connection or no answer."""
    import redis  # noqa: PLC0415 -- an extra

    return isinstance(error, OSError | redis.ConnectionError | redis.TimeoutError)


def _whole_numbers(answer: Any) -> list[int]:
    if not isinstance(answer, list) or len(answer) != ANSWER_LENGTH:
        raise ValueError(f"not {ANSWER_LENGTH} numbers but {answer!r}"[:_SHOWN])
    return [int(value) for value in answer]


def client_at(url: str, user: str) -> Redis:
    """Return a client of a Redis address, which repeats nothing.

    Raises ConfigurationError without the address, and with the `user` of redis if that is missing.
    """
    try:
        import redis  # noqa: PLC0415 -- an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415 -- an extra
        from redis.retry import Retry  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise setting_error(f"{user} needs redis: {command_for('redis')}.") from error
    if not isinstance(url, str) or not is_encodable(url):
        raise setting_error(_NO_ADDRESS)
    with suppress(ValueError):  # which would quote a part of the address, perhaps its password
        # A replayed evaluation would count its outcomes twice, so the client repeats nothing.
        return redis.Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
    raise setting_error(_NO_ADDRESS)
