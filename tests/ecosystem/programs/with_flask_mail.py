"""Flask-Mail: messages that are recorded, and messages that a real SMTP server receives."""

import email
import email.policy
import smtplib
import socket

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Handler
from aiosmtpd.smtp import AuthResult
from flask import Flask, render_template_string, request
from flask_mail import BadHeaderError, Mail, Message, email_dispatched

mail = Mail()


def create_app(**settings):
    app = Flask(__name__)
    app.config.update(MAIL_DEFAULT_SENDER=("The Shop", "shop@shop.example"), **settings)
    mail.init_app(app)

    @app.post("/orders")
    def order():
        message = Message("Your order", recipients=[request.form["to"]])
        message.body = f"{request.form['what']} is on its way."
        message.html = render_template_string("<b>{{ what }}</b> is on its way.", what=request.form["what"])
        message.attach("bill.txt", "text/plain", "1 loaf: 3 euro")
        mail.send(message)
        return "sent"

    return app


class Box(Handler):
    """Keeps what the server receives."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def prepare_message(self, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        message.envelope = (envelope.mail_from, envelope.rcpt_tos)
        message.login = getattr(session, "auth_data", None)
        return message

    def handle_message(self, message):
        self.messages.append(message)


@pytest.fixture
def server():
    """A real SMTP server that knows one password."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def authenticate(server, session, envelope, mechanism, data):
        right = (data.login, data.password) == (b"shop", b"secret")
        return AuthResult(success=right, auth_data=data.login.decode(), handled=False)

    controller = Controller(
        Box(), hostname="127.0.0.1", port=port, authenticator=authenticate, auth_require_tls=False, ready_timeout=10
    )
    controller.start()
    try:
        yield controller
    finally:
        controller.stop()


def test_recorded():
    """Within a test no message leaves, each is kept."""
    app = create_app(TESTING=True)
    with mail.record_messages() as outbox:
        app.test_client().post("/orders", data={"to": "ada@home.example", "what": "<Bread>"})
    [message] = outbox
    assert (message.subject, message.send_to) == ("Your order", {"ada@home.example"})
    assert message.sender == "The Shop <shop@shop.example>"
    assert message.body == "<Bread> is on its way."
    assert message.html == "<b>&lt;Bread&gt;</b> is on its way."
    assert message.attachments[0].filename == "bill.txt"


def test_nothing_is_sent_within_tests():
    """TESTING alone stops messages before a connection is made."""
    app = Flask(__name__)
    app.config.update(TESTING=True, MAIL_SERVER="nowhere.invalid")
    own = Mail(app)
    seen = []

    def note(sender, message):
        seen.append((sender, message.subject))

    with app.app_context(), email_dispatched.connected_to(note, app):
        own.send_message("Hello", recipients=["ada@home.example"], sender="shop@shop.example", body="x")
    assert seen == [(app, "Hello")]


def test_message_arrives(server):
    """The server gets the text, the HTML and the attachment, from a view."""
    app = create_app(MAIL_SERVER=server.hostname, MAIL_PORT=server.port)
    answer = app.test_client().post("/orders", data={"to": "ada@home.example", "what": "Brötchen"})
    assert answer.text == "sent"
    [message] = server.handler.messages
    assert message["From"] == "The Shop <shop@shop.example>"
    assert message.envelope == ("shop@shop.example", ["ada@home.example"])
    assert message.get_body(("plain",)).get_content().strip() == "Brötchen is on its way."
    assert message.get_body(("html",)).get_content().strip() == "<b>Brötchen</b> is on its way."
    [bill] = message.iter_attachments()
    assert (bill.get_filename(), bill.get_content().strip()) == ("bill.txt", "1 loaf: 3 euro")


def test_hidden_and_other_recipients(server):
    """Everybody gets the message, and a hidden recipient is in no header."""
    app = create_app(MAIL_SERVER=server.hostname, MAIL_PORT=server.port)
    with app.app_context():
        message = Message(
            "Grüße",
            recipients=[("Ada", "ada@home.example")],
            cc=["bob@home.example"],
            bcc=["eve@home.example"],
            reply_to="desk@shop.example",
            body="Hello",
            extra_headers={"X-Shop": "7"},
        )
        mail.send(message)
    [received] = server.handler.messages
    assert sorted(received.envelope[1]) == ["ada@home.example", "bob@home.example", "eve@home.example"]
    assert (received["Subject"], received["Cc"], received["X-Shop"]) == ("Grüße", "bob@home.example", "7")
    assert "eve@home.example" not in str(received)
    assert received["Reply-To"] == "desk@shop.example"


def test_login_and_one_connection_for_many(server):
    """Several messages share a connection, after a login with the configured name."""
    app = create_app(
        MAIL_SERVER=server.hostname, MAIL_PORT=server.port, MAIL_USERNAME="shop", MAIL_PASSWORD="secret",
        MAIL_MAX_EMAILS=2,
    )  # fmt: skip
    with app.app_context(), mail.connect() as connection:
        for number in range(3):
            connection.send(Message(f"News {number}", recipients=["ada@home.example"], body="..."))
        assert connection.num_emails == 1
    assert [message["Subject"] for message in server.handler.messages] == ["News 0", "News 1", "News 2"]
    assert {message.login for message in server.handler.messages} == {"shop"}


def test_no_tls_where_the_server_has_none(server):
    """A server without TLS is not spoken to where TLS is asked for."""
    app = create_app(MAIL_SERVER=server.hostname, MAIL_PORT=server.port, MAIL_USE_TLS=True)
    with app.app_context(), pytest.raises(smtplib.SMTPNotSupportedError):
        mail.send_message("Secret", recipients=["ada@home.example"], body="...")
    assert server.handler.messages == []


@pytest.mark.parametrize("field", ["subject", "sender", "recipients"])
def test_headers_cannot_be_smuggled_in(field):
    """A line break in a header is refused."""
    app = create_app(TESTING=True)
    values = {"subject": "News", "sender": "shop@shop.example", "recipients": ["ada@home.example"]}
    bad = "ada@home.example\r\nBcc: eve@home.example"
    values[field] = [bad] if field == "recipients" else bad
    with app.app_context(), pytest.raises(BadHeaderError):
        mail.send(Message(**values, body="..."))


def test_attached_file_of_the_application(tmp_path):
    """A file that the application opens as a resource is attached, with the type of its name."""
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    app = create_app(TESTING=True)
    app.root_path = str(tmp_path)
    with app.app_context(), app.open_resource("logo.png") as logo, mail.record_messages() as outbox:
        message = Message("Logo", recipients=["ada@home.example"], body="...")
        message.attach("logo.png", data=logo.read(), disposition="inline")
        mail.send(message)
        sent = email.message_from_bytes(outbox[0].as_bytes())
    [part] = [part for part in sent.walk() if part.get_filename()]
    assert (part.get_content_type(), part.get_payload(decode=True)) == ("image/png", b"\x89PNG")
