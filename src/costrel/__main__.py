"""``costrel`` and ``python -m costrel``: the command line."""

from __future__ import annotations

import sys

from costrel import cli


def main() -> None:
    """Runs the command that the process's arguments name, and exits."""
    if "--as-flask" in sys.argv:
        # Not imported otherwise: it lays hold of the name of another package. Here, since it has to come first.
        from costrel import as_flask  # noqa: F401
    cli.main()


if __name__ == "__main__":
    main()
