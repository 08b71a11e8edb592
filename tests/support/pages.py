"""Finds the code blocks of the documentation's pages, in Markdown and in reStructuredText."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(\w[\w+-]*)?\s*$")
_DIRECTIVE = re.compile(r"^( *)\.\. code-block:: *([\w+-]*)\s*$")
_MARKER = re.compile(r"^ *(?:\.\.|<!--) (not run|file|needs): (.+?)(?: *-->)?\s*$")


@dataclass
class Block:
    """One code block of a page; ``line`` is that of its first line, counted from 1."""

    page: Path
    line: int
    language: str
    text: str
    file: str | None = None
    not_run: str | None = None
    needs: str | None = None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def markdown_blocks(page: Path, text: str) -> Iterator[Block]:
    """Yields the fenced blocks of a Markdown text."""
    lines = iter(enumerate(text.splitlines(), 1))
    marks: dict[str, str] = {}
    for number, line in lines:
        if (marker := _MARKER.match(line)) is not None:
            marks[marker[1]] = marker[2]
        elif (fence := _FENCE.match(line)) is not None:
            body = []
            for _, inner in lines:
                if inner.startswith("```"):
                    break
                body.append(inner)
            text = "\n".join(body) + "\n"
            marked = marks.get("file"), marks.get("not run"), marks.get("needs")
            yield Block(page, number + 1, fence[1] or "", text, *marked)
            marks = {}
        elif line.strip():
            marks = {}


def rest_blocks(page: Path, text: str) -> Iterator[Block]:
    """Yields the ``code-block`` directives of a reStructuredText."""
    lines = text.splitlines()
    reason: str | None = None
    for index, line in enumerate(lines):
        if (marker := _MARKER.match(line)) is not None:
            reason = marker[2]
        elif (directive := _DIRECTIVE.match(line)) is not None:
            yield _rest_block(page, lines, index, directive, reason)
            reason = None
        elif line.strip():
            reason = None


def _rest_block(page: Path, lines: list[str], index: int, directive: re.Match[str], reason: str | None) -> Block:
    outer = len(directive[1])
    start = index + 1
    caption = None
    while start < len(lines) and (option := re.match(r"\s+:(\w+): *(.*)$", lines[start])) is not None:
        caption = option[2] if option[1] == "caption" else caption
        start += 1
    while start < len(lines) and not lines[start].strip():
        start += 1
    indent = len(lines[start]) - len(lines[start].lstrip())
    body = []
    for line in lines[start:]:
        if line.strip() and len(line) - len(line.lstrip()) <= outer:
            break
        body.append(line[indent:])
    return Block(page, start + 1, directive[2], "\n".join(body).rstrip() + "\n", caption, reason)


def blocks_of(page: Path) -> list[Block]:
    """Returns the code blocks of a page in their order."""
    read = markdown_blocks if page.suffix == ".md" else rest_blocks
    return list(read(page, page.read_text()))
