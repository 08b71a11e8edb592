"""Tests of costrel.body: what the server gets as the body of a response."""

from __future__ import annotations

from typing import Any

from costrel import Response
from costrel.body import Body, CompleteBody, encode_chunks


def test_body_is_one_iteration() -> None:
    """A middleware may take the first chunk with next and leave the rest to the server."""
    parts: list[Any] = ["a", b"b", "ü"]
    body = Body(parts, Response())
    assert next(body) == b"a"
    assert list(body) == [b"b", b"\xc3\xbc"]
    assert list(body) == []


def test_complete_body_is_one_iteration() -> None:
    """The same holds for a body that is one text, which the server gets as a list; its response keeps the text."""
    response = Response("text")
    body: Any = response({"REQUEST_METHOD": "GET"}, lambda status, headers: None)  # type: ignore[arg-type]
    assert type(body) is CompleteBody
    assert next(body) == b"text"
    assert (list(body), next(body, None)) == ([], None)
    assert response.get_data() == b"text"


def test_chunks_are_encoded_one_by_one() -> None:
    """Each chunk is taken when it is asked for, not before, also where its type is another than that of the last."""
    taken: list[Any] = []

    def chunks() -> Any:
        for chunk in (b"a", b"b", "c", "ü", bytearray(b"d"), b"e"):
            taken.append(chunk)
            yield chunk

    for number, chunk in enumerate(encode_chunks(chunks()), 1):
        assert len(taken) == number
        assert chunk == (taken[-1].encode() if isinstance(taken[-1], str) else taken[-1])
    assert len(taken) == 6
