"""The command line of costrel and Flask's, each in a process of its own, compared."""

from __future__ import annotations

import pytest

from tests.support.frameworks import assert_same_as_flask

SAME_SIGNATURES = """
import importlib, inspect
cli = importlib.import_module(framework.__name__ + ".cli")
names = '''find_best_app find_app_by_string prepare_import locate_app get_version load_dotenv show_server_banner
with_appcontext pass_script_info main ScriptInfo AppGroup.command AppGroup.group FlaskGroup FlaskGroup.get_command
FlaskGroup.list_commands FlaskGroup.make_context FlaskGroup.parse_args CertParamType SeparatedPathType.convert
CertParamType.convert NoAppException ScriptInfo.load_app'''.split()

def parameters(name):
    found = cli
    for part in name.split("."):
        found = getattr(found, part)
    return [(p.kind.name, repr(p.default)) for p in inspect.signature(found).parameters.values()]

result = {name: parameters(name) for name in names}
result["commands"] = {
    name: sorted((o.name, o.opts, o.secondary_opts, o.is_flag) for o in command.params)
    for name, command in cli.cli.commands.items()
}
own = {"as_flask"}
result["options"] = sorted(
    (o.name, o.opts, o.secondary_opts, o.is_eager) for o in cli.cli.params if o.name not in own
)
"""

SAME_TABLE = """
import importlib
from click.testing import CliRunner
cli = importlib.import_module(framework.__name__ + ".cli")
app = App("shop", host_matching=HOSTS, static_folder=None)
for number, methods in enumerate((["GET"], ["POST", "GET"], ["DELETE"], ["OPTIONS"])):
    options = {"host" if HOSTS else "subdomain": f"d{number % 2}"} if DOMAINS else {}
    app.add_url_rule(f"/{4 - number}/<int:n>", endpoint=f"e{number % 3}{number}", methods=methods, **options)
group = cli.FlaskGroup(create_app=lambda: app)
result = []
for sort in ("endpoint", "methods", "domain", "rule", "match"):
    for more in ([], ["--all-methods"]):
        done = CliRunner().invoke(group, ["routes", "--sort", sort, *more])
        result.append([done.exit_code, done.output])
"""

SAME_APPS = """
import importlib, types
cli = importlib.import_module(framework.__name__ + ".cli")
module = types.ModuleType("shop")
module.app = App("app")
module.number = 1

def create(name="made", **options):
    options.pop("debug", None)
    return App(name, **options)

def outcome(text):
    try:
        return cli.find_app_by_string(module, text).name
    except cli.NoAppException:
        return "refused"

module.create = create
texts = '''app|number|missing|create|create()|create("a")|create(name="b", debug=True)|create(1, 2)|create(app)
create(*[1])|create.name|create().name|create()()|1|app;app||"app"|create(name="x" "y")|app # comment|app, app|(app)
create(name={"a": [1, (2, None)]}["a"])|create(not True)| create ( 'spaced' ) |lambda: app|[app]'''
result = {text: outcome(text) for line in texts.splitlines() for text in line.split("|")}
"""


@pytest.mark.parametrize(
    "program",
    [
        SAME_SIGNATURES,
        SAME_APPS,
        *(f"HOSTS, DOMAINS = {hosts}, {domains}\n{SAME_TABLE}" for hosts in (0, 1) for domains in (0, 1)),
    ],
)
def test_same_as_flask(program: str) -> None:
    """Signatures, options, tables and what names an application are those of Flask's command line."""
    assert assert_same_as_flask(program)
