"""The shop's tables in SQLite."""

from __future__ import annotations

import sqlite3
from typing import Any

from cronapi import Notification
from cronapi.webhooks import CronCall

SCHEMA = """
CREATE TABLE IF NOT EXISTS shops (name TEXT PRIMARY KEY, job INTEGER UNIQUE);
CREATE TABLE IF NOT EXISTS sales (shop TEXT, cents INTEGER);
CREATE TABLE IF NOT EXISTS reports (
    shop TEXT, job INTEGER, at INTEGER, cents INTEGER, PRIMARY KEY (job, at)
);
CREATE TABLE IF NOT EXISTS alerts (job INTEGER, at INTEGER, failed INTEGER, error TEXT);
"""


class Database:
    """Shops, sales, reports and alerts. Each method is one quick transaction."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(SCHEMA)

    def open_shop(self, name: str) -> bool:
        """Note that a shop will have a job, and return True if it is a new one."""
        return bool(self._run("INSERT OR IGNORE INTO shops (name) VALUES (?)", name).rowcount)

    def set_job(self, name: str, job: int) -> None:
        """Note the job of a shop."""
        self._run("UPDATE shops SET job = ? WHERE name = ?", job, name)

    def close_shop(self, name: str) -> None:
        """Forget a shop."""
        self._run("DELETE FROM shops WHERE name = ?", name)

    def shop(self, name: str) -> dict[str, Any] | None:
        """Return a shop, or None."""
        found = self._rows("SELECT * FROM shops WHERE name = ?", name)
        return found[0] if found else None

    def shop_of(self, job: int) -> str | None:
        """Return the name of the shop that has a job, or None."""
        found = self._rows("SELECT name FROM shops WHERE job = ?", job)
        return found[0]["name"] if found else None

    def sell(self, shop: str, cents: int) -> None:
        """Note a sale."""
        self._run("INSERT INTO sales VALUES (?, ?)", shop, cents)

    def turnover(self, shop: str) -> int | None:
        """Return the sum of the sales in cents, or None if there was none."""
        found = self._rows("SELECT sum(cents) AS cents FROM sales WHERE shop = ?", shop)
        cents: int | None = found[0]["cents"]
        return cents

    def keep_report(self, shop: str, call: CronCall, cents: int) -> None:
        """Keep the report that a call has asked for."""
        at = int(call.at.timestamp())
        self._run("INSERT OR IGNORE INTO reports VALUES (?, ?, ?, ?)", shop, call.job, at, cents)

    def keep_alert(self, note: Notification) -> None:
        """Keep a notification."""
        at = int(note.time.timestamp()) if note.time else None
        self._run(
            "INSERT INTO alerts VALUES (?, ?, ?, ?)", note.id, at, note.is_failure, note.error
        )

    def reports(self, shop: str) -> list[dict[str, Any]]:
        """Return the reports of a shop."""
        return self._rows("SELECT at, cents FROM reports WHERE shop = ? ORDER BY at", shop)

    def alerts(self, job: int) -> list[dict[str, Any]]:
        """Return what was told about a job."""
        return self._rows("SELECT at, failed, error FROM alerts WHERE job = ? ORDER BY at", job)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _run(self, statement: str, *values: object) -> sqlite3.Cursor:
        return self._db.execute(statement, values)

    def _rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        return [dict(row) for row in self._run(statement, *values)]
