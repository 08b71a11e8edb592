"""Flask-HTTPAuth: names and passwords, digests and tokens in the Authorization header."""

import hashlib

import pytest
from flask import Flask, g, jsonify
from flask_httpauth import HTTPBasicAuth, HTTPDigestAuth, HTTPTokenAuth, MultiAuth
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.http import parse_dict_header
from werkzeug.security import check_password_hash, generate_password_hash

PASSWORDS = {
    "ada": generate_password_hash("engine", "pbkdf2:sha256:1000"),
    "zoë": generate_password_hash("naïve", "pbkdf2:sha256:1000"),
}
ROLES = {"ada": ["admin", "author"], "zoë": "author"}

basic = HTTPBasicAuth(realm="shop")
tokens = HTTPTokenAuth(scheme="Bearer")
keys = HTTPTokenAuth(header="X-API-Key")
digest = HTTPDigestAuth(realm="vault")
either = MultiAuth(basic, tokens, keys)


def signer():
    return URLSafeSerializer("a key of the program", "token")


@basic.verify_password
def check(name, password):
    return name if name in PASSWORDS and check_password_hash(PASSWORDS[name], password) else None


@basic.get_user_roles
def roles(name):
    return ROLES[name]


@basic.error_handler
def refused(status):
    return {"refused": status}, status


@tokens.verify_token
@keys.verify_token
def check_token(token):
    try:
        return signer().loads(token)
    except BadSignature:
        return None


@tokens.get_user_roles
def roles_of_token(name):
    return ROLES.get(name)


@digest.get_password
def password_of(name):
    return {"ada": "engine"}.get(name)


@pytest.fixture
def client():
    app = Flask(__name__)
    app.secret_key = "a key of the program"

    @app.get("/me")
    @basic.login_required
    def me():
        return jsonify(basic.current_user())

    @app.get("/admin")
    @basic.login_required(role="admin")
    def admin():
        return "panel"

    @app.get("/desk")
    @basic.login_required(role=["guard", ["admin", "author"]])
    def desk():
        return "desk"

    @app.get("/news")
    @basic.login_required(optional=True)
    def news():
        return f"news for {basic.current_user() or 'everybody'}"

    @app.get("/token")
    @basic.login_required
    def token():
        return signer().dumps(basic.current_user())

    @app.get("/api")
    @either.login_required
    def api():
        return jsonify([either.current_user(), g.flask_httpauth_user])

    @app.get("/bearer")
    @tokens.login_required
    def bearer():
        return jsonify(tokens.current_user())

    @app.get("/vault")
    @digest.login_required
    def vault():
        return f"gold of {digest.username()}"

    return app.test_client()


@pytest.mark.parametrize(("name", "password"), [("ada", "engine"), ("zoë", "naïve")])
def test_basic(client, name, password):
    """The right password opens the view, also with letters beyond ASCII."""
    assert client.get("/me", auth=(name, password)).json == name


@pytest.mark.parametrize(
    "header", [None, "Basic", "Basic !!", "Basic YWRh", "Basic YWRhOndyb25n", "Bearer YWRhOndyb25n"]
)
def test_basic_refuses(client, header):
    """Anything else gets 401, the name of the realm, and the answer of the application's handler."""
    response = client.get("/me", headers={"Authorization": header} if header else {})
    assert (response.status_code, response.json) == (401, {"refused": 401})
    assert response.headers["WWW-Authenticate"] == 'Basic realm="shop"'


def test_roles(client):
    """A role that is missing gives 403, and several may be asked for at once."""
    ada, zoe = ("ada", "engine"), ("zoë", "naïve")
    assert client.get("/admin", auth=ada).text == "panel"
    assert client.get("/admin", auth=zoe).json == {"refused": 403}
    assert [client.get("/desk", auth=who).status_code for who in (ada, zoe)] == [200, 403]


def test_optional(client):
    """Where a login is optional, strangers are let in without a name."""
    assert client.get("/news").text == "news for everybody"
    assert client.get("/news", auth=("ada", "engine")).text == "news for ada"


def test_tokens(client):
    """A token that the application signed stands for a name and a password."""
    token = client.get("/token", auth=("ada", "engine")).text
    assert client.get("/bearer", headers={"Authorization": f"Bearer {token}"}).json == "ada"
    refused = client.get("/bearer", headers={"Authorization": f"Bearer {token}x"})
    assert (refused.status_code, refused.text) == (401, "Unauthorized Access")
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="Authentication Required"'


def test_several_ways(client):
    """One view takes a password, a token, or a key in a header of its own."""
    token = signer().dumps("ada")
    for headers in ({"Authorization": f"Bearer {token}"}, {"X-API-Key": token}):
        assert client.get("/api", headers=headers).json == ["ada", "ada"]
    assert client.get("/api", auth=("ada", "engine")).json == ["ada", "ada"]
    assert client.get("/api").status_code == 401


def answer_digest(challenge, password, path="/vault"):
    """Returns the Authorization header that RFC 2617 §3.2.2 asks for."""

    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    kind, _, rest = challenge.partition(" ")
    asked = parse_dict_header(rest)
    assert (kind, asked["realm"], asked["qop"]) == ("Digest", "vault", "auth")
    proof = md5(
        ":".join([md5(f"ada:vault:{password}"), asked["nonce"], "00000001", "client", "auth", md5(f"GET:{path}")])
    )
    return (
        f'Digest username="ada", realm="vault", nonce="{asked["nonce"]}", uri="{path}", response="{proof}",'
        f' opaque="{asked["opaque"]}", qop=auth, nc=00000001, cnonce="client"'
    )


def test_digest(client):
    """The password itself is never sent; the session keeps the number used once."""
    challenge = client.get("/vault")
    assert challenge.status_code == 401
    header = answer_digest(challenge.headers["WWW-Authenticate"], "engine")
    assert client.get("/vault", headers={"Authorization": header}).text == "gold of ada"


def test_digest_refuses(client):
    """A wrong password is refused, and so is an answer from another session."""
    challenge = client.get("/vault").headers["WWW-Authenticate"]
    wrong = answer_digest(challenge, "wrong")
    assert client.get("/vault", headers={"Authorization": wrong}).status_code == 401
    right = answer_digest(challenge, "engine")
    assert client.get("/vault", headers={"Authorization": right}).status_code == 401
    fresh = answer_digest(client.get("/vault").headers["WWW-Authenticate"], "engine")
    assert client.application.test_client().get("/vault", headers={"Authorization": fresh}).status_code == 401
    assert client.get("/vault", headers={"Authorization": fresh}).status_code == 200
