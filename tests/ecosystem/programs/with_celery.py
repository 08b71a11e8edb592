"""Celery: a shop whose slow work is done by a worker process, inside the application's context."""

import importlib
import os
import signal
import subprocess
import sys
import time

import pytest
from celery import chain, group
from redis import Redis

FRAMEWORK = os.environ.get("ECOSYSTEM_FRAMEWORK", "costrel")

#: The application, as a module of its own that the worker imports too.
SHOP = '''
import os
import sys

from celery import Celery, Task, shared_task
from celery.result import AsyncResult
from flask import Flask, current_app, g, has_request_context, render_template_string, request, url_for
from redis import Redis

REDIS = os.environ["SHOP_REDIS"]


def create_celery(app):
    class ContextTask(Task):
        def __call__(self, *args, **kwargs):
            with app.app_context():
                return super().__call__(*args, **kwargs)

    celery = Celery(app.name, task_cls=ContextTask)
    celery.conf.update(app.config["CELERY"])
    celery.set_default()
    app.extensions["celery"] = celery
    return celery


@shared_task
def add(left, right):
    return left + right


@shared_task
def surroundings():
    return {
        "application": current_app.name,
        "currency": current_app.config["CURRENCY"],
        "url": url_for("order", number=7),
        "page": render_template_string("{{ config.CURRENCY }} {{ number }}", number=7),
        "request": has_request_context(),
        "process": os.getpid(),
        "framework": type(current_app._get_current_object()).__mro__[-2].__module__.partition(".")[0],
        "real_flask": sorted(
            name
            for name, module in sys.modules.items()
            if (getattr(module, "__file__", None) or "").endswith(os.path.join("flask", "app.py"))
        ),
    }


@shared_task
def visit():
    """Counts on g, which each task has for itself."""
    g.visits = g.get("visits", 0) + 1
    return g.visits


@shared_task(bind=True, max_retries=2)
def send_receipt(self, number):
    """Succeeds at the second attempt."""
    if self.request.retries == 0:
        raise self.retry(countdown=0)
    return f"receipt {number} after {self.request.retries}"


@shared_task
def fail():
    raise LookupError("no such order")


@shared_task(bind=True)
def total(self, prices):
    self.update_state(state="PROGRESS", meta={"done": len(prices)})
    return sum(prices)


def create_app():
    app = Flask("shop")
    app.config.update(
        CURRENCY="EUR",
        SERVER_NAME="shop.example",
        CELERY={"broker_url": REDIS, "result_backend": REDIS, "broker_connection_retry_on_startup": True},
    )
    create_celery(app)

    @app.teardown_appcontext
    def end(error):
        if not has_request_context():
            with Redis.from_url(REDIS) as store:
                store.rpush("ended", str(error))

    @app.get("/orders/<int:number>")
    def order(number):
        return {"number": number}

    @app.post("/sums")
    def begin():
        result = add.delay(request.form.get("left", type=int), request.form.get("right", type=int))
        return {"id": result.id}, 202

    @app.get("/sums/<id>")
    def result(id):
        found = AsyncResult(id)
        ready = found.ready()
        return {"ready": ready, "ok": found.successful() if ready else None, "value": found.result if ready else None}

    return app


flask_app = create_app()
celery_app = flask_app.extensions["celery"]
'''


@pytest.fixture(scope="module")
def shop(tmp_path_factory, redis_url):
    """The application's module, imported here; a worker runs it beside."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "ecosystem_shop.py").write_text(SHOP, encoding="utf-8")
    environment = pytest.MonkeyPatch()
    environment.setenv("SHOP_REDIS", redis_url)
    environment.syspath_prepend(str(folder))
    shop = importlib.import_module("ecosystem_shop")
    log = folder / "worker.log"
    command = [sys.executable, *(["-m", "costrel.as_flask"] if FRAMEWORK == "costrel" else []), "-m", "celery"]
    command += ["--app", "ecosystem_shop", "worker", "--concurrency=2", "--loglevel=INFO"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    with log.open("wb") as output, subprocess.Popen(command, cwd=folder, stdout=output, stderr=output) as worker:
        try:
            deadline = time.monotonic() + 60
            while " ready." not in log.read_text():
                assert worker.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            shop.worker = worker
            yield shop
        finally:
            worker.send_signal(signal.SIGTERM)
            try:
                status = worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                raise
            finally:
                shop.celery_app.close()
                del sys.modules["ecosystem_shop"]
                environment.undo()
    assert status == 0, log.read_text()
    assert "Warm shutdown" in log.read_text()


@pytest.fixture
def client(shop):
    return shop.flask_app.test_client()


def value(result):
    return result.get(timeout=20)


def wait_for(client, path):
    deadline = time.monotonic() + 20
    while not (answer := client.get(path).json)["ready"]:
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
    return answer


def test_task_runs_in_the_application_context(shop):
    """The task has the application, its settings, URLs and templates, but no request; it runs in another process."""
    found = value(shop.surroundings.delay())
    assert found.pop("process") not in {os.getpid(), shop.worker.pid}
    assert found.pop("framework") == FRAMEWORK
    assert bool(found.pop("real_flask")) == (FRAMEWORK == "flask")
    assert found == {
        "application": "shop",
        "currency": "EUR",
        "url": "http://shop.example/orders/7",
        "page": "EUR 7",
        "request": False,
    }


def test_view_begins_a_task_and_another_has_its_result(client):
    """The browser gets a number for its task and asks for the result with it."""
    begun = client.post("/sums", data={"left": 20, "right": 22})
    assert begun.status_code == 202
    assert wait_for(client, f"/sums/{begun.json['id']}") == {"ready": True, "ok": True, "value": 42}


def test_unknown_task_is_not_ready(client):
    """A number that no task has is one that is not done."""
    assert client.get("/sums/unknown").json == {"ready": False, "ok": None, "value": None}


def test_each_task_has_a_context_of_its_own(shop, redis_url):
    """What one task puts on g no other one sees, and each context ends."""
    with Redis.from_url(redis_url) as store:
        store.delete("ended")
        assert [value(result) for result in [shop.visit.delay() for _ in range(6)]] == [1] * 6
        assert store.lrange("ended", 0, -1) == [b"None"] * 6


def test_failure(shop, redis_url):
    """The error of a task arrives where its result is asked for, and its context ends with it."""
    with Redis.from_url(redis_url) as store:
        store.delete("ended")
        result = shop.fail.delay()
        with pytest.raises(LookupError, match="no such order"):
            value(result)
        assert result.state == "FAILURE"
        assert "in fail" in result.traceback
        assert store.lrange("ended", 0, -1) == [b"no such order"]


def test_retry(shop):
    """A task may ask for another attempt."""
    assert value(shop.send_receipt.delay(7)) == "receipt 7 after 1"


def test_workflow(shop):
    """A group of tasks whose results go to another one."""
    sums = group(shop.add.s(number, number) for number in (1, 2, 3))
    with shop.flask_app.app_context():
        result = chain(sums, shop.total.s()).delay()
    assert value(result) == 12
    assert value(result.parent) == [2, 4, 6]


def test_called_like_a_function(shop, client):
    """A task that is called in a view's process runs there, in a context, and leaves none behind."""
    assert shop.surroundings()["process"] == os.getpid()
    assert shop.visit.apply().get() == 1
    with shop.flask_app.app_context():
        assert shop.visit() == 1
        assert shop.visit() == 1
    assert client.get("/orders/3").json == {"number": 3}
