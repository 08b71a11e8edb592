"""JSON as the current app writes and reads it: ``dumps``, ``loads``, ``dump``, ``load`` and ``jsonify``.

Without a current app these use Python's ``json`` with costrel's additional types.
"""

from __future__ import annotations

import json
from typing import IO, Any, AnyStr

from costrel.context import current_app
from costrel.response import Response
from costrel.serialize import _default
from costrel.tags import TaggedJSONSerializer


def dumps(obj: Any, **kwargs: Any) -> str:
    """Returns the object as JSON text, by ``app.json.dumps`` of the current app if there is one.

    :param kwargs: arguments for the provider, by default those of ``json.dumps``.
    """
    if current_app:
        text: str = current_app.json.dumps(obj, **kwargs)
        return text
    kwargs.setdefault("default", _default)
    return json.dumps(obj, **kwargs)


def dump(obj: Any, fp: IO[str], **kwargs: Any) -> None:
    """Writes the object as JSON to a file open for text, by ``app.json.dump`` of the current app if there is one.

    :param fp: opened with ``encoding="utf-8"``.
    """
    if current_app:
        current_app.json.dump(obj, fp, **kwargs)
    else:
        kwargs.setdefault("default", _default)
        json.dump(obj, fp, **kwargs)


def loads(s: str | bytes, **kwargs: Any) -> Any:
    """Returns the object that a JSON text or its bytes stand for, by ``app.json.loads`` if there is a current app.

    :raises ValueError: this is not JSON.
    """
    return current_app.json.loads(s, **kwargs) if current_app else json.loads(s, **kwargs)


def load(fp: IO[AnyStr], **kwargs: Any) -> Any:
    """Returns the object that the JSON in an open file stands for, by ``app.json.load`` if there is a current app."""
    return current_app.json.load(fp, **kwargs) if current_app else json.load(fp, **kwargs)


def jsonify(*args: Any, **kwargs: Any) -> Response:
    """Returns a response with the arguments as its JSON body, by ``app.json.response`` of the current app.

    :param args: the value; several become a list; none, and no keyword, gives ``null``.
    :param kwargs: the items of a dict; only without ``args``.
    :raises TypeError: positional and keyword arguments at once.
    :raises RuntimeError: there is no current app.

    A dict or a list that a view returns becomes such a response by itself.
    """
    response: Response = current_app.json.response(*args, **kwargs)
    return response


def _dumps_compact(obj: Any) -> str:
    return dumps(obj, separators=(",", ":"))


# Values inside sessions, and in whatever else is tagged, follow the settings of the app's provider. The serializer is
# in a lower layer, which does not know that there is a current app.
TaggedJSONSerializer.json_dumps = staticmethod(_dumps_compact)
TaggedJSONSerializer.json_loads = staticmethod(loads)
