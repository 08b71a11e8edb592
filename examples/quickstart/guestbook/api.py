"""The same guestbook for programs: JSON under /api."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException

from costrel import Blueprint, abort, request, url_for

from . import entries

blueprint = Blueprint("api", __name__)


@blueprint.get("/entries")
def list_entries() -> dict[str, Any]:
    """Answer with the newest entries."""
    return {"entries": entries.latest()}


@blueprint.get("/entries/<int:entry_id>")
def show_entry(entry_id: int) -> dict[str, Any]:
    """Answer with one entry, or 404."""
    entry = entries.find(entry_id)
    if entry is None:
        abort(404, "There is no entry with this number.")
    return {"entry": entry}


@blueprint.post("/entries")
def add_entry() -> tuple[dict[str, Any], int] | tuple[dict[str, Any], int, dict[str, str]]:
    """Store an entry sent as `{"name": ..., "message": ...}`."""
    data = request.get_json()
    if not isinstance(data, dict):
        abort(400, 'Send an object: {"name": ..., "message": ...}.')
    name, message = entries.clean(data.get("name")), entries.clean(data.get("message"))
    errors = entries.check(name, message)
    if errors:
        return {"errors": errors}, 422
    entry = entries.add(name, message)
    return {"entry": entry}, 201, {"Location": url_for(".show_entry", entry_id=entry.id)}


# The app has a page for 404, and a handler for a code goes before one for a class: so 404 is named here as well.
@blueprint.errorhandler(404)
@blueprint.errorhandler(HTTPException)
def show_error(error: HTTPException) -> tuple[dict[str, Any], int]:
    """Answer errors in the API's own format too."""
    return {"error": error.description}, error.code or 500
