"""Published attacks against frameworks fail on costrel: one test for each advisory, named by its number.

``table.py`` has the attacks; what each test asserts is in the attack.
"""

from __future__ import annotations

import contextlib
import functools
import json
import pkgutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import costrel
from tests.security.pages import numbers_are_well_formed
from tests.security.removals import REMOVALS, Removal
from tests.security.table import ADVISORIES
from tests.security.world import Advisory, World
from tests.support.server import child_environment, real_server, status_of

BY_NUMBER = {found.number: found for found in ADVISORIES}


def _ids(found: Advisory) -> str:
    return f"{found.number}-{found.project}-{found.attack.__name__}"


def check_attack_fails(found: Advisory) -> None:
    """Carries the attack out; it raises AssertionError where it succeeds."""
    found.attack(World(costrel, costrel.App))


@pytest.mark.parametrize("found", ADVISORIES, ids=_ids)
def test_attack_fails(found: Advisory) -> None:
    """What the attacker does has no effect on a native application, as the attack itself asserts."""
    check_attack_fails(found)


@functools.cache
def _outcomes_on_flask() -> dict[str, str | None]:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.security.on_flask"],
        cwd=root,
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    outcomes: dict[str, str | None] = json.loads(done.stdout.rpartition("\0")[2])
    return outcomes


@pytest.mark.parametrize("found", [found for found in ADVISORIES if found.on_flask], ids=_ids)
def test_attack_succeeds_on_flask(found: Advisory) -> None:
    """The same attack has an effect on Flask, which shows that it is one."""
    assert _outcomes_on_flask()[found.number] is not None


@pytest.mark.parametrize("found", [found for found in ADVISORIES if found.unguarded], ids=_ids)
def test_attack_succeeds_without_the_setting(found: Advisory) -> None:
    """The attack has an effect where the setting of the guard takes it away."""
    with pytest.raises(AssertionError):
        found.attack(World(costrel, costrel.App, found.unguarded))


@contextlib.contextmanager
def replaced(names: dict[str, Any]) -> Iterator[None]:
    """Puts other functions and values in the place of those of these names while the block runs."""
    with contextlib.ExitStack() as stack:
        for name, value in names.items():
            # Python 3.10's `mock.patch` takes `costrel.request` for the proxy of that name rather than the module.
            owner, _, attribute = name.rpartition(".")
            stack.enter_context(mock.patch.object(pkgutil.resolve_name(owner), attribute, value))
        yield


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.attack.__name__)
def test_attack_succeeds_without_the_guard(removal: Removal) -> None:
    """The attack has an effect, and the one that is named, where something worse stands in the place of the guard."""
    with replaced(removal.replaced), pytest.raises((Exception, pytest.fail.Exception)) as failure:
        removal.attack(World(costrel, costrel.App))
    assert removal.shows in str(failure.value)


def test_every_advisory_has_a_proof() -> None:
    """Each attack is shown to be one: by Flask, by a setting, or by what stands in the place of the guard."""
    removed = {removal.attack for removal in REMOVALS}
    attacks = {found.attack: found.on_flask or bool(found.unguarded) for found in ADVISORIES}
    assert [attack.__name__ for attack, proven in attacks.items() if not proven and attack not in removed] == []
    assert removed <= attacks.keys()
    assert len(removed) == len(REMOVALS)


def test_the_table_is_in_order() -> None:
    """There are at least 80 advisories, each once, with a sentence about the attack and one about the guard."""
    assert len(ADVISORIES) >= 80
    assert [number for number, times in Counter(found.number for found in ADVISORIES).items() if times > 1] == []
    assert [found.number for found in ADVISORIES if not numbers_are_well_formed(found.number)] == []
    for found in ADVISORIES:
        assert found.sentence.endswith("."), found.number
        assert found.guard.endswith("."), found.number


SHOWS_HEADERS = """\
from costrel import App, request
app = App("headers")

@app.get("/")
def home():
    return request.headers.get("X-Auth-User", "nobody")
"""


def test_cve_2015_0219_a_header_that_stands_for_another() -> None:
    """Django CVE-2015-0219: a header with underscores is not taken for the one with hyphens that a proxy sets."""
    with real_server(SHOWS_HEADERS) as server:
        forged = server.request(headers={"X_Auth_User": "admin"})
        proper = server.request(headers={"X-Auth-User": "ada"})
    assert status_of(forged) == 200
    assert forged.endswith(b"nobody")
    assert proper.endswith(b"ada")


TAKES_ALL_HEADERS = """\
from werkzeug.serving import WSGIRequestHandler
make_environ = WSGIRequestHandler.make_environ

def make_all(self):
    names = {f"HTTP_{name.upper()}": value for name, value in self.headers.items() if "_" in name}
    return {**make_environ(self), **names}

WSGIRequestHandler.make_environ = make_all
"""


def test_a_header_stands_for_another_where_the_server_takes_it() -> None:
    """A server that does not leave out headers with underscores has the application take the forged one."""
    with real_server(TAKES_ALL_HEADERS + SHOWS_HEADERS) as server:
        forged = server.request(headers={"X_Auth_User": "admin"})
    assert forged.endswith(b"admin")
