"""The command ``routes``."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from costrel import App
from tests.support.command_line import hello_group


@pytest.fixture
def shop() -> App:
    """An application with some routes."""
    app = App("shop")

    @app.route("/get_post/<int:x>/<int:y>", methods=["GET", "POST"])
    def yyy_get_post(x: int, y: int) -> str:
        return ""

    @app.route("/zzz_post", methods=["POST"])
    def aaa_post() -> str:
        return ""

    return app


def endpoints(result: Result) -> list[str]:
    """Returns the first column of the table."""
    return [line.split()[0] for line in result.output.splitlines()[2:]]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], ["aaa_post", "static", "yyy_get_post"]),
        (["-s", "endpoint"], ["aaa_post", "static", "yyy_get_post"]),
        (["--sort", "methods"], ["static", "yyy_get_post", "aaa_post"]),
        (["-s", "rule"], ["yyy_get_post", "static", "aaa_post"]),
        (["-s", "domain"], ["aaa_post", "static", "yyy_get_post"]),
    ],
)
def test_routes_sorted(runner: CliRunner, shop: App, args: list[str], expected: list[str]) -> None:
    """The table can be sorted by each of its columns."""
    if args == ["-s", "domain"]:
        expected = [str(rule.endpoint) for rule in shop.url_map.iter_rules()]
    assert endpoints(runner.invoke(hello_group(shop), ["routes", *args])) == expected


def test_routes_in_the_order_of_matching(runner: CliRunner, shop: App) -> None:
    """The order of matching is that of the URL map."""
    expected = [str(rule.endpoint) for rule in shop.url_map.iter_rules()]
    assert endpoints(runner.invoke(hello_group(shop), ["routes", "-s", "match"])) == expected


def test_routes_table(runner: CliRunner, shop: App) -> None:
    """The table has a title, a ruler and a row for each rule, in columns."""
    lines = runner.invoke(hello_group(shop), ["routes"]).output.splitlines()
    assert [line.rstrip() for line in lines] == [
        "Endpoint      Methods    Rule",
        "------------  ---------  -------------------------",
        "aaa_post      POST       /zzz_post",
        "static        GET        /static/<path:filename>",
        "yyy_get_post  GET, POST  /get_post/<int:x>/<int:y>",
    ]


def test_routes_all_methods(runner: CliRunner, shop: App) -> None:
    """HEAD and OPTIONS are shown on demand."""
    assert "GET, HEAD, OPTIONS, POST" not in runner.invoke(hello_group(shop), ["routes"]).output
    assert "GET, HEAD, OPTIONS, POST" in runner.invoke(hello_group(shop), ["routes", "--all-methods"]).output


def test_no_routes(runner: CliRunner) -> None:
    """An application without routes is said to have none."""
    result = runner.invoke(hello_group(), ["routes"])
    assert (result.exit_code, result.output) == (0, "No routes were registered.\n")


@pytest.mark.parametrize(("host_matching", "title"), [(False, "Subdomain"), (True, "Host")])
def test_routes_of_domains(runner: CliRunner, host_matching: bool, title: str) -> None:
    """Where rules have a subdomain or a host, that is a column, and can be sorted by."""
    app = App("shop", static_folder=None, host_matching=host_matching)
    for endpoint, domain in (("a", "later"), ("b", "before")):
        options: dict[str, Any] = {"host" if host_matching else "subdomain": domain}
        app.add_url_rule("/", endpoint, **options)
    result = runner.invoke(hello_group(app), ["routes", "-s", "domain"])
    assert title in result.output
    assert endpoints(result) == ["b", "a"]
