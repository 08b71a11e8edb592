"""The stored entries: one SQLite table, and the rules for what may be written in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone

from costrel import App, current_app, g

NAME_LENGTH = 60
MESSAGE_LENGTH = 1000


@dataclass(frozen=True)
class Entry:
    """What one visitor wrote; `written` is the time in ISO 8601, UTC."""

    id: int
    name: str
    message: str
    written: str


def init_app(app: App) -> None:
    """Create the table if it is missing, and close each request's connection at its end."""
    app.teardown_appcontext(close_connection)
    with closing(sqlite3.connect(app.config["DATABASE"])) as connection, connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, name TEXT, message TEXT, written TEXT)"
        )


def get_connection() -> sqlite3.Connection:
    """Open the database at the first call in a request; later calls get the same connection."""
    if "connection" not in g:
        g.connection = sqlite3.connect(current_app.config["DATABASE"])
    connection: sqlite3.Connection = g.connection
    return connection


def close_connection(error: BaseException | None) -> None:
    """Close the request's connection, if it opened one."""
    connection: sqlite3.Connection | None = g.pop("connection", None)
    if connection is not None:
        connection.close()


def latest(limit: int = 100) -> list[Entry]:
    """Return the newest entries, newest first."""
    rows = get_connection().execute("SELECT id, name, message, written FROM entry ORDER BY id DESC LIMIT ?", (limit,))
    return [Entry(*row) for row in rows]


def find(entry_id: int) -> Entry | None:
    """Return the entry with this number, or None."""
    # SQLite's integers have 64 bits; asking for a larger one would be an error rather than "not found".
    if entry_id >= 2**63:
        return None
    row = get_connection().execute("SELECT id, name, message, written FROM entry WHERE id = ?", (entry_id,)).fetchone()
    return None if row is None else Entry(*row)


def add(name: str, message: str) -> Entry:
    """Store a checked entry and return it."""
    written = datetime.now(timezone.utc).isoformat(timespec="seconds")
    connection = get_connection()
    with connection:
        # The values travel beside the SQL text, never inside it: that is what keeps them from being run as SQL.
        cursor = connection.execute(
            "INSERT INTO entry (name, message, written) VALUES (?, ?, ?)", (name, message, written)
        )
    return Entry(cursor.lastrowid or 0, name, message, written)


def clean(text: object) -> str:
    """Trim what a visitor typed and unify its line ends; anything that is not text counts as empty."""
    if not isinstance(text, str):
        return ""
    # JSON can carry half a character ("\ud800"), which no database or page could hold.
    text = text.encode("utf-8", "replace").decode()
    return "\n".join(text.splitlines()).strip()


def check(name: str, message: str) -> dict[str, str]:
    """Return what is wrong, by field; an empty dict means that the entry may be stored."""
    errors = {}
    if not name:
        errors["name"] = "Please tell us your name."
    elif len(name) > NAME_LENGTH:
        errors["name"] = f"Please use at most {NAME_LENGTH} characters; this name has {len(name)}."
    if not message:
        errors["message"] = "Please write a message."
    elif len(message) > MESSAGE_LENGTH:
        errors["message"] = f"Please use at most {MESSAGE_LENGTH} characters; this message has {len(message)}."
    return errors
