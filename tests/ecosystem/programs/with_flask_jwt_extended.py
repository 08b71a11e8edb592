"""Flask-JWT-Extended: signed tokens that say who asks, in headers and in cookies."""

from datetime import timedelta

import jwt
import pytest
from flask import Blueprint, Flask, jsonify, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    current_user,
    decode_token,
    get_jwt,
    get_jwt_identity,
    jwt_required,
    set_access_cookies,
    set_refresh_cookies,
    unset_jwt_cookies,
    verify_jwt_in_request,
)

KEY = "a key of the program that is long enough"
USERS = {"ada": {"name": "Ada", "roles": ["admin"]}, "bob": {"name": "Bob", "roles": []}}


@pytest.fixture
def app():
    app = Flask(__name__)
    app.config.update(
        JWT_SECRET_KEY=KEY,
        JWT_TOKEN_LOCATION=["headers", "cookies"],
        JWT_COOKIE_CSRF_PROTECT=True,
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(minutes=5),
    )
    manager = JWTManager(app)
    blocked = set()
    private = Blueprint("private", __name__, url_prefix="/private")

    @manager.token_in_blocklist_loader
    def is_blocked(header, payload):
        return payload["jti"] in blocked

    @manager.additional_claims_loader
    def claims(identity):
        return {"roles": USERS.get(identity, {}).get("roles", [])}

    @manager.user_lookup_loader
    def user(header, payload):
        return USERS.get(payload["sub"])

    @manager.expired_token_loader
    def expired(header, payload):
        return {"error": "expired", "of": payload["sub"]}, 419

    @app.post("/login")
    def login():
        name = request.json["name"]
        return {"access": create_access_token(name, fresh=True), "refresh": create_refresh_token(name)}

    @app.post("/login-with-cookies")
    def login_with_cookies():
        response = jsonify("welcome")
        set_access_cookies(response, create_access_token(request.json["name"]))
        set_refresh_cookies(response, create_refresh_token(request.json["name"]))
        return response

    @app.post("/leave")
    def leave():
        response = jsonify("bye")
        unset_jwt_cookies(response)
        return response

    @app.post("/refresh")
    @jwt_required(refresh=True)
    def refresh():
        return {"access": create_access_token(get_jwt_identity(), fresh=False)}

    @app.delete("/token")
    @jwt_required(verify_type=False)
    def logout():
        blocked.add(get_jwt()["jti"])
        return {"blocked": get_jwt()["type"]}

    @app.route("/me", methods=["GET", "POST"])
    @jwt_required()
    def me():
        return {"name": current_user["name"], "roles": get_jwt()["roles"]}

    @app.put("/password")
    @jwt_required(fresh=True)
    def password():
        return "changed"

    @app.get("/news")
    @jwt_required(optional=True)
    def news():
        return f"news for {get_jwt_identity() or 'everybody'}"

    @private.before_request
    def guard():
        verify_jwt_in_request()

    @private.get("/")
    def index():
        return "private"

    app.register_blueprint(private)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def log_in(client, name="ada"):
    return client.post("/login", json={"name": name}).json


def test_access_token(client):
    """The token names its owner, whose record is looked up."""
    tokens = log_in(client)
    assert client.get("/me", headers=bearer(tokens["access"])).json == {"name": "Ada", "roles": ["admin"]}
    payload = jwt.decode(tokens["access"], KEY, algorithms=["HS256"])
    assert (payload["sub"], payload["exp"] - payload["iat"]) == ("ada", 300)


@pytest.mark.parametrize(
    ("header", "status", "message"),
    [
        (None, 401, 'Missing JWT in cookies or headers (Missing cookie "access_token_cookie"; '
         "Missing Authorization Header)"),
        ("Bearer rubbish", 422, "Not enough segments"),
        ("Bearer " + jwt.encode({"sub": "ada"}, KEY + "x"), 422, "Signature verification failed"),
        ("Bearer " + jwt.encode({"sub": "ada"}, None, "none"), 422, "The specified alg value is not allowed"),
    ],
)  # fmt: skip
def test_refused(client, header, status, message):
    """A request without a token, and one with a token that we did not sign, say what is wrong."""
    response = client.get("/me", headers={"Authorization": header} if header else {})
    assert response.status_code == status
    assert response.json["msg"] == message or header is None


def test_deleted_user(client):
    """The token of somebody who is gone is refused."""
    response = client.get("/me", headers=bearer(log_in(client, "carl")["access"]))
    assert (response.status_code, response.json) == (401, {"msg": "Error loading the user carl"})


def test_expiry(app, client):
    """An old token is refused by the handler of the application."""
    with app.app_context():
        old = create_access_token("ada", expires_delta=timedelta(seconds=-1))
    response = client.get("/me", headers=bearer(old))
    assert (response.status_code, response.json) == (419, {"error": "expired", "of": "ada"})
    with app.app_context():
        assert decode_token(old, allow_expired=True)["sub"] == "ada"


def test_refresh(client):
    """A refresh token gives a new access token, which is no longer fresh."""
    tokens = log_in(client)
    assert client.get("/me", headers=bearer(tokens["refresh"])).status_code == 422
    assert client.post("/refresh", headers=bearer(tokens["access"])).status_code == 422
    new = client.post("/refresh", headers=bearer(tokens["refresh"])).json["access"]
    assert client.get("/me", headers=bearer(new)).status_code == 200
    assert client.put("/password", headers=bearer(new)).json == {"msg": "Fresh token required"}
    assert client.put("/password", headers=bearer(tokens["access"])).text == "changed"


def test_blocklist(client):
    """A token that was given back opens nothing any more."""
    tokens = log_in(client)
    assert client.delete("/token", headers=bearer(tokens["refresh"])).json == {"blocked": "refresh"}
    refused = client.post("/refresh", headers=bearer(tokens["refresh"]))
    assert (refused.status_code, refused.json) == (401, {"msg": "Token has been revoked"})
    assert client.get("/me", headers=bearer(tokens["access"])).status_code == 200


def test_optional_and_guarded_blueprint(client):
    """A view may do without a token; a hook asks for one in a whole blueprint."""
    headers = bearer(log_in(client, "bob")["access"])
    assert client.get("/news").text == "news for everybody"
    assert client.get("/news", headers=headers).text == "news for bob"
    assert client.get("/private/").status_code == 401
    assert client.get("/private/", headers=headers).text == "private"


def test_cookies(client):
    """The cookies cannot be read by scripts, the refresh token included, and are deleted at the end."""
    client.post("/login-with-cookies", json={"name": "bob"})
    for kind in ("access", "refresh"):
        assert client.get_cookie(f"{kind}_token_cookie").http_only
        assert not client.get_cookie(f"csrf_{kind}_token").http_only
    assert client.get("/me").json["name"] == "Bob"
    client.post("/leave")
    assert client.get_cookie("access_token_cookie") is None
    assert client.get("/me").status_code == 401


def test_cookies_need_the_double_submitted_token(client):
    """What changes something needs the token against forged requests in a header too."""
    client.post("/login-with-cookies", json={"name": "bob"})
    assert client.post("/me").json == {"msg": "Missing CSRF token"}
    forged = client.post("/me", headers={"X-CSRF-TOKEN": "forged"})
    assert (forged.status_code, forged.json) == (401, {"msg": "CSRF double submit tokens do not match"})
    token = client.get_cookie("csrf_access_token").value
    assert client.post("/me", headers={"X-CSRF-TOKEN": token}).json["name"] == "Bob"
    refresh = client.get_cookie("csrf_refresh_token").value
    assert "access" in client.post("/refresh", headers={"X-CSRF-TOKEN": refresh}).json


def test_tokens_in_the_query_and_the_body(app, client):
    """Other places for the token are settings."""
    app.config["JWT_TOKEN_LOCATION"] = ["query_string", "json"]
    token = log_in(client)["access"]
    assert client.get("/me", query_string={"jwt": token}).status_code == 200
    assert client.post("/me", json={"access_token": token}).status_code == 200
    assert client.get("/me", headers=bearer(token)).status_code == 401
