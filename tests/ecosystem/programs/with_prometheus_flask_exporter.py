"""prometheus-flask-exporter: an API that counts and times its requests."""

import pytest
from flask import Blueprint, Flask, abort, request
from flask.views import MethodView
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from prometheus_flask_exporter import PrometheusMetrics


class Shop:
    """An application with its metrics."""

    def __init__(self, **options):
        self.app = app = Flask(__name__)
        self.metrics = metrics = PrometheusMetrics(app, registry=CollectorRegistry(), **options)
        admin = Blueprint("admin", __name__, url_prefix="/admin")

        @app.get("/items/<int:number>")
        @metrics.counter("items_read", "Items read", labels={"number": lambda: request.view_args["number"]})
        def item(number):
            if number == 0:
                abort(404)
            return {"number": number}

        @app.post("/orders")
        @metrics.counter("orders", "Orders", labels={"status": lambda response: response.status_code})
        @metrics.histogram("order_seconds", "Time for an order", buckets=(1, 10))
        @metrics.gauge("orders_in_progress", "Orders that are not done yet")
        def order():
            return {"in_progress": self.value("orders_in_progress")}, 201

        @app.get("/broken")
        @metrics.counter("broken", "Failures", labels={"status": lambda response: response.status_code})
        def broken():
            raise RuntimeError("no bread")

        @app.get("/health")
        @metrics.do_not_track()
        def health():
            return "well"

        @admin.get("/users")
        def users():
            return []

        class Stock(MethodView):
            decorators = [metrics.summary("stock", "Stock", labels={"method": lambda: request.method})]

            def get(self):
                return {"bread": 3}

            def put(self):
                return "", 204

        app.add_url_rule("/stock", view_func=Stock.as_view("stock"))
        app.register_blueprint(admin)
        self.client = app.test_client()

    def samples(self):
        response = self.client.get("/metrics")
        assert response.status_code == 200
        assert response.mimetype == "text/plain"
        families = text_string_to_metric_families(response.text)
        return [sample for family in families for sample in family.samples]

    def value(self, name, **labels):
        """Returns the sum of the samples of a name that have these labels, None where there are none."""
        found = [s.value for s in self.samples() if s.name == name and labels.items() <= s.labels.items()]
        return sum(found) if found else None


@pytest.fixture
def shop():
    return Shop(group_by="url_rule")


def test_every_request_is_counted_and_timed(shop):
    """The defaults count by method and status, and time by URL rule."""
    for number in (1, 2, 0):
        shop.client.get(f"/items/{number}")
    shop.client.get("/nothing-here")
    assert shop.value("flask_http_request_total", method="GET", status="200") == 2
    assert shop.value("flask_http_request_total", method="GET", status="404") == 2
    rule = "/items/<int:number>"
    assert shop.value("flask_http_request_duration_seconds_count", url_rule=rule, status="200") == 2
    assert shop.value("flask_http_request_duration_seconds_count", url_rule=rule, status="404") == 1
    assert shop.value("flask_http_request_duration_seconds_bucket", url_rule=rule, status="200", le="+Inf") == 2
    assert shop.value("flask_exporter_info") == 1


@pytest.mark.parametrize(
    ("group_by", "label", "value"), [("endpoint", "endpoint", "admin.users"), ("path", "path", "/admin/users")]
)
def test_grouping(group_by, label, value):
    """The time is kept by what the application chooses."""
    shop = Shop(group_by=group_by)
    shop.client.get("/admin/users")
    assert shop.value("flask_http_request_duration_seconds_count", **{label: value}) == 1


def test_by_blueprint():
    """A function may say what the time is kept by, and labels what is counted by."""

    def blueprint(asked):
        return asked.blueprint or "none"

    shop = Shop(group_by=blueprint, default_labels={"area": lambda: request.blueprint or "shop"}, buckets=(0.5, 5))
    for path in ("/admin/users", "/admin/users", "/items/1"):
        shop.client.get(path)
    assert shop.value("flask_http_request_duration_seconds_count", blueprint="admin") == 2
    assert shop.value("flask_http_request_duration_seconds_count", blueprint="none") == 1
    assert shop.value("flask_http_request_total", area="admin") == 2
    assert shop.value("flask_http_request_total", area="shop") == 1
    assert shop.value("flask_http_request_duration_seconds_bucket", blueprint="admin", le="5.0") == 2


def test_decorators(shop):
    """Counters, histograms and gauges on one view, one over the other."""
    shop.client.get("/items/7")
    shop.client.get("/items/0")
    response = shop.client.post("/orders")
    assert response.status_code == 201
    assert response.json == {"in_progress": 1}
    assert shop.value("items_read_total", number="7") == 1
    assert shop.value("items_read_total", number="0") == 1
    assert shop.value("orders_total", status="201") == 1
    assert shop.value("order_seconds_bucket", le="1.0") == 1
    assert shop.value("orders_in_progress") == 0


def test_class_views(shop):
    """A decorator on a class of views counts each method."""
    assert shop.client.get("/stock").json == {"bread": 3}
    assert shop.client.put("/stock").status_code == 204
    assert shop.value("stock_count", method="GET") == 1
    assert shop.value("stock_count", method="PUT") == 1


def test_errors(shop):
    """A failing view is counted as an error and still answers 500."""
    shop.app.config["PROPAGATE_EXCEPTIONS"] = False
    assert shop.client.get("/broken").status_code == 500
    assert shop.value("broken_total", status="500") == 1
    assert shop.value("flask_http_request_total", status="500") == 1
    assert shop.value("flask_http_request_duration_seconds_count", url_rule="/broken", status="500") == 1


def test_errors_that_nothing_catches(shop):
    """An error that goes through to the server is counted when the request ends."""
    shop.app.testing = True
    with pytest.raises(RuntimeError, match="no bread"):
        shop.client.get("/broken")
    assert shop.value("flask_http_request_exceptions_total", status="500") == 1
    assert shop.value("flask_http_request_total", status="500") == 1


def test_what_is_left_out():
    """Views that say so, and paths that match, are not counted."""
    shop = Shop(excluded_paths="/admin/.*")
    for path in ("/health", "/admin/users", "/items/1"):
        shop.client.get(path)
    assert shop.value("flask_http_request_total") == 1


def test_one_metric_only(shop):
    """The metrics' address takes the names that are wanted."""
    shop.client.get("/items/1")
    response = shop.client.get("/metrics?name[]=items_read_total")
    names = {family.name for family in text_string_to_metric_families(response.text)}
    assert names == {"items_read"}


def test_default_metrics_of_all_views_after_the_first_request(shop):
    """Views that are wrapped in the table of views while the application runs are wrapped from the next request on."""
    assert shop.client.get("/admin/users").json == []
    by_path = shop.metrics.counter("by_path", "Requests by path", labels={"path": lambda: request.path})
    shop.metrics.register_default(by_path, app=shop.app)
    assert shop.client.get("/admin/users").json == []
    assert shop.client.get("/health").text == "well"
    assert shop.value("by_path_total", path="/admin/users") == 1
    assert shop.value("by_path_total", path="/health") == 1


def test_factory():
    """One object for the metrics, made before the application; the endpoint may have another address."""
    metrics = PrometheusMetrics.for_app_factory(
        path="/internal/metrics", registry=CollectorRegistry(), defaults_prefix="shop"
    )
    app = Flask(__name__)

    @app.get("/")
    @metrics.counter("visits", "Visits")
    def index():
        return "welcome"

    metrics.init_app(app)
    metrics.info("shop_version", "Version", number="1.2")
    client = app.test_client()
    assert client.get("/").text == "welcome"
    text = client.get("/internal/metrics").text
    assert "visits_total 1.0" in text
    assert 'shop_version{number="1.2"} 1.0' in text
    assert 'shop_http_request_total{method="GET",status="200"} 1.0' in text
    assert client.get("/metrics").status_code == 404
