"""Class-based views: a class whose instances answer requests, as a whole or method by method.

Source: https://flask.palletsprojects.com/en/stable/views/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, ClassVar, cast

from costrel.context import current_app, current_context, request
from costrel.coroutines import is_plain

if TYPE_CHECKING:
    from costrel import typing as ct

#: The methods of a ``MethodView`` that handle the HTTP method of the same name.
http_method_funcs = frozenset({"get", "post", "head", "options", "delete", "put", "trace", "patch"})


class View:
    """A view as a class: override :meth:`dispatch_request` and register what :meth:`as_view` returns.

    >>> class Hello(View):
    ...     init_every_request = False
    ...     def dispatch_request(self, name):
    ...         return f"Hello, {name}!"
    >>> view = Hello.as_view("hello")
    >>> view.__name__, view.view_class is Hello
    ('hello', True)
    """

    #: The HTTP methods that the view answers; None for those that a route answers by default.
    methods: ClassVar[Collection[str] | None] = None

    #: Whether OPTIONS is answered without the view; None for what a route does by default.
    provide_automatic_options: ClassVar[bool | None] = None

    #: Decorators for the view function, the innermost first. Decorating the class would not decorate the function.
    decorators: ClassVar[list[Callable[..., Any]]] = []

    #: Whether each request gets an instance of its own. With False one instance serves all requests, on all threads,
    #: so data of a request belongs in ``g`` and not on ``self``.
    init_every_request: ClassVar[bool] = True

    def dispatch_request(self, *args: Any, **kwargs: Any) -> ct.ResponseReturnValue | Awaitable[ct.ResponseReturnValue]:
        """Answers a request; an override takes the variable parts of the URL by their names."""
        raise NotImplementedError(
            f"{type(self).__module__}.{type(self).__qualname__} has no dispatch_request method. Define"
            " `def dispatch_request(self, ...)` with the URL's variable parts as parameters, or derive the class from"
            " MethodView and define get, post and so on."
        )

    @classmethod
    def as_view(cls, name: str, *class_args: Any, **class_kwargs: Any) -> ct.RouteCallable:
        """Returns a view function that passes each request to an instance of the class.

        :param name: the function's name, which is the endpoint's unless another one is given.
        :param class_args: positional and keyword arguments for making the instances.
        """
        shared = None if cls.init_every_request else cls(*class_args, **class_kwargs)
        has_arguments = bool(class_args or class_kwargs)

        def plain_view(**kwargs: Any) -> Any:
            # The class is read from the function at each request, so that a test can put another one there.
            if shared is not None:
                instance = shared
            elif has_arguments:
                instance = view.view_class(*class_args, **class_kwargs)
            else:
                instance = view.view_class()
            method = instance.dispatch_request
            if getattr(method, "__func__", None) is _dispatch_by_method:
                # PERF: what dispatch_request and ensure_sync do in the commonest case, without a request object and
                # six calls: 3 us.
                context: Any = current_context.get(None)
                if context is not None and context._active and context._request is None:
                    plans = context.app._plans
                    if plans is not None and plans.plain_class_views:
                        handler = getattr(instance, context.environ["REQUEST_METHOD"].lower(), None)
                        if is_plain(handler):
                            return handler(**kwargs)
            return _call(method, kwargs)

        view: Any = plain_view
        view.__name__ = name
        view.__module__ = cls.__module__
        for decorator in cls.decorators:
            view = decorator(view)
        # The rest of the framework and tools that list routes read these from the function.
        view.view_class = cls
        view.__name__ = name
        view.__doc__ = cls.__doc__
        view.__module__ = cls.__module__
        view.methods = cls.methods
        view.provide_automatic_options = cls.provide_automatic_options
        return cast("ct.RouteCallable", view)


class MethodView(View):
    """A view with one method per HTTP method: ``get``, ``post`` and so on; HEAD is answered by ``get``.

    ``methods`` is set from the methods that the class defines or inherits, unless the class sets it.

    >>> class Counter(MethodView):
    ...     def get(self):
    ...         return "0"
    ...     def post(self):
    ...         return "1"
    >>> sorted(Counter.methods)
    ['GET', 'POST']
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "methods" in cls.__dict__:
            return
        methods = {name.upper() for name in http_method_funcs if hasattr(cls, name)}
        for base in cls.__bases__:
            methods.update(getattr(base, "methods", None) or ())
        if methods:
            cls.methods = methods

    def dispatch_request(self, *args: Any, **kwargs: Any) -> ct.ResponseReturnValue | Awaitable[ct.ResponseReturnValue]:
        """Calls the method that is named like the request's HTTP method."""
        method = request.method
        handler = getattr(self, method.lower(), None)
        if handler is None and method == "HEAD":
            handler = getattr(self, "get", None)
        if handler is None:
            name = f"{type(self).__module__}.{type(self).__qualname__}"
            raise AssertionError(
                f"Unimplemented method {method!r}: the view class {name} is registered for it but has no method"
                f" {method.lower()!r}. Define `def {method.lower()}(self, ...)`, or take {method!r} out of its"
                f" 'methods' and out of the methods given to add_url_rule (endpoint {request.endpoint!r})."
            )
        return _call(handler, kwargs)


_dispatch_by_method = MethodView.dispatch_request


def _call(method: Callable[..., Any], arguments: dict[str, Any]) -> ct.ResponseReturnValue:
    """Calls a method of a view, which may be an ``async def``."""
    answer: ct.ResponseReturnValue = current_app.ensure_sync(method)(**arguments)
    return answer
