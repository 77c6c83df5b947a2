"""What is wrong with a Redis that answers, but not as it should: one row for each fault."""

from __future__ import annotations

from collections.abc import Iterable

from cronapi.scheduler.faults import Fault, fault_in

FORMAT = "1"
"""The format of the hash. A script refuses the hash of another one."""
FORMAT_SIGN, FOREIGN_SIGN = "CRONAPIFORMAT", "CRONAPIFOREIGN"
"""The words with which `pace.lua` refuses a hash of another format, and one that is no bucket."""

SERVER_FAULTS = (
    Fault(
        ("READONLY", "ReadOnlyError"),
        "is a read-only replica, as an old primary is after a failover",
        "Give an address that leads to the primary.",
    ),
    Fault(
        ("MASTERDOWN", "MasterDownError"),
        "is a replica that has lost its primary",
        "Give an address that leads to the primary.",
    ),
    Fault(
        ("OOM", "OutOfMemoryError"),
        "has no memory left (its maxmemory is used up)",
        "Give that Redis more maxmemory, or keep other data elsewhere.",
    ),
    Fault(
        ("MISCONF",),
        "takes no writes because it cannot save its data",
        "Look for the reason in that Redis's log: most often the disk is full.",
    ),
    Fault(
        ("NOREPLICAS", "NoReplicas"),
        "takes no writes because too few replicas follow it",
        "Bring its replicas back, or lower min-replicas-to-write.",
    ),
    Fault(
        ("NOAUTH", "WRONGPASS", "AuthenticationError", "AuthenticationWrongNumberOfArgsError"),
        "did not accept the user or the password",
        "Check the user and the password in the address.",
        lasting=True,
    ),
    Fault(
        ("CLUSTERDOWN", "ClusterDownError"),
        "is a node of a cluster that is down",
        "Look at `redis-cli cluster info` on that node.",
    ),
    Fault(
        ("BUSY ", "Redis is busy"),
        "is busy with another script",
        "End that script with `redis-cli script kill`.",
    ),
    Fault(
        ("max number of clients",),
        "takes no more connections",
        "Raise its maxclients, or close connections of other programs.",
    ),
    Fault(
        ("DB index is out of range",),
        "has no database of this number",
        "Check the number at the end of the address.",
        lasting=True,
    ),
)
"""The faults that concern everything that is kept in a Redis."""
FAULTS = (
    Fault(
        (FORMAT_SIGN,),
        f"has the key {{key}} in another format; this cronapi reads format {FORMAT}",
        "Let all processes run one release of cronapi, or give the bucket another key meanwhile.",
        lasting=True,
    ),
    Fault(
        ("WRONGTYPE", FOREIGN_SIGN),
        "has something else than a bucket under the key {key}",
        "Give the bucket another key, or delete that one.",
        lasting=True,
    ),
    Fault(
        ("LOADING", "BusyLoadingError"),
        "is still loading its data",
        "Wait until it has loaded them, or give the bucket a longer timeout.",
    ),
    Fault(
        ("NOPERM", "NoPermissionError"),
        "gives this user no permission for the bucket's script or its key",
        "Allow the user evalsha, script|load, time, exists, hget, hmget, hset, del and pexpire "
        "on the key.",
        lasting=True,
    ),
    Fault(
        ("MOVED", "MovedError", "ASK ", "AskError", "TRYAGAIN", "TryAgainError"),
        "is a node of a cluster, and the bucket's key is on another node",
        "Give the bucket the address of the node that has the key {key}.",
    ),
    Fault(
        ("NOSCRIPT", "NoScriptError"),
        "keeps no scripts",
        "Give the bucket the address of a Redis itself, not of a proxy in front of several.",
    ),
    Fault(
        ("unknown command",),
        "has no scripts, or not under their usual names",
        "Give the bucket a Redis of 6.2 or later that allows EVALSHA and SCRIPT LOAD.",
        lasting=True,
    ),
    *SERVER_FAULTS,
)
"""The faults that concern a bucket."""
UNEXPECTED = Fault(
    (),
    "gave an unexpected answer ({answer})",
    "Check that the address is that of a Redis, 6.2 or later.",
)


def redis_fault(answer: str, faults: Iterable[Fault], *, answered: bool) -> Fault | None:
    """Return the one of `faults` that an answer tells of, or None if there was no answer.

    `answer` has the name of redis-py's error and its text. An unknown text is unexpected only where
    Redis has `answered` at all.
    """
    return fault_in(answer, faults) or (UNEXPECTED if answered else None)
