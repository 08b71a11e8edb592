"""Flask-Compress: pages, JSON, files and streams in fewer bytes."""

import gzip
import json
import zlib

import brotli
import pytest
from flask import Blueprint, Flask, Response, jsonify, request, send_file, stream_with_context
from flask_compress import Compress

TEXT = "the same words again and again, " * 200

OPEN = {"gzip": gzip.decompress, "br": brotli.decompress, "deflate": zlib.decompress}


class Kept(dict):
    set = dict.__setitem__


@pytest.fixture
def app(tmp_path):
    static = tmp_path / "static"
    static.mkdir()
    (static / "site.css").write_text("a { color: red }\n" * 100)
    app = Flask(__name__, static_folder=static)
    app.config["COMPRESS_ALGORITHM"] = ["br", "gzip", "deflate"]
    Compress(app)

    @app.get("/page")
    def page():
        return TEXT

    @app.get("/short")
    def short():
        return "short"

    @app.get("/data")
    def data():
        return jsonify([{"number": number} for number in range(200)])

    @app.get("/picture")
    def picture():
        return Response(b"\0" * 5000, mimetype="image/png")

    @app.get("/missing")
    def missing():
        return TEXT, 404

    @app.get("/vary")
    def vary():
        response = Response(TEXT, mimetype="text/plain", headers={"Vary": "Cookie"})
        response.add_etag()
        return response

    @app.get("/stream")
    def stream():
        def rows():
            for number in range(300):
                yield f"{request.args['name']} {number}\n"

        return Response(stream_with_context(rows()), mimetype="text/plain")

    @app.get("/file")
    def file():
        return send_file(static / "site.css", mimetype="text/css")

    return app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.mark.parametrize("algorithm", ["gzip", "br", "deflate"])
def test_algorithms(client, algorithm):
    """What the client asks for is used, and gives the same text back."""
    response = client.get("/page", headers={"Accept-Encoding": algorithm})
    assert response.headers["Content-Encoding"] == algorithm
    assert response.headers["Vary"] == "Accept-Encoding"
    assert int(response.headers["Content-Length"]) == len(response.data) < 300
    assert OPEN[algorithm](response.data).decode() == TEXT


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("*", "br"),
        ("identity", None),
        ("unheard-of", None),
        ("", None),
    ],
)
def test_choice(client, accepted, chosen):
    """The client's preferences count first, then the application's."""
    response = client.get("/page", headers={"Accept-Encoding": accepted})
    assert response.headers.get("Content-Encoding") == chosen
    assert chosen or response.text == TEXT


@pytest.mark.parametrize("path", ["/short", "/picture", "/missing"])
def test_not_compressed(client, path):
    """Short answers, pictures and errors stay as they are; caches are told all the same."""
    response = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in response.headers
    assert response.headers["Vary"] == "Accept-Encoding"
    assert len(response.data) == int(response.headers["Content-Length"])


def test_json(client):
    """JSON is compressed."""
    response = client.get("/data", headers={"Accept-Encoding": "gzip"})
    assert json.loads(gzip.decompress(response.data))[199] == {"number": 199}


def test_threshold_and_types(app):
    """Both the shortest length and the types are settings."""
    app.config["COMPRESS_MIN_SIZE"] = 3
    small = app.test_client().get("/short", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(small.data) == b"short"
    other = Flask(__name__)
    other.config["COMPRESS_MIMETYPES"] = ["image/png"]
    Compress(other)
    other.add_url_rule("/", view_func=lambda: TEXT)
    assert "Content-Encoding" not in other.test_client().get("/", headers={"Accept-Encoding": "gzip"}).headers


@pytest.mark.parametrize("algorithm", ["br", "deflate"])
def test_stream(client, app, algorithm):
    """A stream stays one: it is compressed piece by piece, with the request still there."""
    response = client.get("/stream?name=row", headers={"Accept-Encoding": algorithm}, buffered=False)
    assert response.headers["Content-Encoding"] == algorithm
    assert "Content-Length" not in response.headers
    assert response.is_streamed
    rows = OPEN[algorithm](b"".join(response.iter_encoded())).decode().splitlines()
    response.close()
    assert (len(rows), rows[-1]) == (300, "row 299")
    app.config["COMPRESS_STREAMS"] = False
    plain = client.get("/stream?name=row", headers={"Accept-Encoding": algorithm})
    assert "Content-Encoding" not in plain.headers
    assert plain.text.endswith("row 299\n")


@pytest.mark.parametrize("path", ["/static/site.css", "/file"])
def test_files(client, path):
    """Files are compressed as streams, and their entity tags name the algorithm."""
    plain = client.get(path)
    assert plain.text.startswith("a { color: red }")
    response = client.get(path, headers={"Accept-Encoding": "br"})
    assert brotli.decompress(response.data) == plain.data
    assert response.headers["ETag"] == f'{plain.headers["ETag"][:-1]}:br"'


def test_entity_tag(client):
    """A client that has the compressed page is told that it is still the same; other words of Vary stay."""
    headers = {"Accept-Encoding": "gzip"}
    first = client.get("/vary", headers=headers)
    assert first.headers["Vary"] == "Cookie, Accept-Encoding"
    assert first.get_etag()[0].endswith(":gzip")
    again = client.get("/vary", headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get("/vary", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_single_views_and_cache():
    """One view of a blueprint may be compressed alone; compressed answers may be kept."""
    app = Flask(__name__)
    app.config["COMPRESS_REGISTER"] = False
    app.config["COMPRESS_CACHE_BACKEND"] = Kept
    app.config["COMPRESS_CACHE_KEY"] = lambda request: request.path
    compress = Compress()
    compress.init_app(app)
    pages = Blueprint("pages", __name__)

    @pages.get("/long")
    @compress.compressed()
    def long():
        return TEXT

    @pages.get("/plain")
    def plain():
        return TEXT

    app.register_blueprint(pages)
    client = app.test_client()
    headers = {"Accept-Encoding": "gzip"}
    assert gzip.decompress(client.get("/long", headers=headers).data).decode() == TEXT
    assert list(compress.cache) == ["gzip;/long"]
    compress.cache["gzip;/long"] = gzip.compress(b"from the cache")
    assert gzip.decompress(client.get("/long", headers=headers).data) == b"from the cache"
    assert client.get("/plain", headers=headers).text == TEXT
