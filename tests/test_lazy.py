"""Tests of costrel.lazy: attributes that are computed at their first use."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from costrel.lazy import lazy


class Circle:
    """Counts how often its area is computed."""

    def __init__(self, radius: int) -> None:
        self.radius = radius
        self.computed = 0

    @lazy
    def area(self) -> int:
        """Three times the radius squared."""
        self.computed += 1
        return 3 * self.radius**2

    @lazy
    def broken(self) -> int:
        self.computed += 1
        raise ValueError("no")

    surface = lazy(lambda circle: f"surface of {circle.radius}")


class Disc(Circle):
    @lazy
    def area(self) -> int:
        return -1


def test_the_value_is_computed_once() -> None:
    """The first use computes the value, later uses find it; an attribute nobody asks for is never computed."""
    circle = Circle(2)
    assert "area" not in vars(circle)
    assert (circle.area, circle.area, circle.area, circle.computed) == (12, 12, 12, 1)
    assert vars(circle)["area"] == 12


def test_each_instance_has_its_own_value() -> None:
    """Nothing is shared between instances."""
    first, second = Circle(1), Circle(2)
    assert (first.area, second.area) == (3, 12)


def test_the_value_may_be_set_before_and_after_its_first_use() -> None:
    """Setting the attribute replaces the value, and a value set first is never computed."""
    circle = Circle(2)
    circle.area = 5
    assert (circle.area, circle.computed) == (5, 0)
    del circle.area
    assert (circle.area, circle.computed) == (12, 1)
    circle.area = 7
    assert circle.area == 7


def test_a_deleted_value_is_computed_again() -> None:
    """Deleting the attribute brings the computation back; what is not there cannot be deleted."""
    circle = Circle(2)
    with pytest.raises(AttributeError):
        del circle.area
    assert circle.area == 12
    circle.radius = 3
    del circle.area
    assert (circle.area, circle.computed) == (27, 2)


def test_an_error_is_not_kept() -> None:
    """A computation that fails is tried again at the next use."""
    circle = Circle(2)
    for tries in (1, 2):
        with pytest.raises(ValueError, match="no"):
            circle.broken  # noqa: B018  (reading it is the test)
        assert circle.computed == tries
    assert "broken" not in vars(circle)


def test_the_class_gives_the_descriptor() -> None:
    """On the class the attribute is the descriptor, with the function's documentation."""
    descriptor: Any = Circle.area
    assert isinstance(descriptor, lazy)
    assert (descriptor.name, descriptor.__doc__) == ("area", "Three times the radius squared.")


def test_the_name_is_that_of_the_attribute() -> None:
    """A descriptor assigned under another name than its function's stores its value there."""
    circle = Circle(2)
    assert circle.surface == "surface of 2"
    assert vars(circle)["surface"] == "surface of 2"


def test_a_subclass_may_override() -> None:
    """A subclass's attribute wins, and the base's can be asked for explicitly."""
    assert Disc(2).area == -1
    descriptor: Any = Circle.area
    assert descriptor.compute(Disc(2)) == 12


def test_values_are_copied_with_the_instance() -> None:
    """Pickling keeps what was computed, and what was not is computed in the copy."""
    circle = Circle(2)
    assert circle.area == 12
    copied = pickle.loads(pickle.dumps(circle))
    assert (copied.area, copied.computed, copied.surface) == (12, 1, "surface of 2")
