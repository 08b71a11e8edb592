"""Answers ``importlib.metadata`` for the name flask: with the version whose names and behaviour costrel offers.

Source: https://docs.python.org/3/library/importlib.metadata.html#extending-the-search-algorithm
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import Distribution

#: The version of Flask that costrel has the API of.
VERSION = "3.1.3"

_METADATA = f"""\
Metadata-Version: 2.1
Name: Flask
Version: {VERSION}
Summary: The name under which costrel.as_flask offers costrel.
"""


class FlaskDistributionFinder:
    """Finds one distribution, ``Flask``; also where another version of it is installed, which nothing imports."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Finds no module; each entry of ``sys.meta_path`` has this method."""

    def find_distributions(self, context: Any = None) -> Iterable[Distribution]:
        """Returns the distribution where its name, or no name at all, is asked for."""
        wanted = getattr(context, "name", None)
        return () if wanted is not None and wanted.lower() != "flask" else (_distribution(),)


def _distribution() -> Distribution:
    # PERF: 10 ms of start-up for programs that do not ask for versions.
    from importlib.metadata import Distribution

    class FlaskDistribution(Distribution):
        def read_text(self, filename: str) -> str | None:
            return _METADATA if filename in {"METADATA", "PKG-INFO"} else None

        def locate_file(self, path: Any) -> Any:
            raise FileNotFoundError(f"Flask is another name of costrel here and has no files of its own: {path!s}")

    return FlaskDistribution()
