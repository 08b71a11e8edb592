"""Flask-Caching: a page with news that are fetched once, kept in memory, in files or in Redis."""

import pytest
from flask import Flask, jsonify, make_response, render_template_string, request
from flask.views import View
from flask_caching import Cache, make_template_fragment_key

FRAGMENT = "{% cache 60, 'greeting', name %}Hello {{ name }}, the {{ counted() }}.{% endcache %}"


@pytest.fixture(params=["SimpleCache", "FileSystemCache", "RedisCache"])
def config(request, tmp_path):
    """The settings of each kind of cache, empty at first."""
    settings = {"CACHE_TYPE": request.param, "CACHE_DEFAULT_TIMEOUT": 60, "CACHE_KEY_PREFIX": "news:"}
    if request.param == "FileSystemCache":
        settings["CACHE_DIR"] = str(tmp_path / "cache")
        settings["CACHE_OPTIONS"] = {"mode": 0o600}
    if request.param == "RedisCache":
        import redis

        settings["CACHE_REDIS_URL"] = request.getfixturevalue("redis_url")
        redis.Redis.from_url(settings["CACHE_REDIS_URL"]).flushall()
    return settings


@pytest.fixture
def app(config):
    app = Flask(__name__)
    app.config.from_mapping(config)
    cache = Cache()
    cache.init_app(app)
    app.cache = cache
    app.calls = []

    def counted(what="call"):
        app.calls.append(what)
        return f"{what} {len(app.calls)}"

    app.jinja_env.globals["counted"] = counted

    @app.get("/news")
    @cache.cached(timeout=50, response_hit_indication=True)
    def news():
        return counted("news")

    @app.get("/json")
    @cache.cached()
    def as_json():
        response = jsonify(answer=counted("json"))
        response.headers["X-Made"] = "once"
        return response, 202

    @app.get("/search")
    @cache.cached(query_string=True)
    def search():
        return counted(request.args.get("q", ""))

    @app.get("/unless/<name>")
    @cache.cached(
        unless=lambda: request.args.get("fresh") == "1",
        response_filter=lambda response: response[1] == 200,
        key_prefix="unless-%s",
    )
    def unless(name):
        return counted(name), 404 if name == "missing" else 200

    @app.get("/user")
    @cache.cached(make_cache_key=lambda *args, **kwargs: "user-" + request.headers["X-User"])
    def user():
        return make_response(counted(request.headers["X-User"]))

    @app.get("/hello/<name>")
    def hello(name):
        return render_template_string(FRAGMENT, name=name)

    @app.get("/streamed")
    @cache.cached()
    def streamed():
        return (f"{counted('part')} {number};" for number in range(2))

    class Report(View):
        decorators = [cache.cached()]

        def dispatch_request(self):
            return counted("report")

    app.add_url_rule("/report", view_func=Report.as_view("report"))
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def test_view(client, app):
    """A view is asked once; the answer says when it is from the cache."""
    first, second = client.get("/news"), client.get("/news")
    assert (first.text, second.text) == ("news 1", "news 1")
    assert "hit_cache" not in first.headers
    assert second.headers["hit_cache"] == "True"
    with app.test_request_context("/news"):
        assert app.cache.get("view//news") == "news 1"
    app.cache.clear()
    assert client.get("/news").text == "news 2"
    assert [client.get("/report").text for _ in range(2)] == ["report 3"] * 2


def test_whole_answer(client, app):
    """Status and headers are kept with the body."""
    for _ in range(2):
        response = client.get("/json")
        assert (response.status_code, response.json) == (202, {"answer": "json 1"})
        assert response.headers["X-Made"] == "once"
    assert app.calls == ["json"]


def test_query_string(client, app):
    """With the query in the key its order does not count, but its values do."""
    assert client.get("/search?q=a&page=1").text == "a 1"
    assert client.get("/search?page=1&q=a").text == "a 1"
    assert client.get("/search?q=b&page=1").text == "b 2"
    with app.app_context():
        assert app.cache.delete_cached(app.view_functions["search"], "/search", {"q": "b", "page": "1"})
    assert client.get("/search?q=b&page=1").text == "b 3"


def test_conditions(client):
    """Some requests pass the cache by, and some answers are not kept."""
    assert client.get("/unless/a").text == "a 1"
    assert client.get("/unless/a?fresh=1").text == "a 2"
    assert client.get("/unless/a").text == "a 1"
    assert [client.get("/unless/missing").text for _ in range(2)] == ["missing 3", "missing 4"]


def test_own_key(client, app):
    """The application may make the key."""
    users = ["ada", "bo", "ada"]
    assert [client.get("/user", headers={"X-User": user}).text for user in users] == ["ada 1", "bo 2", "ada 1"]
    assert app.cache.has("user-ada")


def test_memoize(app):
    """A function is called once for the same arguments, however they are passed, until its results are deleted."""

    @app.cache.memoize(60)
    def add(a, b=10):
        app.calls.append((a, b))
        return a + b

    with app.test_request_context():
        assert [add(1), add(1, 10), add(a=1, b=10), add(2)] == [11, 11, 11, 12]
        assert app.calls == [(1, 10), (2, 10)]
        app.cache.delete_memoized(add, 1)
        assert [add(1), add(2)] == [11, 12]
        assert app.calls == [(1, 10), (2, 10), (1, 10)]
        app.cache.delete_memoized(add)
        assert add(2) == 12
        assert app.calls[3:] == [(2, 10)]
        assert add.uncached(5) == 15


def test_memoized_method(app):
    """Methods are told apart by the object, which has a representation."""

    class Adder:
        def __init__(self, number):
            self.number = number

        def __repr__(self):
            return f"Adder({self.number})"

        @app.cache.memoize()
        def add(self, other):
            app.calls.append(other)
            return self.number + other

    with app.test_request_context():
        one, two = Adder(1), Adder(2)
        assert [one.add(5), one.add(5), two.add(5)] == [6, 6, 7]
        app.cache.delete_memoized(one.add)
        assert [one.add(5), two.add(5)] == [6, 7]
        assert len(app.calls) == 3


def test_template_fragment(client, app):
    """A part of a template is kept for each value that it depends on, and can be deleted."""
    assert [client.get(f"/hello/{name}").text for name in ("Ada", "Bo", "Ada")] == [
        "Hello Ada, the call 1.",
        "Hello Bo, the call 2.",
        "Hello Ada, the call 1.",
    ]
    assert app.cache.delete(make_template_fragment_key("greeting", vary_on=["Ada"]))
    assert client.get("/hello/Ada").text == "Hello Ada, the call 3."


def test_values(app):
    """The cache is also there for values, alone or many at once."""
    cache = app.cache
    assert cache.set("a", {"deep": [1, 2]})
    assert cache.get("a") == {"deep": [1, 2]}
    assert not cache.add("a", 0)
    cache.set_many({"b": 2, "c": None})
    assert cache.get_many("a", "b", "d") == [{"deep": [1, 2]}, 2, None]
    assert cache.get_dict("b") == {"b": 2}
    assert cache.delete("a")
    assert not cache.has("a")
    cache.delete_many("b", "c")
    assert cache.get("b") is None


def test_streamed_answer(client):
    """An answer in pieces can be kept too."""
    assert [client.get("/streamed").text for _ in range(2)] == ["part 1 0;part 2 1;"] * 2


def test_no_cache():
    """Without a kind of cache every request is answered anew."""
    app = Flask(__name__)
    with pytest.warns(UserWarning, match="NullCache"):
        cache = Cache(app)
    numbers = iter(range(10))
    app.add_url_rule("/", view_func=cache.cached()(lambda: str(next(numbers))), endpoint="home")
    client = app.test_client()
    assert [client.get("/").text for _ in range(2)] == ["0", "1"]
