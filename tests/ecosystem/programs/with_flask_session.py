"""Flask-Session: a shop whose baskets are kept on the server, in Redis or in files."""

import time

import pytest
from cachelib.file import FileSystemCache
from flask import Flask, abort, current_app, session
from flask_session import Session
from redis import Redis


def create_app(**config):
    app = Flask(__name__)
    app.config.update(TESTING=True, **config)
    Session(app)

    @app.post("/basket/<item>")
    def put(item):
        session.setdefault("basket", []).append(item)
        session.modified = True
        return {"basket": session["basket"]}

    @app.get("/basket")
    def basket():
        return {"basket": session.get("basket", [])}

    @app.get("/about")
    def about():
        return "a shop"

    @app.post("/login/<name>")
    def login(name):
        if name == "nobody":
            abort(403)
        current_app.session_interface.regenerate(session)
        session["user"] = name
        return {"user": name}

    @app.post("/logout")
    def logout():
        session.clear()
        session.pop("_permanent", None)
        return "", 204

    return app


@pytest.fixture
def redis(redis_url):
    store = Redis.from_url(redis_url)
    store.flushdb()
    yield store
    store.close()


@pytest.fixture
def app(redis):
    return create_app(SESSION_TYPE="redis", SESSION_REDIS=redis, SESSION_KEY_PREFIX="shop:")


@pytest.fixture
def file_app(tmp_path):
    return create_app(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(str(tmp_path / "sessions")))


def session_id(client):
    return client.get_cookie("session").value


def test_the_data_is_in_redis_only(app, redis):
    """The cookie has nothing but an unguessable number, under which Redis has the data."""
    client = app.test_client()
    client.post("/basket/bread")
    response = client.post("/basket/milk")
    assert response.json == {"basket": ["bread", "milk"]}
    assert redis.keys() == [f"shop:{session_id(client)}".encode()]
    assert b"bread" in redis.get(f"shop:{session_id(client)}")
    assert len(session_id(client)) >= 43


def test_cookie_attributes(app):
    """The cookie's attributes come from the application's configuration."""
    app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Strict", SESSION_COOKIE_PATH="/basket")
    header = app.test_client().post("/basket/bread").headers["Set-Cookie"]
    for attribute in ("; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/basket", "; Expires="):
        assert attribute in header


def test_visitors_have_sessions_of_their_own(app):
    """Two browsers do not see each other's basket, and an invented number opens no session."""
    first, second, third = app.test_client(), app.test_client(), app.test_client()
    first.post("/basket/bread")
    second.post("/basket/milk")
    third.set_cookie("session", "invented")
    assert first.get("/basket").json == {"basket": ["bread"]}
    assert second.get("/basket").json == {"basket": ["milk"]}
    assert third.post("/basket/tea").json == {"basket": ["tea"]}
    assert session_id(third) != "invented"


def test_what_does_not_look_stores_nothing(app, redis):
    """A page that leaves the session alone sets no cookie and varies by none."""
    response = app.test_client().get("/about")
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.headers.get("Vary", "")
    assert redis.keys() == []
    assert "Cookie" in app.test_client().get("/basket").headers["Vary"]


def test_logging_in_rotates_the_number(app, redis):
    """The data stays, the number is another one, and the old one opens nothing any more."""
    client, thief = app.test_client(), app.test_client()
    client.post("/basket/bread")
    old = session_id(client)
    client.post("/login/ann")
    assert session_id(client) != old
    assert client.get("/basket").json == {"basket": ["bread"]}
    thief.set_cookie("session", old)
    assert thief.get("/basket").json == {"basket": []}
    assert redis.keys() == [f"shop:{session_id(client)}".encode()]


def test_logging_out_deletes(app, redis):
    """An emptied session is removed from Redis, and its cookie from the browser."""
    client = app.test_client()
    client.post("/basket/bread")
    response = client.post("/logout")
    assert response.status_code == 204
    assert client.get_cookie("session") is None
    assert redis.keys() == []


def test_lifetime(app, redis):
    """After its lifetime Redis forgets the session; a request before that renews it."""
    app.config["PERMANENT_SESSION_LIFETIME"] = 1
    client = app.test_client()
    client.post("/basket/bread")
    key = f"shop:{session_id(client)}"
    assert 0 < redis.pttl(key) <= 1000
    time.sleep(0.3)
    before = redis.pttl(key)
    client.get("/basket")
    assert redis.pttl(key) > before
    time.sleep(1.1)
    client.set_cookie("session", key.removeprefix("shop:"))
    assert client.get("/basket").json == {"basket": []}


def test_test_client_sees_the_session(app):
    """A test may prepare and read the session through the test client."""
    client = app.test_client()
    with client.session_transaction() as prepared:
        prepared["basket"] = ["prepared"]
    with client:
        assert client.post("/basket/bread").json == {"basket": ["prepared", "bread"]}
        assert session["basket"] == ["prepared", "bread"]
        assert session.sid == session_id(client)


def test_files(file_app, tmp_path):
    """The same with files: they survive a restart of the application, and are gone after logging out."""
    client = file_app.test_client()
    client.post("/basket/bread")
    restarted = create_app(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(str(tmp_path / "sessions")))
    other = restarted.test_client()
    other.set_cookie("session", session_id(client))
    assert other.post("/basket/milk").json == {"basket": ["bread", "milk"]}
    files = len(list((tmp_path / "sessions").iterdir()))
    assert client.post("/logout").status_code == 204
    assert len(list((tmp_path / "sessions").iterdir())) == files - 1
    assert other.get("/basket").json == {"basket": []}


def test_interface_replaced_after_the_first_request(redis):
    """An application that has answered requests with cookies of its own can still move to Redis."""
    app = Flask(__name__)
    app.secret_key = "short and for tests only, nothing else"
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis)

    @app.get("/count")
    def count():
        session["count"] = session.get("count", 0) + 1
        return {"count": session["count"]}

    assert app.test_client().get("/count").json == {"count": 1}
    Session(app)
    client = app.test_client()
    client.get("/count")
    assert client.get("/count").json == {"count": 2}
    assert redis.keys() == [f"session:{session_id(client)}".encode()]
