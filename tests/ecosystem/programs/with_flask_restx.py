"""Flask-RESTX: a documented API of a library, and its Swagger UI in a browser."""

import threading

import pytest
from flask import Blueprint, Flask
from flask_restx import Api, Namespace, Resource, fields, reqparse
from werkzeug.serving import make_server


class TooMany(Exception):
    pass


def books_namespace():
    books = Namespace("books", description="What can be borrowed")
    author = books.model("Author", {"name": fields.String(required=True)})
    book = books.model(
        "Book",
        {
            "id": fields.Integer(readonly=True, description="Number on the back"),
            "title": fields.String(required=True, min_length=2, example="Emma"),
            "pages": fields.Integer(min=1, attribute="length"),
            "language": fields.String(enum=["en", "de"], default="en"),
            "author": fields.Nested(author, skip_none=True),
            "link": fields.Url("books_book", absolute=True),
        },
    )
    novel = books.inherit("Novel", book, {"genre": fields.String})
    shelf = {1: {"id": 1, "title": "Emma", "length": 474, "author": {"name": "Austen"}}}
    query = reqparse.RequestParser()
    query.add_argument("title", location="args", help="A part of the title")
    query.add_argument("limit", type=int, default=5, location="args")

    @books.route("/")
    class Books(Resource):
        @books.doc("list_books")
        @books.expect(query, validate=True)
        @books.marshal_list_with(book)
        def get(self):
            """Lists the books."""
            wanted = query.parse_args()
            found = [entry for entry in shelf.values() if (wanted.title or "") in entry["title"]]
            return found[: wanted.limit]

        @books.expect(book)
        @books.marshal_with(book, code=201, mask="id,title")
        @books.response(409, "Exists")
        def post(self):
            """Adds a book."""
            if books.payload["title"] in {entry["title"] for entry in shelf.values()}:
                books.abort(409, "that book exists", title=books.payload["title"])
            number = len(shelf) + 1
            shelf[number] = {**books.payload, "id": number, "length": books.payload.get("pages")}
            return shelf[number], 201

    @books.route("/<int:id>")
    @books.param("id", "The number on the back")
    @books.response(404, "No such book")
    class Book(Resource):
        @books.marshal_with(novel, skip_none=True)
        def get(self, id):
            """Shows a book."""
            return shelf.get(id) or books.abort(404, f"there is no book {id}")

        @books.doc(security="key", deprecated=True)
        def delete(self, id):
            """Throws a book away."""
            raise TooMany(id)

    @books.errorhandler(TooMany)
    def too_many(error):
        return {"message": f"{error} is still borrowed"}, 423, {"X-Reason": "borrowed"}

    return books


@pytest.fixture
def app():
    app = Flask(__name__)
    app.config["RESTX_VALIDATE"] = True
    app.config["SWAGGER_UI_DOC_EXPANSION"] = "list"
    key = {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}
    api = Api(app, version="1.2", title="Library", description="Books to borrow", authorizations=key, validate=True)
    api.add_namespace(books_namespace())
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def test_marshalling(client):
    """Models shape the answers: renamed, with defaults, nested and with links."""
    book = {
        "id": 1,
        "title": "Emma",
        "pages": 474,
        "language": "en",
        "author": {"name": "Austen"},
        "link": "http://localhost/books/1",
    }
    assert client.get("/books/").json == [book]
    assert client.get("/books/1").json == book
    assert client.get("/books/?title=Persuasion").json == []


def test_mask(client):
    """The client may ask for some of the fields only."""
    assert client.get("/books/1", headers={"X-Fields": "title,author{name}"}).json == {
        "title": "Emma",
        "author": {"name": "Austen"},
    }


def test_create(client):
    """A valid book is taken, and shown by the mask of its view."""
    response = client.post("/books/", json={"title": "Momo", "pages": 300, "language": "de"})
    assert (response.status_code, response.json) == (201, {"id": 2, "title": "Momo"})
    again = client.post("/books/", json={"title": "Momo"})
    assert (again.status_code, again.json) == (409, {"message": "that book exists", "title": "Momo"})


@pytest.mark.parametrize(
    ("book", "wrong"),
    [({}, "title"), ({"title": "Momo", "pages": 0}, "pages"), ({"title": "Momo", "language": "fr"}, "language")],
)
def test_validation(client, book, wrong):
    """A book that does not fit the model is refused, and the answer names the field."""
    response = client.post("/books/", json=book)
    assert response.status_code == 400
    assert list(response.json["errors"]) == [wrong]
    assert response.json["message"] == "Input payload validation failed"


def test_errors(client):
    """Errors are JSON: aborts, the namespace's handler, wrong arguments, methods and paths."""
    missing = client.get("/books/9")
    assert missing.status_code == 404
    assert missing.json["message"].startswith("there is no book 9. You have requested this URI [/books/9]")
    assert "did you mean /books/<int:id>" in missing.json["message"]
    locked = client.delete("/books/1")
    assert (locked.status_code, locked.json) == (423, {"message": "1 is still borrowed"})
    assert locked.headers["X-Reason"] == "borrowed"
    wrong = client.get("/books/?limit=all")
    assert wrong.status_code == 400
    assert "limit" in wrong.json["errors"]
    method = client.put("/books/1")
    assert method.status_code == 405
    assert method.json["message"].startswith("The method is not allowed")
    assert client.get("/nothing").status_code == 404


def test_swagger_json(client, app):
    """The description of the API has the paths, parameters, models and the security."""
    answer = client.get("/swagger.json").json
    assert answer["info"] == {"title": "Library", "version": "1.2", "description": "Books to borrow"}
    assert answer["basePath"] == "/"
    assert set(answer["paths"]) == {"/books/", "/books/{id}"}
    assert answer["paths"]["/books/"]["get"]["operationId"] == "list_books"
    assert answer["paths"]["/books/{id}"]["parameters"] == [
        {"name": "id", "in": "path", "required": True, "type": "integer", "description": "The number on the back"}
    ]
    assert answer["paths"]["/books/{id}"]["delete"]["security"] == [{"key": []}]
    assert answer["definitions"]["Book"]["properties"]["title"]["minLength"] == 2
    assert answer["definitions"]["Novel"]["allOf"][0] == {"$ref": "#/definitions/Book"}
    assert client.get("/", headers={"Accept": "text/html"}).text.count("swagger-ui") > 3


def test_blueprint():
    """Versions of an API live in blueprints, each with its own description and page."""
    app = Flask(__name__)
    for version in ("1", "2"):
        blueprint = Blueprint(f"v{version}", __name__, url_prefix=f"/v{version}")
        api = Api(blueprint, version=version, doc="/doc/", prefix="/api")

        @api.route("/hello")
        class Hello(Resource):
            def get(self, version=version):
                return {"version": version, "specs": api.specs_url}

        app.register_blueprint(blueprint)
    client = app.test_client()
    assert client.get("/v2/api/hello").json["version"] == "2"
    assert client.get("/v1/api/swagger.json").json["info"]["version"] == "1"
    assert client.get("/v1/api/swagger.json").json["basePath"] == "/v1/api"
    assert "/v2/api/swagger.json" in client.get("/v2/doc/").text
    assert client.get("/swaggerui/swagger-ui.css").mimetype == "text/css"


def test_swagger_ui(app, browser, tmp_path):
    """In a browser the page lists the operations, and trying one out shows the answer of the API."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        wait = WebDriverWait(browser, 15)
        browser.get(f"http://127.0.0.1:{server.server_port}/")
        wait.until(lambda page: len(page.find_elements(By.CSS_SELECTOR, ".opblock-summary")) == 4)
        shown = [block.text.split("\n") for block in browser.find_elements(By.CSS_SELECTOR, ".opblock-summary")]
        assert sorted(words[:2] for words in shown) == [
            ["DELETE", "/books/{id}"],
            ["GET", "/books/"],
            ["GET", "/books/{id}"],
            ["POST", "/books/"],
        ]
        assert "Lists the books" in [words[2] for words in shown]
        browser.find_element(By.CSS_SELECTOR, "#operations-books-list_books .opblock-summary").click()
        for step in (".try-out__btn", ".execute"):
            wait.until(lambda page, step=step: page.find_elements(By.CSS_SELECTOR, step))[0].click()
        wait.until(lambda page: "Austen" in page.find_element(By.CSS_SELECTOR, ".live-responses-table").text)
        picture = tmp_path / "swagger.png"
        assert browser.save_screenshot(str(picture))
        assert picture.stat().st_size > 10_000
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
