"""The guestbook's app factory: `costrel --app examples/quickstart/guestbook run` calls `create_app`."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from costrel import App, render_template

from . import api, entries, pages


def create_app(test_config: Mapping[str, Any] | None = None) -> App:
    """Build the guestbook; tests pass a mapping with their own DATABASE and SECRET_KEY."""
    app = App(__name__, instance_relative_config=True)
    if test_config is None:
        folder = Path(app.instance_path)
        folder.mkdir(parents=True, exist_ok=True)
        app.config.from_mapping(DATABASE=str(folder / "guestbook.sqlite"), SECRET_KEY=keep_secret_key(folder))
        app.config.from_pyfile("config.py", silent=True)
    else:
        app.config.from_mapping(test_config)

    entries.init_app(app)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(api.blueprint, url_prefix="/api")
    app.register_error_handler(404, show_not_found)
    app.add_template_filter(format_time)
    return app


def keep_secret_key(folder: Path) -> str:
    """Return the key that signs the session cookie; the first start makes it."""
    # A key written in the source code is known to everybody who can read the source, and who knows the key can forge a
    # session. So each installation makes its own, keeps it (else a restart would end all sessions), and only the
    # account that runs the server may read it: mode 0600, which is what `tempfile` gives its files.
    path = folder / "secret_key"
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=folder) as draft:
            draft.write(secrets.token_hex())
            draft.flush()
            # Several workers may start at the same moment: the first link wins and all of them read that one.
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, path)
    return path.read_text()


def show_not_found(error: Exception) -> tuple[str, int]:
    """Answer an address that does not exist with a page in the guestbook's own looks."""
    return render_template("404.html"), 404


def format_time(written: str) -> str:
    """Show a stored time to people: `2026-03-01T09:05:00+00:00` becomes `1 March 2026, 09:05 UTC`."""
    time = datetime.fromisoformat(written)
    return f"{time.day} {time:%B %Y, %H:%M} UTC"
