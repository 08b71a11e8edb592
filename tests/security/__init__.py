"""Attacks that were published against frameworks, carried out against costrel."""

from __future__ import annotations

import pytest

# What an attack fails with says in what way it has succeeded, also where it is carried out in another module.
pytest.register_assert_rewrite(*(f"tests.security.{name}" for name in ("bodies", "files", "headers", "pages")))
