"""Flask-Principal: what an identity may do, from roles and from needs for single things."""

from functools import partial

import pytest
from flask import Flask, current_app, g, render_template_string, request, session
from flask_principal import (
    AnonymousIdentity,
    Denial,
    Identity,
    ItemNeed,
    Permission,
    PermissionDenied,
    Principal,
    RoleNeed,
    UserNeed,
    identity_changed,
    identity_loaded,
)

ROLES = {"ada": ["admin"], "bob": ["author"], "eve": ["author", "banned"]}
POSTS = {"bob": [3]}

admin = Permission(RoleNeed("admin"))
writer = Permission(RoleNeed("author"), RoleNeed("admin")).difference(Denial(RoleNeed("banned")))
EditNeed = partial(ItemNeed, "edit", type="post")


@pytest.fixture
def app():
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "a key of the program"
    Principal(app)

    @identity_loaded.connect_via(app)
    def provide(sender, identity):
        if identity.id is None:
            return
        identity.provides.add(UserNeed(identity.id))
        identity.provides.update(RoleNeed(role) for role in ROLES.get(identity.id, ()))
        identity.provides.update(EditNeed(number) for number in POSTS.get(identity.id, ()))

    @app.post("/login")
    def login():
        identity_changed.send(current_app._get_current_object(), identity=Identity(request.form["name"]))
        return {"needs": sorted(str(need.value) for need in g.identity.provides)}

    @app.post("/logout")
    def logout():
        for key in ("identity.id", "identity.auth_type"):
            session.pop(key, None)
        identity_changed.send(current_app._get_current_object(), identity=AnonymousIdentity())
        return "bye"

    @app.get("/who")
    def who():
        return {"id": g.identity.id, "kind": g.identity.auth_type}

    @app.get("/admin")
    @admin.require(403)
    def panel():
        return "panel"

    @app.get("/posts/new")
    @writer.require()
    def new():
        return "new post"

    @app.put("/posts/<int:number>")
    def edit(number):
        with Permission(EditNeed(number), RoleNeed("admin")).require(http_exception=404):
            return {"edited": number}

    @app.get("/menu")
    def menu():
        return render_template_string("read{% if admin.can() %} delete{% endif %}", admin=admin)

    @app.errorhandler(PermissionDenied)
    def denied(error):
        return f"denied: {type(error.args[0]).__name__}", 403

    return app


@pytest.fixture
def client(app):
    return app.test_client()


def log_in(client, name):
    return client.post("/login", data={"name": name})


def test_identity_stays_in_the_session(app, client):
    """The identity is loaded from the session at each request, and only for its client."""
    assert log_in(client, "bob").json == {"needs": ["3", "author", "bob"]}
    assert client.get("/who").json["id"] == "bob"
    assert app.test_client().get("/who").json["id"] is None
    with client.session_transaction() as data:
        assert data["identity.id"] == "bob"


def test_logout(client):
    """After logout nothing is allowed."""
    log_in(client, "ada")
    assert client.get("/admin").text == "panel"
    client.post("/logout")
    assert client.get("/admin").status_code == 403
    assert client.get("/who").json["id"] is None


@pytest.mark.parametrize(("name", "status"), [(None, 403), ("bob", 403), ("ada", 200)])
def test_role(client, name, status):
    """A view for one role is forbidden to the others."""
    if name:
        log_in(client, name)
    assert client.get("/admin").status_code == status


@pytest.mark.parametrize(("name", "status"), [("ada", 200), ("bob", 200), ("carl", 403)])
def test_any_of_several_roles(client, name, status):
    """A permission of several needs is met by one of them; the handler of the application answers otherwise."""
    log_in(client, name)
    response = client.get("/posts/new")
    assert response.status_code == status
    assert status == 200 or response.text == "denied: Permission"


def test_need_for_a_thing(client):
    """The author of a post may change that one, an administrator every one."""
    assert client.put("/posts/3").status_code == 404
    log_in(client, "bob")
    assert client.put("/posts/3").json == {"edited": 3}
    assert client.put("/posts/4").status_code == 404
    log_in(client, "ada")
    assert client.put("/posts/4").json == {"edited": 4}


def test_template_asks(client):
    """A template shows what the identity may do."""
    assert client.get("/menu").text == "read"
    log_in(client, "ada")
    assert client.get("/menu").text == "read delete"


def test_sets_of_needs(app):
    """Permissions are combined, and a denial beats a need."""
    with app.test_request_context():
        g.identity = Identity("eve")
        g.identity.provides.update([RoleNeed("author"), RoleNeed("banned")])
        careful = Permission(RoleNeed("author")).union(Denial(RoleNeed("banned")))
        assert Permission(RoleNeed("author")).can() and not careful.can()
        assert Permission(RoleNeed("author")).issubset(Permission(RoleNeed("author"), RoleNeed("admin")))
        assert admin.reverse().can()


def test_own_loader(app):
    """Identities come from a header, without the session."""
    app.config["SECRET_KEY"] = None
    principal = Principal(use_sessions=False)
    principal.init_app(app)

    @principal.identity_loader
    def by_header():
        name = request.headers.get("X-Name")
        return Identity(name, "header") if name else None

    assert app.test_client().get("/who", headers={"X-Name": "ada"}).json == {"id": "ada", "kind": "header"}
    assert app.test_client().get("/admin", headers={"X-Name": "ada"}).text == "panel"
