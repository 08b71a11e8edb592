"""The process environment variables that costrel reads, under each prefix it answers to."""

from __future__ import annotations

import os

#: Prefixes in the order in which they are looked up. ``costrel.as_flask`` puts ``"FLASK"`` first.
prefixes: list[str] = ["COSTREL"]

_FALSE = frozenset({"0", "false", "no"})


def variable(name: str) -> str | None:
    """Returns the value of ``COSTREL_<name>``, or None where no prefix has it.

    >>> import os
    >>> os.environ["COSTREL_GREETING"] = "hello"
    >>> variable("GREETING")
    'hello'
    """
    for prefix in prefixes:
        value = os.environ.get(f"{prefix}_{name}")
        if value is not None:
            return value
    return None


def set_variable(name: str, value: str) -> None:
    """Sets ``<prefix>_<name>`` for this process and its children, under the prefix that is looked up first."""
    os.environ[f"{prefixes[0]}_{name}"] = value


def get_debug_flag() -> bool:
    """Tells whether ``COSTREL_DEBUG`` asks for debug mode; unset, empty, ``0``, ``false`` and ``no`` do not."""
    value = variable("DEBUG")
    return bool(value and value.lower() not in _FALSE)


def get_load_dotenv(default: bool = True) -> bool:
    """Tells whether ``.env`` files are to be read: not where ``COSTREL_SKIP_DOTENV`` is set to a true value.

    :param default: the answer where the variable is unset or empty.
    """
    value = variable("SKIP_DOTENV")
    if not value:
        return default
    return value.lower() in _FALSE
