"""Tests of costrel.views: views that are classes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from typing import Any, ClassVar

import pytest

from costrel import App, request
from costrel.views import MethodView, View, http_method_funcs
from tests.support.frameworks import assert_same_as_flask


def allowed(app: App, path: str = "/") -> list[str]:
    """Returns the methods that the answer to an OPTIONS request names."""
    return sorted(app.test_client().options(path).headers["Allow"].split(", "))


class Echo(View):
    """Says which method was used."""

    methods = ("GET", "POST")

    def dispatch_request(self) -> str:
        return request.method


class Both(MethodView):
    def get(self) -> str:
        return "got"

    def post(self) -> str:
        return "posted"


@pytest.mark.parametrize(("view", "texts"), [(Echo, ("GET", "POST")), (Both, ("got", "posted"))])
def test_a_class_answers_its_methods(app: App, view: type[View], texts: tuple[str, str]) -> None:
    """A registered class answers the methods it names or defines, and no other."""
    app.add_url_rule("/", view_func=view.as_view("index"))
    client = app.test_client()
    assert (client.get("/").text, client.post("/").text) == texts
    assert client.put("/").status_code == 405
    assert allowed(app) == ["GET", "HEAD", "OPTIONS", "POST"]


def test_the_function_tells_where_it_comes_from() -> None:
    """The view function has the name that was given, the class's docstring and module, and the class itself."""
    view: Any = Echo.as_view("echo")
    assert (view.__name__, view.__doc__, view.__module__) == ("echo", Echo.__doc__, __name__)
    assert (view.view_class, view.methods, view.provide_automatic_options) == (Echo, ("GET", "POST"), None)


def test_url_values_and_class_arguments_arrive(app: App) -> None:
    """Variable parts of the URL go to the method, arguments of ``as_view`` to the class."""

    class Greeting(View):
        def __init__(self, word: str, *, mark: str) -> None:
            self.word, self.mark = word, mark

        def dispatch_request(self, name: str) -> str:
            return f"{self.word} {name}{self.mark}"

    app.add_url_rule("/<name>", view_func=Greeting.as_view("greeting", "Hello", mark="!"))
    assert app.test_client().get("/Ada").text == "Hello Ada!"


@pytest.mark.parametrize(("every", "counts"), [(True, ["1", "1"]), (False, ["1", "2"])])
def test_an_instance_for_every_request_or_one_for_all(app: App, every: bool, counts: list[str]) -> None:
    """``init_every_request`` decides whether what a request leaves on ``self`` is there for the next."""

    class Counter(View):
        init_every_request = every

        def __init__(self) -> None:
            self.count = 0

        def dispatch_request(self) -> str:
            self.count += 1
            return str(self.count)

    app.add_url_rule("/", view_func=Counter.as_view("counter"))
    client = app.test_client()
    assert [client.get("/").text, client.get("/").text] == counts


def test_the_class_can_be_replaced_on_the_function(app: App) -> None:
    """A test can put another class on the view function; the next request uses it."""

    class Other(Both):
        def get(self) -> str:
            return "other"

    view: Any = Both.as_view("index")
    view.view_class = Other
    app.add_url_rule("/", view_func=view)
    assert app.test_client().get("/").text == "other"


def marking(mark: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """Returns a decorator that puts a mark behind what a view returns."""

    def decorate(view: Callable[..., str]) -> Callable[..., str]:
        assert view.__name__ == "index"

        @functools.wraps(view)
        def marked(**kwargs: Any) -> str:
            return view(**kwargs) + mark

        return marked

    return decorate


def test_decorators_apply_from_the_inside_out(app: App) -> None:
    """The first decorator of the list is the innermost; each sees a function of the right name."""

    class Decorated(View):
        decorators: ClassVar[list[Callable[..., Any]]] = [marking("1"), marking("2")]

        def dispatch_request(self) -> str:
            return "0"

    app.add_url_rule("/", view_func=Decorated.as_view("index"))
    assert app.test_client().get("/").text == "012"


def test_automatic_options_can_be_switched_off(app: App) -> None:
    """``provide_automatic_options`` of the class reaches the route."""

    class Without(View):
        methods = ("GET", "OPTIONS")
        provide_automatic_options = False

        def dispatch_request(self) -> str:
            return f"own {request.method}"

    app.add_url_rule("/", view_func=Without.as_view("index"))
    assert app.test_client().options("/").text == "own OPTIONS"


class Deleting:
    """A mix-in that is no view itself."""

    def delete(self) -> str:
        return "deleted"


@pytest.mark.parametrize(
    ("bases", "namespace", "expected"),
    [
        ((MethodView,), {}, None),
        ((MethodView,), {"get": len}, {"GET"}),
        ((MethodView,), {"get": len, "trace": len}, {"GET", "TRACE"}),
        ((MethodView,), {"get": len, "methods": ["POST"]}, ["POST"]),
        ((Both,), {"put": len}, {"GET", "POST", "PUT"}),
        ((Both,), {}, {"GET", "POST"}),
        ((Deleting, MethodView), {}, {"DELETE"}),
        ((Both, Deleting), {"patch": len}, {"GET", "POST", "DELETE", "PATCH"}),
        ((Echo, MethodView), {"put": len}, {"GET", "POST", "PUT"}),
    ],
)
def test_methods_follow_from_what_is_defined(
    bases: tuple[type, ...], namespace: dict[str, Any], expected: Collection[str] | None
) -> None:
    """A MethodView's methods are those it defines or inherits, unless the class says which."""
    view: Any = type("Made", bases, namespace)
    assert view.methods == expected


def test_head_is_answered_by_get_or_by_itself(app: App) -> None:
    """HEAD goes to ``get`` with an empty body, unless there is a ``head``."""

    class Implicit(MethodView):
        def get(self) -> tuple[str, dict[str, str]]:
            return "body", {"X-Method": request.method}

    class Explicit(Implicit):
        def head(self) -> tuple[str, dict[str, str]]:
            return "", {"X-Method": "own"}

    app.add_url_rule("/implicit", view_func=Implicit.as_view("implicit"))
    app.add_url_rule("/explicit", view_func=Explicit.as_view("explicit"))
    client = app.test_client()
    implicit, explicit = client.head("/implicit"), client.head("/explicit")
    assert (implicit.text, implicit.headers["X-Method"]) == ("", "HEAD")
    assert (explicit.text, explicit.headers["X-Method"]) == ("", "own")


def test_async_methods_run(app: App) -> None:
    """``dispatch_request`` and the methods of a MethodView may be ``async def``."""

    class Whole(View):
        async def dispatch_request(self) -> str:
            return f"async {request.path}"

    class Parts(MethodView):
        async def get(self, number: int) -> str:
            return f"async {number}"

    app.add_url_rule("/whole", view_func=Whole.as_view("whole"))
    app.add_url_rule("/parts/<int:number>", view_func=Parts.as_view("parts"))
    client = app.test_client()
    assert (client.get("/whole").text, client.get("/parts/3").text) == ("async /whole", "async 3")


def test_a_view_without_dispatch_request_says_so(app: App) -> None:
    """The error names the class and what to define."""

    class Empty(View):
        pass

    app.add_url_rule("/", view_func=Empty.as_view("index"))
    with pytest.raises(NotImplementedError, match=r"Empty has no dispatch_request method\. Define") as caught:
        app.test_client().get("/")
    assert __name__ in str(caught.value)


@pytest.mark.parametrize("method", ["PUT", "HEAD"])
def test_an_unimplemented_method_says_so(app: App, method: str) -> None:
    """Registered for a method that it does not define, a view raises an error that names class, method and remedy."""

    class Partial(MethodView):
        methods = ("PUT", "HEAD")

    app.add_url_rule("/", view_func=Partial.as_view("partial"))
    with pytest.raises(AssertionError, match=f"Unimplemented method '{method}'") as caught:
        app.test_client().open("/", method=method)
    for part in ("Partial", f"def {method.lower()}(self", "add_url_rule", "'partial'"):
        assert part in str(caught.value)


def test_the_http_methods_are_known() -> None:
    """The names that a MethodView looks for are public."""
    assert http_method_funcs == {"get", "post", "head", "options", "delete", "put", "trace", "patch"}


def test_class_based_views_do_what_flasks_do() -> None:
    """A program with several class-based views gives the same answers with Flask."""
    result = assert_same_as_flask(
        """
from importlib import import_module
views = import_module(framework.__name__ + ".views")
app = App("x", root_path=".")

def twice(view):
    def doubled(**kwargs):
        return view(**kwargs) * 2
    return doubled

class Base(views.MethodView):
    decorators = [twice]
    def get(self, id=None):
        return f"get {id}"

class Item(Base):
    init_every_request = False
    def delete(self, id):
        return f"delete {id}", 202
    def put(self, id):
        return f"put {id}"
    decorators = []

app.add_url_rule("/base", view_func=Base.as_view("base"))
app.add_url_rule("/item/<int:id>", view_func=Item.as_view("item"))
app.add_url_rule("/only/<int:id>", view_func=Item.as_view("only"), methods=["DELETE"])
client = app.test_client()
result = [sorted(Item.methods), sorted(Base.methods)]
for path in ["/base", "/item/3", "/only/4"]:
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST"]:
        response = client.open(path, method=method)
        allow = sorted(response.headers.get("Allow", "").split(", "))
        result.append([path, method, response.status_code, response.text if response.status_code < 300 else "", allow])
"""
    )
    assert len(result) == 20


def _plain(self: Any, **values: Any) -> str:
    return f"{type(self).__name__} {request.method} {values} {self.word}"


async def _asynchronous(self: Any, **values: Any) -> str:
    return _plain(self, **values)


@functools.wraps(_plain)
def _wrapped(self: Any, **values: Any) -> str:
    return _plain(self, **values)


class _Callable:
    def __call__(self, **values: Any) -> str:
        return f"callable {values}"


class WithoutShortWay(App):
    """An application that has its own idea of what runs a coroutine."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return super().ensure_sync(func)


@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize("arguments", [(), ("hi",)])
@pytest.mark.parametrize("on_instance", [False, True])
@pytest.mark.parametrize("function", [_plain, _asynchronous, _wrapped, functools.partial(_wrapped, None), _Callable()])
def test_the_short_way_does_what_the_methods_do(
    function: Any, on_instance: bool, arguments: tuple[str, ...], every: bool
) -> None:
    """Whatever the method is, a view class answers the same where the short way is closed."""

    class Thing(MethodView):
        init_every_request = every
        methods = ("GET", "POST")

        def __init__(self, word: str = "hello") -> None:
            self.word = word
            if on_instance:
                self.post = functools.partial(_plain, self)

    Thing.get = function  # type: ignore[attr-defined]
    found = []
    for cls in (App, WithoutShortWay):
        app = cls("program", static_folder=None, root_path="/")
        app.logger.setLevel("CRITICAL")
        app.add_url_rule("/<int:number>", view_func=Thing.as_view("thing", *arguments))
        client = app.test_client()
        found.append([(client.open("/7", method=method).text) for method in ("GET", "HEAD", "POST", "GET")])
        assert app.plans().plain_class_views == (cls is App)
    assert found[0] == found[1]


def test_methods_may_be_replaced_between_requests(app: App) -> None:
    """A method, ``dispatch_request`` and ``ensure_sync`` that are replaced after the first request are called."""

    class Thing(MethodView):
        def get(self) -> str:
            return "got"

    app.add_url_rule("/", view_func=Thing.as_view("thing"))
    client = app.test_client()
    assert client.get("/").text == "got"
    Thing.get = lambda self: "replaced"  # type: ignore[method-assign]
    assert client.get("/").text == "replaced"
    app.ensure_sync = lambda func: lambda **values: f"wrapped {func(**values)}"  # type: ignore[method-assign]
    # The view function, dispatch_request and get are each wrapped.
    assert client.get("/").text == "wrapped wrapped wrapped replaced"
    Thing.dispatch_request = lambda self: "dispatched"  # type: ignore[method-assign,misc]
    assert client.get("/").text == "wrapped wrapped dispatched"
