"""Flask-RESTful: a small to-do list, with an admin part in a blueprint."""

import functools
import io

import pytest
from flask import Blueprint, Flask, make_response, url_for
from flask_restful import Api, Resource, abort, fields, marshal, marshal_with, reqparse
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException

TASK = {
    "id": fields.Integer,
    "text": fields.String(attribute="words"),
    "urgent": fields.Boolean(default=False),
    "owner": fields.Nested({"name": fields.String}, allow_null=True),
    "url": fields.Url("tasks", absolute=True),
}


class OutOfPaper(HTTPException):
    code = 507
    description = "there is no paper left"


def query_parser():
    parser = reqparse.RequestParser(bundle_errors=True)
    parser.add_argument("limit", type=int, default=10, location="args", help="a whole number: {error_msg}")
    parser.add_argument("order", choices=("old", "new"), default="old", location="args", help="old or new")
    parser.add_argument("tag", action="append", location="args")
    return parser


def body_parser():
    parser = reqparse.RequestParser()
    parser.add_argument("text", required=True, location="json", dest="words", help="text is needed")
    parser.add_argument("urgent", type=bool, location="json")
    parser.add_argument("X-Owner", location="headers", dest="owner")
    return parser


@pytest.fixture
def app():
    app = Flask(__name__)
    api = Api(app, prefix="/v1", errors={"OutOfPaper": {"message": "buy paper", "status": 507}}, catch_all_404s=True)
    app.tasks = {1: {"id": 1, "words": "bake"}, 2: {"id": 2, "words": "sell", "owner": {"name": "Ada"}}}

    class Tasks(Resource):
        def get(self):
            wanted = query_parser().parse_args()
            tasks = sorted(app.tasks.values(), key=lambda task: task["id"], reverse=wanted.order == "new")
            return {"tags": wanted["tag"], "tasks": marshal(tasks[: wanted.limit], TASK)}

        @marshal_with(TASK, envelope="task")
        def post(self):
            sent = body_parser().parse_args(strict=True)
            task = {"id": 3, "words": sent.words, "urgent": sent.urgent, "owner": {"name": sent.owner}}
            app.tasks[3] = task
            return task, 201, {"X-Tasks": str(len(app.tasks))}

    class Task(Resource):
        @marshal_with(TASK)
        def get(self, number):
            if number not in app.tasks:
                abort(404, message=f"there is no task {number}", number=number)
            return app.tasks[number]

        def delete(self, number):
            app.tasks.pop(number)
            return "", 204

    class Paper(Resource):
        def get(self):
            raise OutOfPaper

    api.add_resource(Tasks, "/tasks", endpoint="tasks")
    api.add_resource(Task, "/tasks/<int:number>", "/todo/<int:number>", endpoint="task")
    api.add_resource(Paper, "/paper")
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def test_fields(client):
    """Marshalling renames, converts, fills in defaults and makes URLs."""
    assert client.get("/v1/tasks/2").json == {
        "id": 2,
        "text": "sell",
        "urgent": False,
        "owner": {"name": "Ada"},
        "url": "http://localhost/v1/tasks",
    }
    assert client.get("/v1/todo/1").json["owner"] is None


@pytest.mark.parametrize(
    ("query", "numbers", "tags"),
    [("", [1, 2], None), ("?limit=1&order=new", [2], None), ("?tag=a&tag=b", [1, 2], ["a", "b"])],
)
def test_arguments(client, query, numbers, tags):
    """Arguments of the query are converted, have defaults, and may occur more than once."""
    answer = client.get(f"/v1/tasks{query}").json
    assert [task["id"] for task in answer["tasks"]] == numbers
    assert answer["tags"] == tags


def test_bad_arguments(client):
    """Each wrong argument is named in the answer, and unknown ones of a body are refused."""
    response = client.get("/v1/tasks?limit=few&order=random")
    assert response.status_code == 400
    assert response.json["message"]["order"] == "old or new"
    assert response.json["message"]["limit"].startswith("a whole number: invalid literal")
    unknown = client.post("/v1/tasks", json={"text": "paint", "colour": "red"})
    assert unknown.status_code == 400
    assert "colour" in unknown.json["message"]


def test_create(client, app):
    """A JSON body and a header are parsed; the answer has an envelope, a status and a header."""
    response = client.post("/v1/tasks", json={"text": "clean", "urgent": True}, headers={"X-Owner": "Bo"})
    assert (response.status_code, response.headers["X-Tasks"]) == (201, "3")
    assert response.json["task"]["owner"] == {"name": "Bo"}
    assert response.json["task"]["urgent"] is True
    assert app.tasks[3]["words"] == "clean"


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": {}}, 400),
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"data": "text=clean", "content_type": "text/plain"}, 415),
    ],
)
def test_bad_bodies(client, options, status):
    """A body without the text, one that is not JSON and one of another type are refused as JSON."""
    response = client.post("/v1/tasks", **options)
    assert response.status_code == status
    assert response.json["message"]


def test_errors(client):
    """Errors are JSON: those of the resource, those described for the API, missing paths and methods."""
    assert client.get("/v1/tasks/9").json == {"message": "there is no task 9", "number": 9}
    paper = client.get("/v1/paper")
    assert (paper.status_code, paper.json) == (507, {"message": "buy paper", "status": 507})
    missing = client.get("/v1/task")
    assert missing.status_code == 404
    assert missing.json["message"].startswith("The requested URL was not found")
    wrong = client.put("/v1/tasks/1")
    assert wrong.status_code == 405
    assert set(wrong.headers["Allow"].split(", ")) == {"DELETE", "GET", "HEAD", "OPTIONS"}
    assert wrong.json["message"].startswith("The method is not allowed")
    assert client.delete("/v1/tasks/1").status_code == 204


def test_failure(app):
    """A bug of a resource is a 500 as JSON, and is raised where exceptions are propagated."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    response = app.test_client().delete("/v1/tasks/77")
    assert response.status_code == 500
    assert response.json == {"message": "Internal Server Error"}
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(KeyError, match="77"):
        app.test_client().delete("/v1/tasks/77")


def test_blueprint_representations_and_files(app):
    """An API in a blueprint has a decorator for all methods, another representation, and takes files."""
    admin = Blueprint("admin", __name__, url_prefix="/admin")

    def only_admins(view):
        @functools.wraps(view)
        def check(*args, **kwargs):
            if reqparse.request.headers.get("X-Admin") != "yes":
                abort(403, message="admins only")
            return view(*args, **kwargs)

        return check

    api = Api(admin, decorators=[only_admins], default_mediatype="application/json")

    @api.representation("text/csv")
    def as_csv(data, code, headers=None):
        response = make_response(",".join(map(str, data.values())), code)
        response.headers.extend(headers or {})
        return response

    @api.resource("/pictures")
    class Pictures(Resource):
        def post(self):
            parser = reqparse.RequestParser(trim=True)
            parser.add_argument("picture", type=FileStorage, location="files", required=True)
            parser.add_argument("title", location="form")
            sent = parser.parse_args()
            return {"title": sent.title, "size": len(sent.picture.read()), "here": url_for("admin.pictures")}

    app.register_blueprint(admin)
    client = app.test_client()
    data = {"picture": (io.BytesIO(b"12345"), "a.png"), "title": " cat "}
    refused = client.post("/admin/pictures", data=data)
    assert (refused.status_code, refused.json) == (403, {"message": "admins only"})
    data["picture"] = (io.BytesIO(b"12345"), "a.png")
    headers = {"X-Admin": "yes"}
    taken = client.post("/admin/pictures", data=data, headers=headers)
    assert taken.json == {"title": "cat", "size": 5, "here": "/admin/pictures"}
    data["picture"] = (io.BytesIO(b"12"), "a.png")
    csv = client.post("/admin/pictures", data=data, headers={**headers, "Accept": "text/csv"})
    assert (csv.mimetype, csv.text) == ("text/csv", "cat,2,/admin/pictures")
    assert client.post("/admin/pictures", headers=headers).status_code == 400
