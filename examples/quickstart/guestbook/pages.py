"""The pages that people see: the guestbook with its form."""

from __future__ import annotations

from werkzeug.wrappers import Response

from costrel import Blueprint, flash, redirect, render_template, request, session, url_for

from . import entries

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> str:
    """Show the form and the newest entries."""
    return show_guestbook(name=session.get("name", ""))


@blueprint.post("/")
def sign() -> Response | tuple[str, int]:
    """Store what the visitor wrote, or show the form again with what is wrong."""
    name = entries.clean(request.form.get("name"))
    message = entries.clean(request.form.get("message"))
    errors = entries.check(name, message)
    if errors:
        return show_guestbook(name, message, errors), 422

    entries.add(name, message)
    session["name"] = name  # the cookie keeps it: the form is filled in at the next visit
    flash(f"Thank you for signing, {name}!")
    # 303 makes the browser load the page anew with GET, so reloading it does not sign twice.
    return redirect(url_for(".index"), 303)


@blueprint.post("/forget")
def forget() -> Response:
    """Forget the visitor's name."""
    session.pop("name", None)
    flash("Your name is forgotten on this device. Your entries stay.")
    return redirect(url_for(".index"), 303)


def show_guestbook(name: str = "", message: str = "", errors: dict[str, str] | None = None) -> str:
    """Render the one page of the guestbook."""
    return render_template(
        "index.html",
        entries=entries.latest(),
        name=name,
        message=message,
        errors=errors or {},
        name_length=entries.NAME_LENGTH,
        message_length=entries.MESSAGE_LENGTH,
    )
