"""The values that every peer's program works with, so that all peers do the same work."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

VARIANTS = 64
"""How many different requests each case has."""

SECRET_KEY = "benchmarks-only"
TEMPLATES = Path(__file__).parent / "templates"


def rows(count: int, page: int) -> list[dict[str, Any]]:
    """The rows that a page of the catalogue shows."""
    return [
        {
            "id": page * 100 + row,
            "name": f"Cups & saucers {page}-{row}",
            "price": f"{row}.{page:02}",
            "new": row % 3 == 0,
        }
        for row in range(count)
    ]


ROWS = [rows(20, page) for page in range(VARIANTS)]
"""For each page of the catalogue, the 20 rows that its template shows."""


@functools.cache
def many_rows(count: int) -> list[dict[str, Any]]:
    """So many rows, the same ones each time."""
    return rows(count, 1)


def export(count: int, page: int) -> dict[str, Any]:
    """A value whose JSON is about 100 bytes for each of its rows."""
    return {"page": page, "rows": _records(count)}


@functools.cache
def _records(count: int) -> list[dict[str, Any]]:
    return [
        {"id": n, "name": f"Cup and saucer no. {n}", "price": n / 8, "new": n % 3 == 0, "tags": ["blue", "café"]}
        for n in range(count)
    ]


def chunks(first: int) -> list[bytes]:
    """The 100 pieces of one streamed answer.

    Args:
        first: the number that makes this answer differ from the others.
    """
    return [b"line %d of stream %d\n" % (line, first) for line in range(100)]


CHUNKS: list[list[bytes]] = [chunks(first) for first in range(VARIANTS)]


def static_name(number: int) -> str:
    """The file name of one of the static files."""
    return f"notes-{number}.txt"


def write_static_files(folder: Path) -> None:
    """Fill the folder with `VARIANTS` different text files of 10,240 bytes, all changed at the same past moment."""
    for number in range(VARIANTS):
        path = folder / static_name(number)
        path.write_bytes((b"%04d costrel\n" % number * 1024)[:10240])
        os.utime(path, (1_700_000_000, 1_700_000_000))


def route_parts(number: int) -> tuple[str, str]:
    """The two literal segments that tell one of many deep routes from the others.

    The full route is `/<area>/<group>/item/<item id, an integer>/detail`; 100 groups share an area.
    """
    return f"area{number // 100}", f"group{number}"


def shown(*values: object) -> str:
    """The text answer that shows what a view was given."""
    return " | ".join(map(str, values))
