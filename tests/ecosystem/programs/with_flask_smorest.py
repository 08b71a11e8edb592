"""flask-smorest: a shop's articles with schemas, pages, entity tags and a description of the API."""

import marshmallow as ma
import pytest
from flask import Flask
from flask.views import MethodView
from flask_smorest import Api, Blueprint, Page, abort


class ArticleSchema(ma.Schema):
    id = ma.fields.Integer(dump_only=True)
    name = ma.fields.String(required=True, validate=ma.validate.Length(min=2))
    price = ma.fields.Decimal(as_string=True, places=2, load_default=0)


class ArticleQuery(ma.Schema):
    class Meta:
        unknown = ma.EXCLUDE

    name = ma.fields.String(metadata={"description": "A part of the name"})


class UploadSchema(ma.Schema):
    picture = ma.fields.Raw(required=True, metadata={"type": "string", "format": "binary"})


class Cursor:
    """Stands for a query: it is counted and cut by the pager."""

    def __init__(self, items):
        self.items = items

    def count(self):
        return len(self.items)

    def slice(self, first, end):
        return self.items[first:end]


class CursorPage(Page):
    @property
    def item_count(self):
        return self.collection.count()

    @property
    def items(self):
        first = self.page_params.first_item
        return self.collection.slice(first, self.page_params.last_item + 1)


@pytest.fixture
def app():
    app = Flask(__name__)
    app.config.update(API_TITLE="Shop", API_VERSION="v1", OPENAPI_VERSION="3.0.3", OPENAPI_URL_PREFIX="/docs")
    app.config.update(OPENAPI_SWAGGER_UI_PATH="/swagger", OPENAPI_SWAGGER_UI_URL="https://cdn.example/")
    api = Api(app)
    blueprint = Blueprint("articles", __name__, url_prefix="/articles", description="What is sold")
    app.stock = {number: {"id": number, "name": f"article {number}", "price": number} for number in range(1, 26)}

    def article(number):
        return app.stock.get(number) or abort(404, message=f"no article {number}")

    @blueprint.route("/")
    class Articles(MethodView):
        @blueprint.arguments(ArticleQuery, location="query")
        @blueprint.response(200, ArticleSchema(many=True))
        @blueprint.paginate(CursorPage, page_size=10, max_page_size=20)
        def get(self, query):
            """Lists articles

            Longer text about the list.
            """
            return Cursor([item for item in app.stock.values() if query.get("name", "") in item["name"]])

        @blueprint.etag
        @blueprint.arguments(ArticleSchema)
        @blueprint.response(201, ArticleSchema, headers={"X-New": {"schema": {"type": "string"}}})
        @blueprint.alt_response(409, description="Name is taken")
        def post(self, sent):
            """Adds an article"""
            if sent["name"] in {item["name"] for item in app.stock.values()}:
                abort(409, message="taken", errors={"name": ["taken"]})
            app.stock[99] = {**sent, "id": 99}
            return app.stock[99], {"X-New": "yes"}

    @blueprint.route("/<int:number>")
    class Article(MethodView):
        @blueprint.etag
        @blueprint.response(200, ArticleSchema)
        def get(self, number):
            return article(number)

        @blueprint.etag
        @blueprint.arguments(ArticleSchema)
        @blueprint.response(200, ArticleSchema)
        def put(self, sent, number):
            blueprint.check_etag(article(number), ArticleSchema)
            app.stock[number].update(sent)
            return app.stock[number]

        @blueprint.etag
        @blueprint.response(204)
        def delete(self, number):
            blueprint.check_etag(article(number), ArticleSchema)
            del app.stock[number]

    @blueprint.route("/<int:number>/picture", methods=["POST"])
    @blueprint.arguments(UploadSchema, location="files")
    @blueprint.response(200)
    @blueprint.doc(tags=["pictures"])
    def picture(files, number):
        return {"number": number, "bytes": len(files["picture"].read())}

    api.register_blueprint(blueprint)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def test_schemas(client):
    """A body is loaded and the answer dumped by the schema."""
    response = client.post("/articles/", json={"name": "bread", "price": "2.5"})
    assert (response.status_code, response.json) == (201, {"id": 99, "name": "bread", "price": "2.50"})
    assert response.headers["X-New"] == "yes"
    assert response.get_etag()[0]


@pytest.mark.parametrize(
    ("options", "status", "errors"),
    [
        ({"json": {}}, 422, {"json": {"name": ["Missing data for required field."]}}),
        ({"json": {"name": "x"}}, 422, {"json": {"name": ["Shorter than minimum length 2."]}}),
        ({"json": {"name": "xy", "id": 3}}, 422, {"json": {"id": ["Unknown field."]}}),
        ({"data": b"{", "content_type": "application/json"}, 400, {"json": ["Invalid JSON body."]}),
        ({"json": {"name": "article 1"}}, 409, {"name": ["taken"]}),
    ],
)
def test_bad_bodies(client, options, status, errors):
    """What does not fit is refused, and the answer says why."""
    response = client.post("/articles/", **options)
    assert response.status_code == status
    assert response.json["code"] == status
    assert response.json.get("errors", errors) == errors


def test_errors_are_json(client):
    """Missing articles, paths and methods have an answer of the same form."""
    assert client.get("/articles/77").json == {"code": 404, "status": "Not Found", "message": "no article 77"}
    assert client.get("/nothing").json == {"code": 404, "status": "Not Found"}
    assert client.patch("/articles/").json == {"code": 405, "status": "Method Not Allowed"}


def test_pages(client):
    """The list comes in pages, which a header describes."""
    first = client.get("/articles/")
    assert [item["id"] for item in first.json] == list(range(1, 11))
    assert client.application.json.loads(first.headers["X-Pagination"]) == {
        "total": 25,
        "total_pages": 3,
        "first_page": 1,
        "last_page": 3,
        "page": 1,
        "next_page": 2,
    }
    last = client.get("/articles/?page=2&page_size=20")
    assert [item["id"] for item in last.json] == list(range(21, 26))
    assert len(client.get("/articles/?name=article 2").json) == 7
    assert client.get("/articles/?page_size=21").status_code == 422


def test_entity_tags(client):
    """Who has the newest article is told so; who does not may not change it."""
    shown = client.get("/articles/5")
    tag = shown.headers["ETag"]
    same = client.get("/articles/5", headers={"If-None-Match": tag})
    assert (same.status_code, same.data) == (304, b"")
    new = {"name": "cake", "price": "9"}
    assert client.put("/articles/5", json=new).status_code == 428
    assert client.put("/articles/5", json=new, headers={"If-Match": '"old"'}).status_code == 412
    changed = client.put("/articles/5", json=new, headers={"If-Match": tag})
    assert (changed.status_code, changed.json["name"]) == (200, "cake")
    assert changed.headers["ETag"] != tag
    assert client.delete("/articles/5", headers={"If-Match": tag}).status_code == 412
    assert client.delete("/articles/5", headers={"If-Match": changed.headers["ETag"]}).status_code == 204
    assert client.get("/articles/5").status_code == 404


def test_upload(client, tmp_path):
    """A file is an argument as well."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"x" * 321)
    with picture.open("rb") as file:
        response = client.post("/articles/3/picture", data={"picture": file})
    assert response.json == {"number": 3, "bytes": 321}
    assert client.post("/articles/3/picture", data={}).status_code == 422


def test_description(client):
    """The description has paths, parameters, answers, pages, entity tags and schemas; a page shows it."""
    answer = client.get("/docs/openapi.json").json
    assert answer["info"] == {"title": "Shop", "version": "v1"}
    assert answer["tags"] == [{"name": "articles", "description": "What is sold"}]
    listing = answer["paths"]["/articles/"]["get"]
    assert (listing["summary"], listing["description"]) == ("Lists articles", "Longer text about the list.")
    assert {parameter["name"] for parameter in listing["parameters"]} == {"name", "page", "page_size"}
    assert "X-Pagination" in listing["responses"]["200"]["headers"]
    assert answer["paths"]["/articles/"]["post"]["responses"]["409"] == {"description": "Name is taken"}
    one = answer["paths"]["/articles/{number}"]
    assert one["parameters"][0]["schema"] == {"type": "integer", "minimum": 0}
    assert {"412", "428"} < set(one["put"]["responses"])
    assert answer["components"]["schemas"]["Article"]["required"] == ["name"]
    assert "https://cdn.example/swagger-ui-bundle.js" in client.get("/docs/swagger").text


def test_command_line(app, tmp_path):
    """The commands print the description and write it to a file."""
    runner = app.test_cli_runner()
    printed = runner.invoke(args=["openapi", "print"])
    assert printed.exit_code == 0, printed.output
    assert app.json.loads(printed.output)["info"]["title"] == "Shop"
    file = tmp_path / "openapi.json"
    assert runner.invoke(args=["openapi", "write", str(file)]).exit_code == 0
    assert app.json.loads(file.read_text())["openapi"] == "3.0.3"
