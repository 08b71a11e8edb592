"""OpenTelemetry: an API whose requests are spans."""

import flask
import pytest
from flask import Blueprint, Flask, Response, abort, stream_with_context
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode


def add_views(app):
    admin = Blueprint("admin", __name__, url_prefix="/admin")

    @app.get("/items/<int:number>")
    def item(number):
        if number == 404:
            abort(404)
        span = trace.get_current_span()
        span.set_attribute("item", number)
        return {"price": 12 / number, "trace": f"{span.get_span_context().trace_id:032x}"}

    @app.get("/stream")
    def stream():
        def parts():
            yield "first "
            yield flask.request.path

        return Response(stream_with_context(parts()))

    @app.get("/health")
    def health():
        return "well"

    @admin.post("/users/<name>")
    def users(name):
        return {"name": name}, 201

    app.register_blueprint(admin)
    return app


class Recorder:
    """Keeps the spans and measurements."""

    def __init__(self):
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader], shutdown_on_exit=False)

    @property
    def providers(self):
        return {"tracer_provider": self.tracer_provider, "meter_provider": self.meter_provider}

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    @property
    def names(self):
        return [span.name for span in self.spans]

    def points(self, name):
        resources = self.reader.get_metrics_data().resource_metrics
        metrics = [metric for resource in resources for scope in resource.scope_metrics for metric in scope.metrics]
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]


@pytest.fixture
def recorder():
    recorder = Recorder()
    yield recorder
    recorder.tracer_provider.shutdown()
    recorder.meter_provider.shutdown()


@pytest.fixture
def app(recorder):
    app = add_views(Flask(__name__))
    FlaskInstrumentor.instrument_app(app, **recorder.providers)
    return app


@pytest.fixture
def everywhere(recorder):
    """Instruments every application that is made from here on."""
    instrumentor = FlaskInstrumentor()

    def instrument(**options):
        instrumentor.instrument(**recorder.providers, **options)

    yield instrument
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


def test_span_of_a_request(app, recorder):
    """It has the method and the route as its name, says what was asked and answered, and is current in the view."""
    response = app.test_client().get("/items/3?colour=red", headers={"User-Agent": "browser"})
    [span] = recorder.spans
    assert span.name == "GET /items/<int:number>"
    assert span.kind == SpanKind.SERVER
    assert span.status.status_code == StatusCode.UNSET
    expected = {
        "http.method": "GET",
        "http.route": "/items/<int:number>",
        "http.status_code": 200,
        "http.target": "/items/3?colour=red",
        "http.user_agent": "browser",
        "item": 3,
    }
    assert expected.items() <= dict(span.attributes).items()
    assert response.json["trace"] == f"{span.context.trace_id:032x}"
    assert not trace.get_current_span().get_span_context().is_valid


def test_trace_of_the_caller(app, recorder):
    """A request with a trace goes on with it; each request has a span of its own."""
    client = app.test_client()
    caller = "0af7651916cd43dd8448eb211c80319c"
    client.get("/items/1", headers={"traceparent": f"00-{caller}-b7ad6b7169203331-01"})
    client.post("/admin/users/ann")
    first, second = recorder.spans
    assert f"{first.context.trace_id:032x}" == caller
    assert f"{first.parent.span_id:016x}" == "b7ad6b7169203331"
    assert second.name == "POST /admin/users/<name>"
    assert second.parent is None
    assert second.attributes["http.status_code"] == 201


def test_errors(app, recorder):
    """A view's error is recorded in the span; an answer that says no is none, and without a rule there is no route."""
    client = app.test_client()
    assert client.get("/items/0").status_code == 500
    assert client.get("/items/404").status_code == 404
    assert client.get("/nowhere").status_code == 404
    assert client.delete("/health").status_code == 405
    failed, missing, nowhere, refused = recorder.spans
    assert failed.status.status_code == StatusCode.ERROR
    assert failed.attributes["http.status_code"] == 500
    assert missing.status.status_code == StatusCode.UNSET
    assert missing.name == "GET /items/<int:number>"
    assert nowhere.attributes["http.status_code"] == 404
    assert "http.route" not in nowhere.attributes
    assert refused.attributes["http.status_code"] == 405


def test_error_that_goes_through(app, recorder):
    """An error that reaches the server is in the span, with its type and text."""
    app.testing = True
    with pytest.raises(ZeroDivisionError):
        app.test_client().get("/items/0")
    [span] = recorder.spans
    assert span.status.status_code == StatusCode.ERROR
    [event] = span.events
    assert event.name == "exception"
    assert event.attributes["exception.type"] == "ZeroDivisionError"
    assert not trace.get_current_span().get_span_context().is_valid


def test_stream(app, recorder):
    """The span of a streamed answer ends once, and the stream has its request."""
    response = app.test_client().get("/stream")
    assert response.text == "first /stream"
    response.close()
    assert recorder.names == ["GET /stream"]


def test_measurements(app, recorder):
    """The time of requests is measured by status, and none is in progress at the end."""
    client = app.test_client()
    for path in ("/items/1", "/items/2", "/items/0"):
        client.get(path)
    points = recorder.points("http.server.duration")
    assert {point.attributes["http.status_code"]: point.count for point in points} == {200: 2, 500: 1}
    assert sum(point.value for point in recorder.points("http.server.active_requests")) == 0


def test_hooks(recorder):
    """Functions of the application may add to a span when it begins and when it ends."""
    app = add_views(Flask(__name__))

    def begin(span, environ):
        span.set_attribute("shop", environ["HTTP_X_SHOP"])

    def end(span, status, headers):
        span.update_name(f"{status} {dict(headers)['Content-Type']}")

    FlaskInstrumentor.instrument_app(app, request_hook=begin, response_hook=end, **recorder.providers)
    app.test_client().get("/health", headers={"X-Shop": "north"})
    [span] = recorder.spans
    assert span.attributes["shop"] == "north"
    assert span.name == "200 OK text/html; charset=utf-8"


def test_excluded_urls(recorder):
    """Addresses that match have no span."""
    app = add_views(Flask(__name__))
    FlaskInstrumentor.instrument_app(app, excluded_urls="health,admin/.*", **recorder.providers)
    client = app.test_client()
    assert client.get("/health").text == "well"
    assert client.post("/admin/users/ann").status_code == 201
    client.get("/items/1")
    assert recorder.names == ["GET /items/<int:number>"]


def test_instrumentation_removed_after_requests(app, recorder):
    """An application that has answered requests can be let go, and be instrumented no more."""
    client = app.test_client()
    client.get("/items/1")
    FlaskInstrumentor.uninstrument_app(app)
    assert client.get("/items/2").json["price"] == 6
    assert client.get("/items/0").status_code == 500
    assert recorder.names == ["GET /items/<int:number>"]


def test_every_application(recorder, everywhere):
    """Once Flask is instrumented, new applications are, ones that were there are not, and names are looked up anew."""
    before = add_views(Flask(__name__))
    original = flask.Flask
    everywhere(excluded_urls="health", request_hook=lambda span, environ: span.set_attribute("hooked", True))
    assert flask.Flask is not original
    app = add_views(flask.Flask(__name__))
    assert isinstance(app, original)
    for each in (before, app):
        assert each.test_client().get("/items/4").json["price"] == 3
        assert each.test_client().get("/health").text == "well"
    assert recorder.names == ["GET /items/<int:number>"]
    assert recorder.spans[0].attributes["hooked"] is True
    FlaskInstrumentor().uninstrument()
    assert flask.Flask is original
    add_views(flask.Flask(__name__)).test_client().get("/items/4")
    assert len(recorder.spans) == 1


def test_middleware_put_on_after_the_first_request(app, recorder):
    """Another agent may wrap the instrumented application while it runs, and take its wrapper off."""
    client = app.test_client()
    client.get("/health")
    seen = []
    original = app.wsgi_app

    def wrapper(environ, start_response):
        seen.append(environ["PATH_INFO"])
        return original(environ, start_response)

    app.wsgi_app = wrapper
    client.get("/items/1")
    app.wsgi_app = original
    client.get("/health")
    assert seen == ["/items/1"]
    assert len(recorder.spans) == 3
