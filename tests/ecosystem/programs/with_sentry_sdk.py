"""Sentry: a shop that reports its errors and traces its requests."""

import io
import logging

import pytest
import sentry_sdk
from flask import Blueprint, Flask, abort, render_template_string, request
from flask_login import LoginManager, UserMixin, login_user
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.transport import Transport

log = logging.getLogger("shop.stock")


class User(UserMixin):
    def __init__(self, name):
        self.id = name
        self.email = f"{name}@shop.example"


def create_app():
    app = Flask(__name__)
    app.secret_key = "short and for tests only, nothing else"
    logins = LoginManager(app)
    logins.user_loader(User)
    admin = Blueprint("admin", __name__, url_prefix="/admin")

    @app.get("/")
    def index():
        return render_template_string("<head>{{ sentry_trace_meta }}</head>")

    @app.route("/items/<int:number>", methods=["GET", "POST"])
    def item(number):
        log.info("looking for %d", number)
        sentry_sdk.set_tag("item", number)
        if number == 404:
            abort(404)
        return {"price": 12 / number}

    @app.post("/login/<name>")
    def login(name):
        login_user(User(name))
        return "", 204

    @app.get("/handled")
    def handled():
        raise KeyError("handled")

    @app.errorhandler(KeyError)
    def missing(error):
        return "missing", 400

    @app.get("/reported")
    def reported():
        try:
            raise ValueError("swallowed")
        except ValueError as error:
            sentry_sdk.capture_exception(error)
        return "fine"

    @app.get("/pay")
    def pay():
        with sentry_sdk.start_span(op="payment", name="bank"):
            return "paid"

    @app.get("/stream")
    def stream():
        def parts():
            yield "first"
            raise RuntimeError("in the stream")

        return app.response_class(parts())

    @admin.get("/users/<name>")
    def users(name):
        raise RuntimeError(f"no {name}")

    app.register_blueprint(admin)
    return app


#: Was there, and has answered, before Sentry replaced a method of its class.
EARLY = create_app()
assert EARLY.test_client().get("/items/3").json == {"price": 4}


class Recorder(Transport):
    """Keeps what would be sent."""

    def __init__(self, options):
        super().__init__(options)
        self.envelopes = []

    def capture_envelope(self, envelope):
        self.envelopes.append(envelope)

    def _of(self, kind):
        items = [item for envelope in self.envelopes for item in envelope.items]
        return [item.payload.json for item in items if item.type == kind]

    @property
    def events(self):
        return self._of("event")

    @property
    def transactions(self):
        return self._of("transaction")


@pytest.fixture
def start():
    """Starts Sentry with some options."""

    def start(transaction_style="url", **options):
        sentry_sdk.init(
            dsn="https://key@sentry.example/1",
            transport=Recorder,
            integrations=[FlaskIntegration(transaction_style)],
            auto_enabling_integrations=False,
            **options,
        )
        return sentry_sdk.get_client().transport

    yield start
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)


@pytest.fixture(params=["early", "late"])
def app(request):
    return EARLY if request.param == "early" else create_app()


def test_an_error_is_one_event(start, app):
    """It has the URL rule as its transaction, the request's data, the error's place, and the tags set on the way."""
    sent = start()
    response = app.test_client().post(
        "/items/0?colour=red", json={"amount": 2}, headers={"X-Shop": "north", "Authorization": "secret"}
    )
    assert response.status_code == 500
    [event] = sent.events
    assert event["transaction"] == "/items/<int:number>"
    assert event["transaction_info"] == {"source": "route"}
    assert event["request"]["url"] == "http://localhost/items/0"
    assert event["request"]["method"] == "POST"
    assert event["request"]["query_string"] == "colour=red"
    assert event["request"]["data"] == {"amount": 2}
    assert event["request"]["headers"]["X-Shop"] == "north"
    assert event["request"]["headers"]["Authorization"] == "[Filtered]"
    assert event["tags"] == {"item": 0}
    [error] = event["exception"]["values"]
    assert error["type"] == "ZeroDivisionError"
    assert error["mechanism"] == {"type": "flask", "handled": False}
    last = error["stacktrace"]["frames"][-1]
    assert last["function"] == "item"
    assert last["context_line"].strip() == 'return {"price": 12 / number}'
    assert last["vars"]["number"] == "0"


def test_endpoint_as_transaction(start, app):
    """The transaction may be named after the endpoint, with the blueprint's name."""
    sent = start("endpoint")
    app.test_client().get("/admin/users/ann")
    [event] = sent.events
    assert event["transaction"] == "admin.users"
    assert event["transaction_info"] == {"source": "component"}


def test_form_and_files(start, app):
    """A posted form is in the event; of a file there is no content."""
    sent = start()
    app.test_client().post("/items/0", data={"name": "bread", "photo": (io.BytesIO(b"png"), "a.png")})
    [event] = sent.events
    assert event["request"]["data"]["name"] == "bread"
    assert event["request"]["data"]["photo"] == ""
    assert "png" not in str(event["request"])


def test_user(start, app):
    """Where personal data may be sent, the user of Flask-Login is in the event; else there is none."""
    client = app.test_client()
    client.post("/login/ann")
    sent = start(data_collection={"user_info": True})
    client.get("/items/0", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    [event] = sent.events
    assert event["user"]["id"] == "ann"
    assert event["user"]["email"] == "ann@shop.example"
    assert event["request"]["cookies"] == {"session": "[Filtered]"}
    sent = start()
    client.get("/items/0")
    assert "user" not in sent.events[0]
    assert "cookies" not in sent.events[0]["request"]


@pytest.mark.parametrize(("path", "status"), [("/handled", 400), ("/items/404", 404), ("/nowhere", 404), ("/", 200)])
def test_what_is_handled_is_no_event(start, app, path, status):
    """An error with a handler, and an answer that says no, are not reported."""
    sent = start()
    assert app.test_client().get(path).status_code == status
    assert sent.envelopes == []


def test_reported_by_hand(start, app):
    """An error that the view reports itself has the request's data too."""
    sent = start()
    assert app.test_client().get("/reported").text == "fine"
    [event] = sent.events
    assert event["transaction"] == "/reported"
    assert event["request"]["url"] == "http://localhost/reported"
    assert event["exception"]["values"][0]["value"] == "swallowed"


def test_error_that_goes_through(start, app):
    """An error that reaches the server, as when testing, is one event, not two."""
    sent = start()
    app.testing = True
    try:
        with pytest.raises(ZeroDivisionError):
            app.test_client().get("/items/0")
    finally:
        app.testing = False
    assert len(sent.events) == 1


def test_error_in_a_stream(start, app):
    """An error while the body is sent is reported."""
    sent = start()
    with pytest.raises(RuntimeError, match="in the stream"):
        app.test_client().get("/stream", buffered=True)
    [event] = sent.events
    assert event["exception"]["values"][0]["value"] == "in the stream"
    assert event["exception"]["values"][0]["mechanism"]["type"] == "wsgi"


def test_breadcrumbs(start, app):
    """What was logged before is in the event; what another request logged is not."""
    sent = start()
    log.setLevel(logging.INFO)
    client = app.test_client()
    client.get("/items/3")
    client.get("/items/0")
    [event] = sent.events
    assert [crumb["message"] for crumb in event["breadcrumbs"]["values"]] == ["looking for 0"]
    assert event["breadcrumbs"]["values"][0]["category"] == "shop.stock"


def test_tracing(start, app):
    """Each request is a transaction with its spans and status, and goes on with the trace of the caller."""
    sent = start(traces_sample_rate=1.0)
    client = app.test_client()
    trace = "12345678901234567890123456789012"
    assert client.get("/pay", headers={"sentry-trace": f"{trace}-1234567890123456-1"}).text == "paid"
    client.get("/items/0")
    client.get("/nowhere")
    paid, failed, missing = sent.transactions
    assert paid["transaction"] == "/pay"
    assert paid["contexts"]["trace"]["trace_id"] == trace
    assert paid["contexts"]["trace"]["origin"] == "auto.http.flask"
    assert paid["contexts"]["trace"]["status"] == "ok"
    assert [(span["op"], span["description"]) for span in paid["spans"]] == [("payment", "bank")]
    assert failed["transaction"] == "/items/<int:number>"
    assert failed["contexts"]["trace"]["status"] == "internal_error"
    assert missing["contexts"]["response"]["status_code"] == 404
    [event] = sent.events
    assert event["contexts"]["trace"]["trace_id"] == failed["contexts"]["trace"]["trace_id"]


def test_page_goes_on_with_the_trace(start, app):
    """Templates have the meta tags that let the browser's Sentry go on with the trace."""
    start(traces_sample_rate=1.0)
    text = app.test_client().get("/").text
    assert '<meta name="sentry-trace" content="' in text
    assert '<meta name="baggage" content="' in text


def test_the_view_can_read_the_body_itself(start):
    """The body that Sentry looks at is still there for the view, and the other way round."""
    sent = start()
    app = Flask(__name__)

    @app.post("/raw")
    def raw():
        raise RuntimeError(request.get_data(as_text=True))

    app.test_client().post("/raw", data="12,5", content_type="text/csv")
    [event] = sent.events
    assert event["exception"]["values"][0]["value"] == "12,5"
    assert event["request"]["url"] == "http://localhost/raw"
