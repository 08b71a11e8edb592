"""The guestbook behaves as its pages promise."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from costrel.testing import FlaskClient
from examples.quickstart.guestbook import create_app, entries, format_time, keep_secret_key


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {"TESTING": True, "SECRET_KEY": "only for tests", "DATABASE": str(tmp_path / "test.sqlite")}


@pytest.fixture
def client(settings: dict[str, Any]) -> FlaskClient:
    return create_app(settings).test_client()


def sign(client: FlaskClient, name: str = "Ada", message: str = "Hello!", follow: bool = True) -> Any:
    return client.post("/", data={"name": name, "message": message}, follow_redirects=follow)


def test_an_empty_guestbook_says_so(client: FlaskClient) -> None:
    """A visitor who comes first is invited to sign."""
    response = client.get("/")
    assert response.status_code == 200
    assert "Be the first!" in response.text


def test_signing_shows_the_entry_and_a_thank_you_once(client: FlaskClient) -> None:
    """The entry stays; the flashed message is gone at the next look."""
    page = sign(client).text
    assert "Thank you for signing, Ada!" in page
    assert '<p class="message">Hello!</p>' in page
    page = client.get("/").text
    assert "Thank you" not in page
    assert "Hello!" in page


def test_signing_redirects_to_the_page(client: FlaskClient) -> None:
    """The answer to the form is 303, so a reload does not sign twice."""
    response = sign(client, follow=False)
    assert (response.status_code, response.location) == (303, "/")


def test_entries_survive_a_restart(settings: dict[str, Any]) -> None:
    """A second app on the same file shows what the first one stored."""
    sign(create_app(settings).test_client(), message="Still here")
    assert "Still here" in create_app(settings).test_client().get("/").text


def test_the_name_is_remembered_until_the_visitor_says_forget(client: FlaskClient) -> None:
    """The session fills in the name; the button empties it."""
    sign(client)
    assert 'value="Ada"' in client.get("/").text
    page = client.post("/forget", follow_redirects=True).text
    assert "Your name is forgotten" in page
    assert 'value=""' in page


def test_another_visitor_has_another_session(settings: dict[str, Any]) -> None:
    """What one browser remembers, the next does not see."""
    app = create_app(settings)
    sign(app.test_client())
    assert 'value="Ada"' not in app.test_client().get("/").text


@pytest.mark.parametrize(
    ("name", "message", "complaint"),
    [
        ("", "Hello", "Please tell us your name."),
        ("   ", "Hello", "Please tell us your name."),
        ("Ada", "", "Please write a message."),
        ("Ada", "\r\n \t", "Please write a message."),
        ("A" * 61, "Hello", "at most 60 characters; this name has 61."),
        ("Ada", "x" * 1001, "at most 1000 characters; this message has 1001."),
    ],
)
def test_a_wrong_form_comes_back_with_what_was_typed(
    client: FlaskClient, name: str, message: str, complaint: str
) -> None:
    """A refused entry is not stored, and its text is not lost."""
    response = sign(client, name, message)
    assert response.status_code == 422
    assert complaint in response.text
    assert 'aria-invalid="true"' in response.text
    if name.strip() and message.strip():
        assert name in response.text
        assert message in response.text
    assert client.get("/api/entries").json == {"entries": []}


def test_a_form_without_fields_is_refused_like_an_empty_one(client: FlaskClient) -> None:
    """A program that posts nothing gets 422 and no error page."""
    response = client.post("/", data={})
    assert response.status_code == 422
    assert "Please tell us your name." in response.text


def test_line_ends_of_browsers_do_not_count_twice(client: FlaskClient) -> None:
    """Browsers send CRLF: 500 lines of one letter are 999 characters, as the page's counter says."""
    assert sign(client, message="\r\n".join("x" * 500)).status_code == 200


def test_markup_is_shown_and_not_run(client: FlaskClient) -> None:
    """Templates escape what visitors wrote, in the entry, in the form field and in the flashed message."""
    page = sign(client, name='"><b>Eve', message="<script>alert(1)</script>").text
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_quotes_do_not_reach_the_sql(client: FlaskClient) -> None:
    """Text that looks like SQL is stored as text."""
    sign(client, message="'); DROP TABLE entry; --")
    assert "DROP TABLE entry" in client.get("/").text


def test_newest_entries_come_first(client: FlaskClient) -> None:
    """A visitor finds the own entry at the top."""
    for message in ("first", "second"):
        sign(client, message=message)
    assert re.findall(r'class="message">(\w+)<', client.get("/").text) == ["second", "first"]


def test_an_unknown_address_gets_the_guestbooks_own_page(client: FlaskClient) -> None:
    """The 404 page keeps the looks and leads back; the address is escaped."""
    response = client.get("/no<where>")
    assert response.status_code == 404
    assert "This page does not exist" in response.text
    assert "/no&lt;where&gt;" in response.text
    assert 'href="/"' in response.text


def test_the_style_sheet_is_served(client: FlaskClient) -> None:
    """The address in the page is one that answers."""
    href = re.search(r'rel="stylesheet" href="([^"]+)"', client.get("/").text)
    assert href is not None
    with client.get(href[1]) as response:
        assert (response.status_code, response.mimetype) == (200, "text/css")


def test_the_api_stores_and_lists(client: FlaskClient) -> None:
    """A program can do what a visitor can."""
    created = client.post("/api/entries", json={"name": "Bot", "message": "beep"})
    assert created.status_code == 201
    entry = created.get_json()["entry"]
    assert (entry["id"], entry["name"], entry["message"]) == (1, "Bot", "beep")
    assert client.get(created.headers["Location"]).get_json() == {"entry": entry}
    assert client.get("/api/entries").get_json() == {"entries": [entry]}


@pytest.mark.parametrize(
    ("body", "status", "key"),
    [
        ({"name": "", "message": ""}, 422, "errors"),
        ({"name": 5, "message": None}, 422, "errors"),
        ({}, 422, "errors"),
        ([1, 2], 400, "error"),
        ("text", 400, "error"),
    ],
)
def test_the_api_refuses_wrong_entries(client: FlaskClient, body: object, status: int, key: str) -> None:
    """Each refusal is JSON that says what is wrong."""
    response = client.post("/api/entries", json=body)
    assert response.status_code == status
    assert response.get_json()[key]


def test_the_api_keeps_half_a_character_out(client: FlaskClient) -> None:
    """JSON may carry a lone surrogate, which is replaced instead of breaking the page."""
    response = client.post(
        "/api/entries", data=b'{"name": "A\\ud800", "message": "x"}', content_type="application/json"
    )
    assert response.status_code == 201
    assert response.get_json()["entry"]["name"] == "A?"
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/api/entries/99", {}, 404),
        ("GET", f"/api/entries/{2**70}", {}, 404),
        ("POST", "/api/entries", {"data": "{", "content_type": "application/json"}, 400),
        ("POST", "/api/entries", {"data": "name=Ada"}, 415),
    ],
)
def test_the_api_answers_errors_as_json(
    client: FlaskClient, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    """A program never has to read HTML."""
    response = client.open(path, method=method, **options)
    assert response.status_code == status
    assert isinstance(response.get_json()["error"], str)


def test_the_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """The second start reads the key of the first; other accounts cannot read it."""
    key = keep_secret_key(tmp_path)
    assert len(key) == 64
    assert keep_secret_key(tmp_path) == key
    assert os.listdir(tmp_path) == ["secret_key"]
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_each_installation_has_its_own_key(tmp_path: Path) -> None:
    """Two folders get two keys."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert keep_secret_key(tmp_path / "a") != keep_secret_key(tmp_path / "b")


def test_a_key_made_by_another_worker_meanwhile_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that start at the same moment all end up with one key."""
    key = keep_secret_key(tmp_path)
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert keep_secret_key(tmp_path) == key


def test_times_are_shown_for_people() -> None:
    """The template filter writes the month out."""
    assert format_time("2026-03-01T09:05:00+00:00") == "1 March 2026, 09:05 UTC"


def test_only_the_newest_hundred_are_shown(settings: dict[str, Any]) -> None:
    """The page stays short when the guestbook is long."""
    app = create_app(settings)
    with app.app_context():
        for number in range(101):
            entries.add("Ada", f"message {number}")
        shown = entries.latest()
    assert len(shown) == 100
    assert shown[0].message == "message 100"
