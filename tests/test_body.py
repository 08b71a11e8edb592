"""Tests of costrel.body: what the server gets as the body of a response."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costrel import App, Response
from costrel.body import Body, CompleteBody, encode_chunks
from tests.support.environ import call, make_environ


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


class Text(str):
    """A text of a class of its own."""


CHUNKS = st.lists(
    st.binary(max_size=2) | st.text(max_size=2) | st.text(max_size=2).map(Text) | st.just(bytearray(b"x"))
)


@given(CHUNKS, st.none() | st.integers(0, 9))
def test_chunks_are_those_of_a_plain_loop(chunks: list[Any], fails_at: int | None) -> None:
    """The chunks of a body are what a loop over them gives, and it is known whether they came to their end."""

    def source() -> Any:
        for number, chunk in enumerate(chunks):
            if number == fails_at:
                raise LookupError("this is what fails")
            yield chunk

    ended: list[bool] = []
    found = []
    iterator = encode_chunks(source(), ended)
    fails = fails_at is not None and fails_at < len(chunks)
    try:
        for chunk in iterator:
            assert not ended
            found.append(chunk)
    except LookupError:
        assert fails
    assert found == [
        chunk.encode() if isinstance(chunk, str) else chunk for chunk in chunks[: fails_at if fails else None]
    ]
    assert bool(ended) is not fails


@pytest.mark.parametrize("read", [0, 1, 2])
def test_response_in_pieces_is_closed(app: App, read: int) -> None:
    """A response whose list of chunks the client does not wait for is closed like one that was read."""
    closed: list[bool] = []

    @app.get("/")
    def pieces() -> Response:
        response = Response([b"a", b"b"])
        response.call_on_close(lambda: closed.append(True))
        return response

    reply = call(app, make_environ("/"))
    iterator = iter(reply.chunks)
    assert [next(iterator) for _ in range(read)] == [b"a", b"b"][:read]
    reply.close()
    assert closed == [True]
