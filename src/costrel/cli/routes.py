"""The command ``routes``: a table of the application's URL rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from costrel.cli.options import EnvironmentOption
from costrel.cli.script import with_appcontext
from costrel.context import current_app

if TYPE_CHECKING:
    from werkzeug.routing import Rule

#: Methods that every route answers, shown only on demand.
AUTOMATIC_METHODS = frozenset({"HEAD", "OPTIONS"})


@click.command("routes", short_help="Show the routes of the application.")
@click.option(
    "--sort",
    "-s",
    cls=EnvironmentOption,
    type=click.Choice(["endpoint", "methods", "domain", "rule", "match"]),
    default="endpoint",
    help="Column to sort by; 'match' is the order in which the rules are tried.",
)
@click.option("--all-methods", cls=EnvironmentOption, is_flag=True, help="Show HEAD and OPTIONS too.")
@with_appcontext
def routes_command(sort: str, all_methods: bool) -> None:
    """Show all routes with their endpoints and methods."""
    rules = list(current_app.url_map.iter_rules())
    if not rules:
        click.echo("No routes were registered.")
        return
    for line in table(rules, sort, all_methods, current_app.url_map.host_matching):
        click.echo(line)


def table(rules: Iterable[Rule], sort: str, all_methods: bool, host_matching: bool) -> list[str]:
    """Returns the lines of the table; the column of domains is there only where a rule has one.

    :param sort: ``endpoint``, ``methods``, ``domain`` or ``rule``; the order of the rules is kept for anything else,
        and for ``domain`` where no rule has one.
    """
    hidden = frozenset() if all_methods else AUTOMATIC_METHODS
    rows = [
        {
            "endpoint": str(rule.endpoint),
            "methods": ", ".join(sorted((rule.methods or set()) - hidden)),
            "domain": (rule.host if host_matching else rule.subdomain) or "",
            "rule": rule.rule,
        }
        for rule in rules
    ]
    titles = {
        "endpoint": "Endpoint",
        "methods": "Methods",
        "domain": "Host" if host_matching else "Subdomain",
        "rule": "Rule",
    }
    if not any(row["domain"] for row in rows):
        del titles["domain"]
    if sort in titles:
        rows.sort(key=lambda row: row[sort])
    widths = {name: max(len(title), *(len(row[name]) for row in rows)) for name, title in titles.items()}
    rulers = {name: "-" * width for name, width in widths.items()}
    return ["  ".join(row[name].ljust(width) for name, width in widths.items()) for row in (titles, rulers, *rows)]
