"""Flask-Limiter: an API that serves each caller only so often."""

import time

import pytest
from flask import Blueprint, Flask, g, jsonify, make_response, request
from flask.cli import FlaskGroup
from flask.views import View
from flask_limiter import ExemptionScope, Limiter, RequestLimit
from flask_limiter.util import get_remote_address


@pytest.fixture(params=["memory", "redis"])
def storage(request):
    """Where the counts are kept; the tests run with each, with no counts at first."""
    if request.param == "memory":
        return "memory://"
    import redis

    url = request.getfixturevalue("redis_url")
    redis.Redis.from_url(url).flushall()
    return url


@pytest.fixture
def app(storage):
    app = Flask(__name__)
    app.config.update(RATELIMIT_HEADERS_ENABLED=True, RATELIMIT_STORAGE_URI=storage)
    limiter = Limiter(get_remote_address, default_limits=["4 per hour"], strategy="moving-window")
    limiter.init_app(app)
    app.limiter = limiter
    account = Blueprint("account", __name__, url_prefix="/account")
    inner = Blueprint("inner", __name__, url_prefix="/inner")
    free = Blueprint("free", __name__, url_prefix="/free")
    costly = limiter.shared_limit("3/hour", scope="costly")

    @app.get("/")
    def home():
        return "home"

    @app.get("/slow")
    @limiter.limit("2/hour;10/day", error_message="slowly, please")
    def slow():
        return "slow"

    @app.route("/form", methods=["GET", "POST"])
    @limiter.limit("1/hour", methods=["POST"])
    def form():
        return request.method

    @app.get("/users")
    @limiter.limit("1/hour", key_func=lambda: request.headers.get("X-User", "nobody"))
    def users():
        return "users"

    @app.get("/first")
    @costly
    def first():
        return "first"

    @app.get("/second")
    @costly
    def second():
        return "second"

    @app.get("/health")
    @limiter.exempt
    def health():
        return "well"

    @app.post("/login")
    @limiter.limit("2/hour", deduct_when=lambda response: response.status_code == 401)
    def login():
        return ("in", 200) if request.form.get("password") == "right" else ("no", 401)

    @app.get("/weight/<int:weight>")
    @limiter.limit("10/hour", cost=lambda: request.view_args["weight"])
    def weight(weight):
        return str(weight)

    @app.get("/own")
    @limiter.limit("1/hour", on_breach=lambda limit: make_response(f"own answer: {limit.limit}", 503))
    def own():
        return "own"

    @app.get("/batch")
    def batch():
        with limiter.limit("2/hour", scope="batch"):
            g.within = True
        return {"within": g.within}

    class Report(View):
        decorators = [limiter.limit("1/hour")]

        def dispatch_request(self):
            return "report"

    app.add_url_rule("/report", view_func=Report.as_view("report"))

    @account.get("/balance")
    def balance():
        return "balance"

    @inner.get("/")
    def inside():
        return "inside"

    @free.get("/")
    def nothing():
        return "costs nothing"

    limiter.limit("2/hour")(account)
    limiter.exempt(free, flags=ExemptionScope.DEFAULT | ExemptionScope.ANCESTORS)
    account.register_blueprint(inner)
    account.register_blueprint(free)
    app.register_blueprint(account)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def statuses(client, path, times, method="GET", **options):
    return [client.open(path, method=method, **options).status_code for _ in range(times)]


def test_default_limit(client):
    """Each path has the default limit, for each address; missing paths have none."""
    assert statuses(client, "/", 6) == [200] * 4 + [429] * 2
    assert statuses(client, "/", 1, environ_base={"REMOTE_ADDR": "192.0.2.7"}) == [200]
    assert statuses(client, "/nothing", 6) == [404] * 6
    assert statuses(client, "/health", 6) == [200] * 6


def test_headers(client):
    """The answers say how many requests are left, and until when to wait."""
    for left in (1, 0):
        headers = client.get("/slow").headers
        assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("2", str(left))
        assert 3590 < int(headers["X-RateLimit-Reset"]) - time.time() <= 3601
    refused = client.get("/slow")
    assert refused.status_code == 429
    assert "slowly, please" in refused.text
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert 3590 < int(refused.headers["Retry-After"]) <= 3600


def test_error_handler(client, app):
    """The handler for 429 gets the limit that was reached."""

    @app.errorhandler(429)
    def too_many(error):
        limit = app.limiter.current_limit
        assert isinstance(limit, RequestLimit)
        assert limit.breached
        return jsonify(error=error.description, limit=str(error.limit.limit)), 429

    assert statuses(client, "/slow", 2) == [200, 200]
    refused = client.get("/slow")
    assert (refused.status_code, refused.json) == (429, {"error": "slowly, please", "limit": "2 per 1 hour"})
    assert "Retry-After" in refused.headers


def test_methods_and_keys(client):
    """A limit may hold for one method, or for one user."""
    assert statuses(client, "/form", 2, "POST") == [200, 429]
    assert statuses(client, "/form", 3) == [200] * 3
    assert statuses(client, "/users", 2, headers={"X-User": "ada"}) == [200, 429]
    assert statuses(client, "/users", 1, headers={"X-User": "bo"}) == [200]


def test_shared_limit(client):
    """Two views count together."""
    assert statuses(client, "/first", 2) + statuses(client, "/second", 2) == [200, 200, 200, 429]
    assert statuses(client, "/first", 1) == [429]


def test_cost_and_condition(client):
    """Requests may cost more, or only count when they fail."""
    assert [client.get(f"/weight/{weight}").status_code for weight in (6, 5, 4, 1)] == [200, 429, 200, 429]
    assert statuses(client, "/login", 4, "POST", data={"password": "right"}) == [200] * 4
    assert statuses(client, "/login", 3, "POST") == [401, 401, 429]


def test_own_answer_and_context(client):
    """A limit may have its own answer, and hold for a part of a view only."""
    assert client.get("/own").status_code == 200
    refused = client.get("/own")
    assert (refused.status_code, refused.text) == (503, "own answer: 1 per 1 hour")
    assert statuses(client, "/batch", 3) == [200, 200, 429]
    assert statuses(client, "/report", 2) == [200, 429]


def test_blueprints(client):
    """The limit of a blueprint holds for its views and those of blueprints in it, but for one that is exempt."""
    assert statuses(client, "/account/balance", 3) == [200, 200, 429]
    assert statuses(client, "/account/inner/", 3) == [200, 200, 429]
    assert statuses(client, "/account/free/", 5) == [200] * 5


def test_application_limit_filter_and_reset(storage):
    """All paths together may have a limit, some callers none, and counts can be deleted."""
    app = Flask(__name__)
    limiter = Limiter(get_remote_address, app=app, application_limits=["3/hour"], storage_uri=storage)

    @limiter.request_filter
    def from_inside():
        return request.headers.get("X-Inside") == "yes"

    for name in ("one", "two"):
        app.add_url_rule(f"/{name}", name, lambda: "ok")
    client = app.test_client()
    assert statuses(client, "/one", 2) + statuses(client, "/two", 2) == [200, 200, 200, 429]
    assert statuses(client, "/one", 2, headers={"X-Inside": "yes"}) == [200, 200]
    limiter.reset()
    assert statuses(client, "/two", 1) == [200]
    limiter.enabled = False
    assert statuses(client, "/two", 5) == [200] * 5


def test_time_passes(storage):
    """After the time of the limit requests are served again."""
    app = Flask(__name__)
    limiter = Limiter(get_remote_address, app=app, storage_uri=storage, strategy="moving-window")
    app.add_url_rule("/", view_func=limiter.limit("1 per second")(lambda: "ok"), endpoint="home")
    client = app.test_client()
    assert statuses(client, "/", 2) == [200, 429]
    time.sleep(1.1)
    assert statuses(client, "/", 1) == [200]


def test_command_line(app):
    """The command that Flask-Limiter adds to ``flask`` lists the limits of the views."""
    group = FlaskGroup(create_app=lambda: app)
    result = app.test_cli_runner().invoke(group, ["limiter", "limits"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "slow" in result.output
    assert "2 per 1 hour" in result.output
