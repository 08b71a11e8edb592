"""The whole table of advisories."""

from __future__ import annotations

from tests.security import bodies, files, headers, pages
from tests.security.world import ADVISORIES

#: The modules that the attacks are in.
MODULES = (bodies, files, headers, pages)

__all__ = ["ADVISORIES", "MODULES"]
