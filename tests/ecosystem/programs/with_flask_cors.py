"""Flask-CORS: an API for pages of other origins."""

import pytest
from flask import Blueprint, Flask, jsonify
from flask_cors import CORS, cross_origin

PAGE = "https://shop.example"


@pytest.fixture
def client():
    app = Flask(__name__)
    CORS(app, resources={r"/api/*": {"origins": [PAGE], "supports_credentials": True}})
    admin = Blueprint("admin", __name__, url_prefix="/admin")

    @app.get("/api/items")
    def items():
        return jsonify(["bread"])

    @app.put("/api/items/<int:number>")
    def save(number):
        return {"saved": number}

    @app.get("/private")
    def private():
        return "not for other pages"

    @admin.post("/notes")
    @cross_origin(origins="*", methods=["POST"], max_age=600)
    def notes():
        return "noted", 201

    app.register_blueprint(admin)
    return app.test_client()


def test_a_trusted_page_may_read(client):
    """The answer names the origin, and lets it send cookies."""
    response = client.get("/api/items", headers={"Origin": PAGE})
    assert response.json == ["bread"]
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    assert response.headers["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.parametrize(
    ("path", "origin"), [("/api/items", "https://evil.example"), ("/private", PAGE), ("/api/missing", "null")]
)
def test_nobody_else_may(client, path, origin):
    """Other origins, and other paths, get no permission."""
    assert "Access-Control-Allow-Origin" not in client.get(path, headers={"Origin": origin}).headers


def test_preflight(client):
    """The question before a PUT is answered with the methods and headers that are allowed."""
    headers = {"Origin": PAGE, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "X-Token"}
    response = client.options("/api/items/3", headers=headers)
    assert response.status_code == 200
    assert "PUT" in response.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Allow-Headers"] == "X-Token"


def test_decorator(client):
    """The decorator holds for one view of a blueprint."""
    response = client.post("/admin/notes", headers={"Origin": PAGE})
    assert response.status_code == 201
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    preflight = client.options("/admin/notes", headers={"Origin": PAGE, "Access-Control-Request-Method": "POST"})
    assert preflight.headers["Access-Control-Max-Age"] == "600"
