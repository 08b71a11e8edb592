"""Flask-DebugToolbar: the toolbar in the pages of a program with templates and a database."""

import re
from html import unescape

import pytest
from flask import Flask, g, make_response, redirect, render_template, session
from flask_debugtoolbar import DebugToolbarExtension
from flask_sqlalchemy import SQLAlchemy
from jinja2 import DictLoader

PAGE = "<!doctype html><html><body><h1>{{ title }}</h1></body></html>"


def build(folder, **config):
    app = Flask(__name__)
    app.jinja_loader = DictLoader({"page.html": PAGE})
    app.debug = True
    app.config |= {"SECRET_KEY": "for the toolbar", "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / 'notes.db'}"}
    app.config |= config
    toolbar = DebugToolbarExtension()
    toolbar.init_app(app)
    db = SQLAlchemy(app)

    class Note(db.Model):
        id = db.Column(db.Integer, primary_key=True)
        text = db.Column(db.String(50))

    with app.app_context():
        db.create_all()

    @app.route("/page/<name>", methods=["GET", "POST"])
    def page(name):
        g.user = "Ada"
        session["seen"] = "cake"
        app.logger.warning("a page for %s", name)
        return render_template("page.html", title=name)

    @app.get("/notes/<int:number>")
    def note(number):
        found = db.session.scalar(db.select(Note).where(Note.id == number))
        return f"<html><body>{found}</body></html>"

    @app.get("/old")
    def old():
        response = redirect("/page/new", 303)
        response.set_cookie("kept", "yes")
        return response

    @app.get("/data")
    def data():
        return {"page": "<body></body>"}

    @app.get("/missing")
    def missing():
        return make_response("<html><body>nothing here</body></html>", 404)

    @app.get("/stream")
    def stream():
        return (part for part in ("<html><body>", "</body></html>"))

    return app


@pytest.fixture
def make(tmp_path):
    made = []

    def make(**config):
        made.append(build(tmp_path, **config))
        return made[-1].test_client()

    yield make
    for app in made:
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture
def client(make):
    return make()


def panel(page, name):
    """Returns the text of a panel, without its tags."""
    found = re.search(rf'<div id="flDebug{name}Panel-content".*?(?=<div id="flDebug[\w-]+"|\Z)', page, re.S)
    return " ".join(unescape(re.sub("<[^>]*>", " ", found[0])).split())


def test_toolbar_in_a_page(client):
    """The toolbar stands before the end of the page, and the page has its length."""
    response = client.get("/page/home")
    assert response.text.startswith('<!doctype html><html><body><h1>home</h1><div id="flDebug"')
    assert response.text.endswith("</body></html>")
    assert response.content_length == len(response.data)
    assert "Flask 3.1.3" in response.text


def test_its_files(client):
    """The script that the page names is served."""
    source = re.search(r'src="([^"]*toolbar\.js)"', client.get("/page/home").text)[1]
    script = client.get(source)
    assert source == "/_debug_toolbar/static/js/toolbar.js"
    assert (script.status_code, script.mimetype) == (200, "text/javascript")
    assert client.get("/_debug_toolbar/static/../toolbar.py").status_code == 404
    script.close()


def test_request_panel(client):
    """The panel shows the view, its values, the query, the form, the cookies and the session."""
    client.set_cookie("theme", "dark")
    text = panel(client.post("/page/home?page=3", data={"wish": "bread"}).text, "RequestVars")
    assert "with_flask_debugtoolbar.page name=home" in text
    for part in ("'theme' 'dark'", "'seen' 'cake'", "'page' '3'", "'wish' 'bread'"):
        assert part in text


def test_other_panels(client):
    """The panels show headers, configuration, templates, log records, routes and ``g``."""
    page = client.get("/page/home", headers={"User-Agent": "Ada/1"}).text
    assert "HTTP_USER_AGENT Ada/1" in panel(page, "Header")
    assert "DEBUG_TB_ENABLED True" in panel(page, "ConfigVars")
    assert re.search("page.html Variable Value .*title 'home'", panel(page, "Template"))
    assert re.search(r"WARNING .* a page for home", panel(page, "Logging"))
    assert "/notes/<int:number> note GET, HEAD, OPTIONS" in panel(page, "RouteList")
    assert "user Ada" in panel(page, "g")


def test_database_panel(client):
    """The panel shows the statement and where in the program it was sent."""
    page = client.get("/notes/7").text
    assert "<small>1 query</small>" in page
    text = panel(page, "SQLAlchemy")
    assert re.search(r"with_flask_debugtoolbar\.py:\d+ \(note\)", text)
    assert re.search(r"SELECT .*note.*WHERE.*id = \?", text)
    assert "<small>0 queries</small>" in client.get("/page/home").text


def test_redirect_intercepted(client):
    """A redirect becomes a page with a link; its other headers stay."""
    response = client.get("/old")
    assert response.status_code == 200
    assert "Location" not in response.headers
    assert '<a href="/page/new">/page/new</a>' in response.text
    assert "Redirect (303)" in response.text
    assert 'id="flDebug"' in response.text
    assert response.headers["Set-Cookie"].startswith("kept=yes")


def test_redirect_let_through(make):
    """The configuration lets redirects through."""
    response = make(DEBUG_TB_INTERCEPT_REDIRECTS=False).get("/old")
    assert (response.status_code, response.location) == (303, "/page/new")


def test_error_pages(client):
    """A page of an error has the toolbar too."""
    response = client.get("/missing")
    assert response.status_code == 404
    assert 'id="flDebug"' in response.text


@pytest.mark.parametrize("path", ["/data", "/stream"])
def test_what_stays_unchanged(client, path):
    """JSON and streams pass as they are."""
    response = client.get(path)
    assert response.status_code == 200
    assert "flDebug" not in response.text


@pytest.mark.parametrize("config", [{"DEBUG_TB_HOSTS": ("10.0.0.1",)}, {"DEBUG_TB_ENABLED": False}])
def test_no_toolbar(make, config):
    """Other hosts, and programs that switch it off, get plain pages."""
    assert "flDebug" not in make(**config).get("/page/home").text


def test_profiler(make):
    """The profiler measures the view function, which still gets its values."""
    page = (
        make(DEBUG_TB_PROFILER_ENABLED=True, DEBUG_TB_PANELS=["flask_debugtoolbar.panels.profiler.ProfilerDebugPanel"])
        .get("/page/home")
        .text
    )
    assert "<h1>home</h1>" in page
    assert re.search(r"View: \d+\.\d\dms", page)
    assert "with_flask_debugtoolbar.py" in panel(page, "Profiler")


def test_secret_key():
    """Without a secret key the extension says that it needs one."""
    app = Flask(__name__)
    app.config["DEBUG_TB_ENABLED"] = True
    with pytest.raises(RuntimeError, match="SECRET_KEY"):
        DebugToolbarExtension(app)
