"""What a pace file holds, read and changed by another hand than the bucket's."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager


@contextmanager
def opened(path):
    """Open a file in a transaction of one's own."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")


def state_of(path):
    """Return the only record of a file."""
    with opened(path) as connection:
        ((state,),) = connection.execute("SELECT state FROM pace")
    return json.loads(state)


def change(path, state):
    """Replace the record of a file: a text as it is, a mapping only where it differs."""
    text = state if isinstance(state, str | bytes) else json.dumps(state_of(path) | state)
    with opened(path) as connection:
        connection.execute("UPDATE pace SET state = ?", (text,))


def transactions(path):
    """Return how many transactions have changed a file, as SQLite counts them in its header."""
    with path.open("rb") as file:
        file.seek(24)
        return int.from_bytes(file.read(4), "big")
