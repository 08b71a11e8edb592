"""The ways to look a key up in a multi dict or in headers, for tests that compare ours with werkzeug's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: What to do with the mapping and a key, by a name for it.
LOOKUPS: dict[str, Callable[[Any, Any], Any]] = {
    "[]": lambda mapping, key: mapping[key],
    "get": lambda mapping, key: mapping.get(key),
    "get with a default": lambda mapping, key: mapping.get(key, default="none"),
    "get with a type": lambda mapping, key: mapping.get(key, type=int),
    "get with both": lambda mapping, key: mapping.get(key, -1, int),
    "get of a failing type": lambda mapping, key: mapping.get(key, "none", lambda value: value + 1),
    "get with an error": lambda mapping, key: mapping.get(key, type=lambda value: {}[value]),
}
