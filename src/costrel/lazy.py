"""A descriptor for attributes that are computed when somebody first asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

T = TypeVar("T")


class lazy(Generic[T]):
    """Computes an attribute at its first use and stores it in the instance's ``__dict__``, where it may be replaced.

    It is a non-data descriptor: from the second use on, the instance's own ``__dict__`` answers and no Python code
    runs. Unlike ``functools.cached_property`` of Python 3.10 and 3.11 it takes no lock.

    >>> class Circle:
    ...     radius = 2
    ...     @lazy
    ...     def area(self):
    ...         return 3 * self.radius**2
    >>> circle = Circle()
    >>> circle.area, circle.__dict__
    (12, {'area': 12})
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> lazy[T] | T:
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self.compute(instance)
        return value

    if TYPE_CHECKING:
        # Only for the type checkers: any value may be set. A real method here would make every later use slow.
        def __set__(self, instance: object, value: Any) -> None: ...
