"""Sphinx settings: `sphinx-build -W -b html docs docs/_build/html`."""

from __future__ import annotations

import importlib.metadata

project = "costrel"
author = "the costrel maintainers"
copyright = "2026, the costrel maintainers"
release = version = importlib.metadata.version("costrel")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest", "sphinx.ext.viewcode"]
# Tables and fenced code need no extension of MyST; this gives the headings the addresses that they have on code hosts.
myst_heading_anchors = 3
exclude_patterns = ["_build"]
# Single backticks are literals, as in the comments and commit messages of the project.
default_role = "code"

html_theme = "furo"
html_title = f"costrel {release}"
# Every part of a page comes from the documentation itself: it works without a network.
html_theme_options = {"footer_icons": []}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_preserve_defaults = True
