"""Carries out against the real Flask every attack that is said to succeed there, and prints what came of each."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Prints a JSON object: for each number, why the attack succeeded, or null where it did not."""
    import flask  # here because this module is for a process of its own

    from tests.security import table
    from tests.security.world import World

    outcomes: dict[str, str | None] = {}
    for found in table.ADVISORIES:
        if not found.on_flask:
            continue
        try:
            found.attack(World(flask, flask.Flask))
        except AssertionError as failure:
            outcomes[found.number] = str(failure) or "asserted"
        else:
            outcomes[found.number] = None
    sys.stdout.write("\0" + json.dumps(outcomes))


if __name__ == "__main__":
    main()
