"""Flask-SocketIO: a chat with rooms, through its test client and through a real server and clients."""

import threading
import time

import pytest
import socketio as client_library
from flask import Flask, request, session
from flask_socketio import (
    ConnectionRefusedError as Refusal,
)
from flask_socketio import (
    Namespace,
    SocketIO,
    disconnect,
    emit,
    join_room,
    leave_room,
    rooms,
    send,
)
from werkzeug.serving import make_server


class Chat:
    """An application with its handlers."""

    def __init__(self, **options):
        self.app = app = Flask(__name__)
        app.secret_key = "short and for tests only, nothing else"
        app.config["TESTING"] = True
        self.left = threading.Event()
        self.io = io = SocketIO(app, async_mode="threading", **options)

        @app.post("/login/<name>")
        def login(name):
            session["name"] = name
            return "", 204

        @app.get("/name")
        def name():
            return {"name": session.get("name"), "remembered": session.get("remembered")}

        @app.post("/announce/<text>")
        def announce(text):
            emit("announced", {"text": text}, namespace="/", broadcast=True)
            return "", 202

        @io.on("connect")
        def connect(auth):
            if auth == {"token": "wrong"}:
                raise Refusal("wrong token")
            emit("welcome", {"name": session.get("name"), "from": request.args.get("from")})

        @io.on("disconnect")
        def left(reason):
            self.left.set()

        @io.on("whoami")
        def whoami():
            return {"name": session.get("name"), "sid": request.sid, "path": request.path, "event": request.event}

        @io.on("remember")
        def remember(value):
            session["remembered"] = value

        @io.on("remembered")
        def remembered():
            return session.get("remembered", "nothing")

        @io.on("join")
        def join(room):
            join_room(room)
            emit("joined", session.get("name"), to=room, include_self=False)
            return sorted(set(rooms()) - {request.sid})

        @io.on("leave")
        def leave(room):
            leave_room(room)
            return sorted(set(rooms()) - {request.sid})

        @io.on("say")
        def say(room, text):
            emit("said", {"text": text, "by": session.get("name")}, to=room)

        @io.on("message")
        def message(text):
            send(text.upper(), broadcast=True)

        @io.on("bytes")
        def reverse(data):
            emit("bytes", data[::-1])

        @io.on("go")
        def go():
            disconnect()

        @io.on("fail")
        def fail():
            raise ValueError("no such thing")

        @io.on_error_default
        def failed(error):
            emit("failed", {"error": str(error), "event": request.event["message"]})

        class News(Namespace):
            def on_connect(self):
                emit("headline", "bread is cheap")

            def on_ask(self, question):
                return f"{question}? {request.namespace}"

        io.on_namespace(News("/news"))

    def visitor(self, name=None, **options):
        """Returns a test client, with the session of a logged-in user where there is a name."""
        browser = self.app.test_client()
        if name:
            browser.post(f"/login/{name}")
        visitor = self.io.test_client(self.app, flask_test_client=browser, **options)
        visitor.browser = browser
        return visitor


@pytest.fixture
def chat():
    # The task that pings a client ends only after such an interval.
    return Chat(ping_interval=1, ping_timeout=20)


def received(client, namespace=None):
    return [(event["name"], event["args"]) for event in client.get_received(namespace)]


def test_connecting(chat):
    """The handlers see the session of the browser and the request of the connection."""
    visitor = chat.visitor("ann", query_string="?from=shop")
    assert received(visitor) == [("welcome", [{"name": "ann", "from": "shop"}])]
    answer = visitor.emit("whoami", callback=True)
    assert answer["name"] == "ann"
    assert answer["path"] == "/socket.io"
    assert answer["event"] == {"message": "whoami", "args": []}
    visitor.disconnect()
    assert chat.left.is_set()


def test_refused(chat):
    """A handler may refuse a connection."""
    visitor = chat.visitor(auth={"token": "wrong"})
    assert not visitor.is_connected()


def test_rooms_and_broadcasts(chat):
    """Who is in a room hears what is said there; a broadcast reaches all; an acknowledgement only who asked."""
    ann, bob, eve = (chat.visitor(name) for name in ("ann", "bob", "eve"))
    assert ann.emit("join", "kitchen", callback=True) == ["kitchen"]
    assert bob.emit("join", "kitchen", callback=True) == ["kitchen"]
    for each in (bob, eve):
        received(each)
    assert received(ann) == [("welcome", [{"name": "ann", "from": None}]), ("joined", ["bob"])]
    bob.emit("say", "kitchen", "hello")
    assert received(ann) == received(bob) == [("said", [{"text": "hello", "by": "bob"}])]
    assert received(eve) == []
    assert ann.emit("leave", "kitchen", callback=True) == []
    bob.emit("say", "kitchen", "again")
    assert received(ann) == []
    eve.send("to all")
    assert received(ann) == received(eve) == [("message", "TO ALL")]


def test_from_a_view(chat):
    """A view may send to everybody who is connected."""
    visitor = chat.visitor()
    received(visitor)
    assert chat.app.test_client().post("/announce/closing").status_code == 202
    assert received(visitor) == [("announced", [{"text": "closing"}])]


def test_session_of_handlers_is_a_copy(chat):
    """By default handlers keep what they put in the session to themselves."""
    ann, bob = chat.visitor("ann"), chat.visitor("bob")
    ann.emit("remember", 5)
    assert ann.emit("remembered", callback=True) == 5
    assert bob.emit("remembered", callback=True) == "nothing"
    assert ann.browser.get("/name").json == {"name": "ann", "remembered": None}


def test_session_of_the_framework():
    """Where the framework manages the session, each event begins with that of the connection."""
    chat = Chat(manage_session=False)
    visitor = chat.visitor("ann")
    visitor.emit("remember", 5)
    assert visitor.emit("remembered", callback=True) == "nothing"
    assert visitor.emit("whoami", callback=True)["name"] == "ann"


def test_errors_bytes_and_leaving(chat):
    """Errors reach the handler of errors, bytes go both ways, and a handler may end the connection."""
    visitor = chat.visitor()
    received(visitor)
    visitor.emit("fail")
    assert received(visitor) == [("failed", [{"error": "no such thing", "event": "fail"}])]
    visitor.emit("bytes", b"\x00\xff")
    assert received(visitor) == [("bytes", [b"\xff\x00"])]
    visitor.emit("go")
    assert not visitor.is_connected()


def test_namespace(chat):
    """A class of handlers has a namespace of its own."""
    visitor = chat.visitor(namespace="/news")
    assert received(visitor, "/news") == [("headline", ["bread is cheap"])]
    assert visitor.emit("ask", "why", namespace="/news", callback=True) == "why? /news"


@pytest.fixture
def url(chat):
    """The address of a real server, which ends together with its threads."""
    chat.app.testing = False
    before = set(threading.enumerate())
    server = make_server("127.0.0.1", 0, chat.app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.port}"
    chat.io.server.shutdown()
    server.shutdown()
    serving.join()
    server.server_close()
    deadline = time.monotonic() + 15
    while left := [thread for thread in set(threading.enumerate()) - before if thread.is_alive()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


@pytest.fixture
def connect(url):
    clients = []

    def connect(transport, **options):
        client = client_library.SimpleClient()
        clients.append(client)
        client.connect(url, transports=[transport], wait_timeout=10, **options)
        return client

    yield connect
    for client in clients:
        client.disconnect()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_real_clients(connect, transport):
    """Events, rooms, acknowledgements and bytes over a real connection."""
    ann, bob = connect(transport), connect("polling")
    assert ann.transport == transport
    for each in (ann, bob):
        assert each.receive(10) == ["welcome", {"name": None, "from": None}]
    assert ann.call("join", "kitchen", timeout=10) == ["kitchen"]
    bob.emit("say", ("kitchen", "hello"))
    assert ann.receive(10) == ["said", {"text": "hello", "by": None}]
    ann.emit("bytes", b"\x00" * 70_000 + b"\xff")
    assert ann.receive(10) == ["bytes", b"\xff" + b"\x00" * 70_000]
    ann.emit("fail")
    assert ann.receive(10) == ["failed", {"error": "no such thing", "event": "fail"}]
    bob.emit("message", "to all")
    assert ann.receive(10) == bob.receive(10) == ["message", "TO ALL"]


def test_real_session_and_views(chat, connect, url):
    """The cookie of the browser gives handlers its session, views go on beside, and leaving is noticed."""
    browser = chat.app.test_client()
    cookie = browser.post("/login/ann").headers["Set-Cookie"].partition(";")[0]
    ann = connect("websocket", headers={"Cookie": cookie})
    assert ann.receive(10) == ["welcome", {"name": "ann", "from": None}]
    ann.emit("remember", [1])
    assert ann.call("remembered", timeout=10) == [1]
    assert browser.post("/announce/closing").status_code == 202
    assert ann.receive(10) == ["announced", {"text": "closing"}]
    ann.disconnect()
    assert chat.left.wait(10)


def test_real_refusal(url):
    """A refused client gets the reason."""
    reasons = []
    client = client_library.Client(reconnection=False)
    client.on("connect_error", reasons.append)
    with pytest.raises(client_library.exceptions.ConnectionError):
        client.connect(url, transports=["polling"], auth={"token": "wrong"}, wait_timeout=10)
    client.disconnect()
    assert reasons == [{"message": "wrong token"}]


def test_real_namespace_and_background_task(chat, connect):
    """A namespace over a real connection, with a task that sends by itself."""
    reader = connect("polling", namespace="/news")
    assert reader.receive(10) == ["headline", "bread is cheap"]
    assert reader.call("ask", "why", timeout=10) == "why? /news"
    task = chat.io.start_background_task(chat.io.emit, "headline", "late", namespace="/news")
    task.join(10)
    assert reader.receive(10) == ["headline", "late"]
