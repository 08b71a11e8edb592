"""APIFlask: an application class of its own on Flask's; pets with input, output, accounts and a description."""

import pytest
from apiflask import APIBlueprint, APIFlask, HTTPBasicAuth, HTTPTokenAuth, Schema, abort
from apiflask.fields import Field, File, Integer, String
from apiflask.validators import Length, OneOf
from flask import Flask
from flask.cli import FlaskGroup
from flask.views import MethodView


class PetIn(Schema):
    name = String(required=True, validate=Length(1, 10))
    kind = String(load_default="dog", validate=OneOf(["dog", "cat"]))


class PetOut(Schema):
    id = Integer()
    name = String()
    kind = String()


class PetQuery(Schema):
    kind = String()
    limit = Integer(load_default=10)


class Picture(Schema):
    picture = File(required=True)


class PetHeaders(Schema):
    token = String(data_key="X-Shelter", required=True)


@pytest.fixture
def app():
    app = APIFlask(__name__, title="Pets", version="2.0", docs_ui="redoc")
    app.config["AUTO_OPERATION_ID"] = True
    basic, token = HTTPBasicAuth(), HTTPTokenAuth(description="A token of the shelter")
    blueprint = APIBlueprint("shelter", __name__, url_prefix="/shelter", tag="Shelter")
    app.pets = {1: {"id": 1, "name": "Rex", "kind": "dog", "secret": 1}, 2: {"id": 2, "name": "Tom", "kind": "cat"}}

    @basic.verify_password
    def check_password(name, password):
        return {"name": name, "role": name} if password == "right" else None

    @basic.get_user_roles
    def roles(user):
        return user["role"]

    @token.verify_token
    def check_token(value):
        return {"id": 7} if value == "good" else None

    @app.get("/pets")
    @app.input(PetQuery, location="query")
    @app.output(PetOut(many=True))
    def pets(query_data):
        found = [pet for pet in app.pets.values() if query_data.get("kind") in (None, pet["kind"])]
        return found[: query_data["limit"]]

    @app.get("/pets/<int:pet_id>")
    @app.output(PetOut)
    def pet(pet_id):
        """Shows a pet."""
        return app.pets.get(pet_id) or abort(404, "no such pet", extra_data={"pet": pet_id}, headers={"X-Try": "1"})

    @app.post("/pets")
    @app.auth_required(basic, roles=["keeper"])
    @app.input(PetIn)
    @app.output(PetOut, status_code=201, headers=PetHeaders)
    @app.doc(summary="Takes a pet in", responses={409: "Full"})
    def add(json_data):
        pet = {"id": 3, **json_data, "secret": basic.current_user["name"]}
        app.pets[3] = pet
        return pet, 201, {"X-Shelter": "north"}

    class Visits(MethodView):
        decorators = [app.doc(deprecated=True)]

        @app.input(PetHeaders, location="headers")
        def get(self, pet_id, headers_data):
            return [pet_id, headers_data["token"]]

        @app.output({}, status_code=204)
        def delete(self, pet_id):
            return ""

    app.add_url_rule("/pets/<int:pet_id>/visits", view_func=Visits.as_view("visits"))

    @blueprint.post("/picture")
    @blueprint.auth_required(token)
    @blueprint.input(Picture, location="files")
    def picture(files_data):
        return {"bytes": len(files_data["picture"].read()), "user": token.current_user["id"]}

    @blueprint.get("/broken")
    def broken():
        return [{}["missing"]]

    app.register_blueprint(blueprint)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def test_application(app, client):
    """The application is a Flask; lists are answers, also with a status."""
    assert isinstance(app, Flask)
    app.add_url_rule("/numbers", view_func=lambda: ([1, 2], 202))
    response = client.get("/numbers")
    assert (response.status_code, response.json) == (202, [1, 2])


def test_input_and_output(client):
    """Arguments of the query are loaded, and the output shows only what its schema has."""
    rex = {"id": 1, "name": "Rex", "kind": "dog"}
    assert client.get("/pets/1").json == rex
    assert client.get("/pets?kind=dog").json == [rex]
    assert len(client.get("/pets?limit=1").json) == 1
    assert client.get("/pets/1/visits", headers={"X-Shelter": "south"}).json == [1, "south"]
    assert client.delete("/pets/1/visits").status_code == 204


def test_wrong_input(client):
    """Input that does not fit is a 422 with the fields in its detail."""
    response = client.get("/pets?limit=few")
    assert response.status_code == 422
    assert response.json == {"detail": {"query": {"limit": ["Not a valid integer."]}}, "message": "Validation error"}
    sent = client.post("/pets", json={"name": "", "kind": "cow"}, auth=("keeper", "right"))
    assert sent.status_code == 422
    assert set(sent.json["detail"]["json"]) == {"name", "kind"}
    not_json = client.post("/pets", data="{", content_type="application/json", auth=("keeper", "right"))
    assert (not_json.status_code, set(not_json.json)) == (400, {"detail", "message"})


def test_basic_auth(client, app):
    """Only a keeper may take pets in."""
    without = client.post("/pets", json={"name": "Bo"})
    assert (without.status_code, without.json["message"]) == (401, "Unauthorized")
    assert without.www_authenticate.type == "basic"
    assert client.post("/pets", json={"name": "Bo"}, auth=("guest", "right")).status_code == 403
    taken = client.post("/pets", json={"name": "Bo"}, auth=("keeper", "right"))
    assert (taken.status_code, taken.json) == (201, {"id": 3, "name": "Bo", "kind": "dog"})
    assert taken.headers["X-Shelter"] == "north"
    assert app.pets[3]["secret"] == "keeper"


def test_token_and_file(client, tmp_path):
    """A view of a blueprint takes a file from who has the token."""
    file = tmp_path / "rex.png"
    file.write_bytes(b"12345")
    assert client.post("/shelter/picture").status_code == 401
    headers = {"Authorization": "Bearer good"}
    with file.open("rb") as picture:
        response = client.post("/shelter/picture", data={"picture": picture}, headers=headers)
    assert response.json == {"bytes": 5, "user": 7}
    assert client.post("/shelter/picture", data={"picture": "text"}, headers=headers).status_code == 422


def test_errors(client, app):
    """Every error has the same form: aborts, those of the router, and bugs."""
    missing = client.get("/pets/9")
    assert (missing.status_code, missing.json) == (404, {"detail": {}, "message": "no such pet", "pet": 9})
    assert missing.headers["X-Try"] == "1"
    assert client.get("/nothing").json == {"detail": {}, "message": "Not Found"}
    wrong = client.put("/pets")
    assert (wrong.status_code, wrong.json) == (405, {"detail": {}, "message": "Method Not Allowed"})
    assert "POST" in wrong.headers["Allow"]
    broken = client.get("/shelter/broken")
    assert (broken.status_code, broken.json) == (500, {"detail": {}, "message": "Internal Server Error"})


def test_own_error_format(client, app):
    """An error processor gives errors another form."""

    @app.error_processor
    def short(error):
        return {"error": error.message, "code": error.status_code}, error.status_code, error.headers

    assert client.get("/pets/9").json == {"error": "no such pet", "code": 404}
    assert client.get("/nothing").json == {"error": "Not Found", "code": 404}


def test_base_response(app, client):
    """Answers may be wrapped in a form that all have."""

    class Envelope(Schema):
        pet = Field()

    app.config.update(BASE_RESPONSE_SCHEMA=Envelope, BASE_RESPONSE_DATA_KEY="pet")

    @app.get("/wrapped")
    @app.output(PetOut)
    def wrapped():
        return {"pet": app.pets[2]}

    assert client.get("/wrapped").json == {"pet": {"id": 2, "name": "Tom", "kind": "cat"}}


def test_description(client, app):
    """The description has what the decorators said; a page shows it."""

    @app.spec_processor
    def add_contact(spec):
        spec["info"]["contact"] = {"name": "Ada"}
        return spec

    answer = client.get("/openapi.json").json
    assert answer["info"] == {"title": "Pets", "version": "2.0", "contact": {"name": "Ada"}}
    assert set(answer["paths"]) == {
        "/pets",
        "/pets/{pet_id}",
        "/pets/{pet_id}/visits",
        "/shelter/picture",
        "/shelter/broken",
    }
    post = answer["paths"]["/pets"]["post"]
    assert post["summary"] == "Takes a pet in"
    assert post["security"] == [{"BasicAuth": ["keeper"]}]
    assert set(post["responses"]) == {"201", "401", "409", "422"}
    assert "X-Shelter" in post["responses"]["201"]["headers"]
    assert answer["paths"]["/pets/{pet_id}"]["get"]["summary"] == "Shows a pet."
    assert answer["paths"]["/pets/{pet_id}/visits"]["get"]["deprecated"] is True
    assert answer["components"]["securitySchemes"]["BearerAuth"]["scheme"] == "bearer"
    assert answer["components"]["schemas"]["PetIn"]["properties"]["kind"]["enum"] == ["dog", "cat"]
    assert "redoc" in client.get("/docs").text


def test_command_line(app, tmp_path):
    """The command that APIFlask adds to ``flask`` writes the description to a file."""
    file = tmp_path / "spec.json"
    group = FlaskGroup(create_app=lambda: app)
    result = app.test_cli_runner().invoke(group, ["spec", "--output", str(file)])
    assert result.exit_code == 0, result.output
    assert app.json.loads(file.read_text())["info"]["title"] == "Pets"
