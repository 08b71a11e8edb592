"""Flask-Security-Too: accounts with roles in a database, from registration to logout."""

import re
from urllib.parse import urlsplit

import pytest
from flask import Flask, get_flashed_messages, render_template_string
from flask_mail import Mail
from flask_security import (
    Security,
    SQLAlchemyUserDatastore,
    auth_required,
    current_user,
    hash_password,
    permissions_required,
    roles_accepted,
    roles_required,
    user_authenticated,
    user_registered,
    verify_password,
)
from flask_security.models import fsqla_v3
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()
fsqla_v3.FsModels.set_db_info(db)


class Role(db.Model, fsqla_v3.FsRoleMixin):
    pass


class User(db.Model, fsqla_v3.FsUserMixin):
    pass


def create_app(folder, **settings):
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="a key of the program",
        SECURITY_PASSWORD_SALT="a salt of the program",
        SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS={"argon2__rounds": 1, "argon2__memory_cost": 64},
        SECURITY_REGISTERABLE=True,
        SECURITY_RECOVERABLE=True,
        SECURITY_TRACKABLE=True,
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False},
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder / 'accounts.db'}",
        TESTING=True,
        **settings,
    )
    db.init_app(app)
    Mail(app)
    store = SQLAlchemyUserDatastore(db, User, Role)
    Security(app, store)

    @app.get("/")
    def home():
        template = "{{ current_user.email if current_user.is_authenticated else 'stranger' }}"
        return render_template_string(template) + "".join(get_flashed_messages())

    @app.get("/account")
    @auth_required()
    def account():
        return {"email": current_user.email, "logins": current_user.login_count}

    @app.get("/admin")
    @auth_required()
    @roles_required("admin")
    def admin():
        return "panel"

    @app.get("/desk")
    @roles_accepted("admin", "author")
    def desk():
        return "desk"

    @app.get("/reports")
    @permissions_required("read-reports")
    def reports():
        return "reports"

    @app.get("/api")
    @auth_required("token", "basic")
    def api():
        return {"email": current_user.email}

    with app.app_context():
        db.create_all()
        store.create_role(name="admin", permissions=["read-reports"])
        store.create_role(name="author")
        store.create_user(email="ada@shop.example", password=hash_password("engine-42"), roles=["admin"])
        store.create_user(email="bob@shop.example", password=hash_password("brush-4242"), roles=["author"])
        db.session.commit()
    return app


@pytest.fixture
def app(tmp_path):
    app = create_app(tmp_path)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app):
    return app.test_client()


def send_form(client, path, **data):
    """Sends the form of a page as a browser does, with the hidden token."""
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).text)[1]
    return client.post(path, data={"csrf_token": token, **data})


def log_in(client, email="ada@shop.example", password="engine-42", **more):
    return send_form(client, "/login", email=email, password=password, **more)


def test_register(app, client):
    """A new account is kept with a hash, gets a message, and is logged in."""
    registered = []

    def note(sender, user, **more):
        registered.append(user.email)

    data = {"email": "Eve@Shop.example", "password": "apples-42", "password_confirm": "apples-42"}
    with app.extensions["mail"].record_messages() as outbox, user_registered.connected_to(note, app):
        answer = send_form(client, "/register", **data)
    assert answer.status_code == 302
    assert registered == ["Eve@shop.example"]
    assert [(message.subject, message.recipients) for message in outbox] == [("Welcome", ["Eve@shop.example"])]
    assert client.get("/account").json["email"] == "Eve@shop.example"
    with app.app_context():
        user = app.extensions["security"].datastore.find_user(email="Eve@shop.example")
        assert user.password.startswith("$argon2")
        assert verify_password("apples-42", user.password) and not verify_password("apples-43", user.password)


@pytest.mark.parametrize(
    ("email", "password", "again", "error"),
    [
        ("nonsense", "apples-42", "apples-42", "Invalid email address"),
        ("eve@shop.example", "short", "short", "Password must be at least 8 characters"),
        ("eve@shop.example", "apples-42", "apples-43", "Passwords do not match"),
        ("ada@shop.example", "apples-42", "apples-42", "ada@shop.example is already associated with an account."),
    ],
)
def test_register_refuses(app, client, email, password, again, error):
    """The page comes again and says what is wrong; no account is made."""
    answer = send_form(client, "/register", email=email, password=password, password_confirm=again)
    assert answer.status_code == 200 and error in answer.text
    with app.app_context():
        assert db.session.query(User).count() == 2


def test_login_and_logout(app, client):
    """A session lasts from login to logout, and the visit is noted in the database."""
    authenticated = []

    def note(sender, user, authn_via, **more):
        authenticated.append((user.email, authn_via))

    with user_authenticated.connected_to(note, app):
        assert log_in(client).location == "/"
    assert authenticated == [("ada@shop.example", ["password"])]
    assert client.get("/").text == "ada@shop.example"
    assert client.get("/account").json == {"email": "ada@shop.example", "logins": 1}
    assert client.post("/logout").status_code == 302
    assert client.get("/").text == "stranger"


def test_login_refuses(client):
    """A wrong password and a form without its token do not log in."""
    assert "Invalid password" in log_in(client, password="wrong").text
    data = {"email": "ada@shop.example", "password": "engine-42"}
    assert "The CSRF token is missing." in client.post("/login", data=data).text
    assert client.get("/").text == "stranger"


def test_strangers_go_to_the_login_page_and_back(client):
    """The login page leads back to the page that was asked for, but to no other site."""
    asked = client.get("/account")
    where = urlsplit(asked.location)
    assert (asked.status_code, where.path, where.query) == (302, "/login", "next=/account")
    assert log_in(client, next="/account").location == "/account"
    client.post("/logout")
    refused = log_in(client, next="https://evil.example/")
    assert refused.status_code == 200
    assert "Redirections outside the domain are forbidden" in refused.text
    assert client.get("/").text == "stranger"


def test_json(client):
    """A program logs in with JSON, and errors come as JSON."""
    refused = client.get("/account", headers={"Accept": "application/json"})
    assert refused.status_code == 401
    assert refused.json["response"]["errors"]
    token = client.get("/login", headers={"Accept": "application/json", "Content-Type": "application/json"}).json
    data = {"email": "ada@shop.example", "password": "engine-42", "csrf_token": token["response"]["csrf_token"]}
    assert client.post("/login", json=data).json["meta"] == {"code": 200}
    assert client.get("/account").json["email"] == "ada@shop.example"


@pytest.mark.parametrize(
    ("email", "password", "statuses"),
    [("ada@shop.example", "engine-42", [200, 200, 200]), ("bob@shop.example", "brush-4242", [403, 200, 403])],
)
def test_roles_and_permissions(client, email, password, statuses):
    """Roles, one of several roles, and permissions of roles open views."""
    log_in(client, email, password)
    headers = {"Accept": "application/json"}
    assert [client.get(path, headers=headers).status_code for path in ("/admin", "/desk", "/reports")] == statuses


def test_remembered(client):
    """Who asked to be remembered is known in the next session."""
    log_in(client, remember="y")
    assert client.get_cookie("remember_token") is not None
    client.delete_cookie("session")
    assert client.get("/").text == "ada@shop.example"


def test_token_and_basic(app, client):
    """A program names itself with a token or a password, without a session."""
    with app.app_context():
        token = app.extensions["security"].datastore.find_user(email="bob@shop.example").get_auth_token()
    assert client.get("/api", headers={"Authentication-Token": token}).json == {"email": "bob@shop.example"}
    assert client.get("/api", auth=("ada@shop.example", "engine-42")).json == {"email": "ada@shop.example"}
    assert client.get("/api", auth=("ada@shop.example", "wrong")).status_code == 401
    assert client.get("/api", headers={"Authentication-Token": token + "x"}).status_code == 401


def test_forgotten_password(app, client):
    """The link in a message sets a new password, once."""
    with app.extensions["mail"].record_messages() as outbox:
        send_form(client, "/reset", email="bob@shop.example")
    [link] = set(re.findall(r"http://localhost(/reset/[^\s\"]+)", outbox[0].body))
    send_form(client, link, password="canvas-42", password_confirm="canvas-42")
    assert "Invalid password" in log_in(client, "bob@shop.example", "brush-4242").text
    assert log_in(client, "bob@shop.example", "canvas-42").status_code == 302
    client.post("/logout")
    assert client.get(link).location == "/reset"


def test_commands(app):
    """The command line makes accounts and gives them roles."""
    runner = app.test_cli_runner()
    made = runner.invoke(args=["users", "create", "zoe@shop.example", "--password", "violin-42", "--active"])
    assert made.exit_code == 0, made.output
    assert runner.invoke(args=["roles", "add", "zoe@shop.example", "author"]).exit_code == 0
    client = app.test_client()
    log_in(client, "zoe@shop.example", "violin-42")
    assert client.get("/desk").text == "desk"
    assert runner.invoke(args=["users", "deactivate", "zoe@shop.example"]).exit_code == 0
    assert client.get("/").text == "stranger"
