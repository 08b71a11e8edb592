"""Flask-Login: who is logged in, for this visit or remembered for the next ones."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, get_flashed_messages, redirect, render_template_string, request, session, url_for
from flask_login import (
    LoginManager,
    UserMixin,
    confirm_login,
    current_user,
    fresh_login_required,
    login_fresh,
    login_required,
    login_user,
    logout_user,
    user_logged_in,
    user_logged_out,
)


class User(UserMixin):
    def __init__(self, id, password, is_active=True):
        self.id = id
        self.password = password
        self._active = is_active

    @property
    def is_active(self):
        return self._active


USERS = {user.id: user for user in (User("ada", "engine"), User("bob", "brush"), User("eve", "apple", is_active=False))}


@pytest.fixture
def app():
    app = Flask(__name__)
    app.config.update(SECRET_KEY="a key of the program", REMEMBER_COOKIE_DURATION=timedelta(days=30))
    manager = LoginManager(app)
    manager.login_view = "login"
    manager.refresh_view = "confirm"
    manager.login_message = "Please log in."

    @manager.user_loader
    def by_id(id):
        return USERS.get(id)

    @manager.request_loader
    def by_key(request):
        kind, _, key = request.headers.get("Authorization", "").partition(" ")
        return USERS.get(key) if kind == "Key" else None

    @app.route("/login", methods=["GET", "POST"])
    def login():
        if request.method == "GET":
            return {"messages": get_flashed_messages()}
        user = USERS.get(request.form["name"])
        if user is None or user.password != request.form["password"]:
            return "wrong", 403
        if not login_user(user, remember="remember" in request.form):
            return "closed account", 403
        return redirect(request.args.get("next") or url_for("home"))

    @app.route("/confirm", methods=["GET", "POST"])
    @login_required
    def confirm():
        if request.method == "POST":
            confirm_login()
        return {"fresh": login_fresh()}

    @app.post("/logout")
    @login_required
    def logout():
        logout_user()
        return redirect(url_for("home"))

    @app.get("/")
    def home():
        return render_template_string(
            "{% if current_user.is_authenticated %}Hello {{ current_user.id }}{% else %}Hello stranger{% endif %}"
        )

    @app.get("/orders/<int:number>")
    @login_required
    def order(number):
        return {"order": number, "of": current_user.get_id()}

    @app.get("/password")
    @fresh_login_required
    def password():
        return "new password"

    return app


@pytest.fixture
def client(app):
    return app.test_client()


def log_in(client, name="ada", password="engine", query=None, **more):
    return client.post("/login", query_string=query, data={"name": name, "password": password, **more})


def test_login_and_logout(client):
    """The name stays known from login to logout."""
    assert client.get("/").text == "Hello stranger"
    assert log_in(client).location == "/"
    assert client.get("/").text == "Hello ada"
    assert client.post("/logout").status_code == 302
    assert client.get("/").text == "Hello stranger"


def test_wrong_password_and_closed_account(client):
    """Neither a wrong password nor an account that is not active logs in."""
    assert log_in(client, password="wrong").status_code == 403
    assert log_in(client, "eve", "apple").text == "closed account"
    assert client.get("/").text == "Hello stranger"


def test_strangers_are_sent_to_the_login_page_and_back(client):
    """The login page gets a message and the address to return to."""
    answer = client.get("/orders/7?sort=date")
    where = urlsplit(answer.location)
    assert (answer.status_code, where.path) == (302, "/login")
    assert parse_qs(where.query) == {"next": ["/orders/7?sort=date"]}
    assert client.get(answer.location).json == {"messages": ["Please log in."]}
    back = log_in(client, query=where.query).location
    assert client.get(back).json == {"order": 7, "of": "ada"}


def test_two_clients_are_two_people(app, client):
    """Who is logged in is known per client."""
    other = app.test_client()
    log_in(client)
    log_in(other, "bob", "brush")
    assert [client.get("/orders/1").json["of"], other.get("/orders/1").json["of"]] == ["ada", "bob"]


def test_remembered_after_the_session_ends(client):
    """The cookie with a date outlives the session; without it the name is forgotten."""
    log_in(client, remember="on")
    cookie = client.get_cookie("remember_token")
    assert cookie.value.startswith("ada|") and cookie.http_only and cookie.expires is not None
    client.delete_cookie("session")
    assert client.get("/").text == "Hello ada"
    client.post("/logout")
    assert client.get_cookie("remember_token") is None
    assert client.get("/").text == "Hello stranger"


def test_a_forged_cookie_is_not_believed(client):
    """A cookie whose signature does not fit logs nobody in."""
    log_in(client, remember="on")
    signature = client.get_cookie("remember_token").value.partition("|")[2]
    client.delete_cookie("session")
    client.set_cookie("remember_token", f"bob|{signature}")
    assert client.get("/").text == "Hello stranger"


def test_fresh_login(client):
    """Who is only remembered must confirm before the password may be changed."""
    log_in(client, remember="on")
    assert client.get("/password").text == "new password"
    client.delete_cookie("session")
    assert client.get("/orders/1").status_code == 200
    assert urlsplit(client.get("/password").location).path == "/confirm"
    assert client.get("/confirm").json == {"fresh": False}
    assert client.post("/confirm").json == {"fresh": True}
    assert client.get("/password").text == "new password"


def test_request_loader(client):
    """A program names itself with a header, without a session."""
    answer = client.get("/orders/3", headers={"Authorization": "Key bob"})
    assert answer.json == {"order": 3, "of": "bob"}
    assert client.get("/orders/3", headers={"Authorization": "Key nobody"}).status_code == 302


def test_strong_protection_ends_a_session_that_moves(app, client):
    """A session that comes from another browser is thrown away."""
    app.config["SESSION_PROTECTION"] = "strong"
    log_in(client)
    assert client.get("/").text == "Hello ada"
    assert client.get("/", headers={"User-Agent": "another"}).text == "Hello stranger"


def test_signals(app, client):
    """Login and logout are announced with the user."""
    seen = []

    def note_in(sender, user):
        seen.append(("in", sender is app, user.id))

    def note_out(sender, user):
        seen.append(("out", sender is app, user.id))

    with user_logged_in.connected_to(note_in, app), user_logged_out.connected_to(note_out, app):
        log_in(client)
        client.post("/logout")
    assert seen == [("in", True, "ada"), ("out", True, "ada")]


def test_client_for_a_user(app):
    """The test client of the extension is logged in from the start."""
    from flask_login import FlaskLoginClient

    app.test_client_class = FlaskLoginClient
    with app.test_client(user=USERS["bob"], fresh_login=False) as client:
        assert client.get("/orders/2").json == {"order": 2, "of": "bob"}
        assert (current_user.id, session["_fresh"]) == ("bob", False)


def test_api_gets_401(app, client):
    """Without a login page a stranger gets 401."""
    app.login_manager.login_view = None
    assert client.get("/orders/1").status_code == 401
