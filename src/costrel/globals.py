"""The proxies of the current application and request, under the module name that Flask documents."""

from __future__ import annotations

from costrel.context import app_ctx, current_app, g, request, request_ctx, session

__all__ = ["app_ctx", "current_app", "g", "request", "request_ctx", "session"]
