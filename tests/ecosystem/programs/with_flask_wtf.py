"""Flask-WTF: forms with a token against forged requests, validation and an uploaded file."""

import io
import re

import pytest
from flask import Blueprint, Flask, flash, get_flashed_messages, redirect, render_template_string, url_for
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from flask_wtf.file import FileAllowed, FileField, FileRequired, FileSize
from wtforms import EmailField, IntegerField, StringField
from wtforms.validators import DataRequired, Email, NumberRange

PAGE = """
{% for message in get_flashed_messages() %}<p class="flash">{{ message }}</p>{% endfor %}
<form method="post">{{ form.hidden_tag() }}{{ form.name() }}{{ form.email() }}
{% for error in form.errors.values() %}<p class="error">{{ error[0] }}</p>{% endfor %}</form>
"""


class GuestForm(FlaskForm):
    name = StringField(validators=[DataRequired("Who are you?")])
    email = EmailField(validators=[Email("Not an address.")])
    seats = IntegerField(default=1, validators=[NumberRange(1, 8, "At most eight.")])


class PhotoForm(FlaskForm):
    photo = FileField(validators=[FileRequired(), FileAllowed(["png"], "Pictures only."), FileSize(1000)])


@pytest.fixture
def app(tmp_path):
    app = Flask(__name__)
    app.config.update(SECRET_KEY="a key of the program", SERVER_NAME="localhost")
    protect = CSRFProtect(app)
    hooks = Blueprint("hooks", __name__, url_prefix="/hooks")

    @app.route("/guests", methods=["GET", "POST"])
    def guests():
        form = GuestForm()
        if form.validate_on_submit():
            flash(f"Welcome, {form.name.data}, {form.seats.data} seats")
            return redirect(url_for("guests"))
        return render_template_string(PAGE, form=form), 422 if form.errors else 200

    @app.post("/photos")
    def photos():
        form = PhotoForm()
        if not form.validate_on_submit():
            return form.errors, 422
        form.photo.data.save(tmp_path / form.photo.data.filename)
        return {"size": (tmp_path / form.photo.data.filename).stat().st_size}

    @app.get("/token")
    def token():
        return render_template_string("{{ csrf_token() }}")

    @app.delete("/guests/<name>")
    def remove(name):
        return {"removed": name}

    @app.post("/payment-notice")
    @protect.exempt
    def notice():
        return "noted"

    @hooks.post("/build")
    def build():
        return "built"

    @app.errorhandler(CSRFError)
    def forged(error):
        return {"reason": error.description}, error.code

    protect.exempt(hooks)
    app.register_blueprint(hooks)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def token_of_form(client):
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/guests").text)[1]


def test_a_form_is_sent_with_its_token(client):
    """The hidden field of the page makes the form count; the message appears once, after the redirect."""
    data = {"csrf_token": token_of_form(client), "name": "Ada", "email": "ada@shop.example", "seats": "3"}
    page = client.post("/guests", data=data, follow_redirects=True)
    assert page.request.path == "/guests"
    assert '<p class="flash">Welcome, Ada, 3 seats</p>' in page.text
    assert "Welcome" not in client.get("/guests").text


@pytest.mark.parametrize(
    ("token", "reason"),
    [(None, "The CSRF token is missing."), ("forged", "The CSRF token is invalid.")],
)
def test_a_form_without_its_token_is_refused(client, token, reason):
    """A forged form reaches no view; the handler of the application says why."""
    token_of_form(client)
    response = client.post("/guests", data={"name": "Eve"} | ({"csrf_token": token} if token else {}))
    assert (response.status_code, response.json) == (400, {"reason": reason})


def test_a_token_of_somebody_else_is_refused(app, client):
    """A token counts only with the session that it was made for."""
    token_of_form(client)
    other = app.test_client()
    data = {"csrf_token": token_of_form(other), "name": "Eve", "email": "eve@shop.example"}
    assert client.post("/guests", data=data).json == {"reason": "The CSRF tokens do not match."}
    assert app.test_client().post("/guests", data=data).json == {"reason": "The CSRF session token is missing."}


def test_a_token_expires(app, client):
    """A token older than the time limit does not count."""
    token = token_of_form(client)
    app.config["WTF_CSRF_TIME_LIMIT"] = -1
    assert client.post("/guests", data={"csrf_token": token}).json == {"reason": "The CSRF token has expired."}


def test_a_script_sends_the_token_in_a_header(client):
    """A DELETE request carries the token in a header."""
    assert client.delete("/guests/ada").status_code == 400
    token = client.get("/token").text
    assert client.delete("/guests/ada", headers={"X-CSRFToken": token}).json == {"removed": "ada"}


def test_over_https_the_referrer_must_be_of_this_site(client):
    """Over HTTPS a page of another site cannot use a stolen token."""
    headers = {"X-CSRFToken": client.get("/token", base_url="https://localhost").text}
    for referrer, status in [(None, 400), ("https://evil.example/", 400), ("https://localhost/guests", 200)]:
        more = {"Referer": referrer} if referrer else {}
        response = client.delete("/guests/ada", base_url="https://localhost", headers=headers | more)
        assert response.status_code == status, referrer


def test_exempt(client):
    """Views and blueprints that other programs call need no token."""
    assert client.post("/payment-notice").text == "noted"
    assert client.post("/hooks/build").text == "built"


def test_what_is_wrong_is_shown(client):
    """The page comes again with the sent values and every error, escaped."""
    data = {"csrf_token": token_of_form(client), "name": "", "email": '"><b>', "seats": "9"}
    page = client.post("/guests", data=data)
    assert page.status_code == 422
    assert re.findall(r'class="error">([^<]+)', page.text) == ["Who are you?", "Not an address.", "At most eight."]
    assert 'value="&#34;&gt;&lt;b&gt;"' in page.text


@pytest.mark.parametrize(
    ("content", "filename", "status", "answer"),
    [
        (b"png" * 100, "me.png", 200, {"size": 300}),
        (b"png" * 1000, "me.png", 422, None),
        (b"virus", "me.exe", 422, {"photo": ["Pictures only."]}),
        (b"", "", 422, {"photo": ["This field is required."]}),
    ],
)
def test_a_file_is_uploaded(client, content, filename, status, answer):
    """The file's name and size are checked before the view saves it."""
    data = {"csrf_token": client.get("/token").text, "photo": (io.BytesIO(content), filename)}
    response = client.post("/photos", data=data)
    assert response.status_code == status
    assert answer is None or response.json == answer


def test_a_form_takes_json(app):
    """A form reads the JSON object of a request as its fields."""
    with app.test_request_context("/guests", method="POST", json={"name": "Ada", "email": "a@shop.example"}):
        form = GuestForm(meta={"csrf": False})
        assert form.is_submitted() and form.validate(), form.errors
        assert (form.name.data, form.seats.data) == ("Ada", 1)


def test_one_token_for_a_request(app):
    """The token stays the same within a request, and belongs to its session."""
    with app.test_request_context():
        assert generate_csrf() == generate_csrf() == GuestForm().csrf_token.current_token
        assert get_flashed_messages() == []
