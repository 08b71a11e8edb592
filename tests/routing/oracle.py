"""Random rule sets, paths and values, and what werkzeug's own map makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from werkzeug import routing as theirs
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from costrel import routing as ours

UUID = "0b0b8f1e-7d2c-4a43-9d9e-0c7e5b1fb111"


class EvenConverter(theirs.BaseConverter):
    """Accepts even numbers by a check in ``to_python``."""

    regex = r"\d+"
    weight = 60

    def to_python(self, value: str) -> int:
        if int(value) % 2:
            raise theirs.ValidationError
        return int(value)

    def to_url(self, value: Any) -> str:
        if int(value) % 2:
            raise theirs.ValidationError
        return str(value)


class WordsConverter(theirs.BaseConverter):
    """Matches lower-case words with slashes between; has a group of its own."""

    regex = r"[a-z]+(/[a-z]+)*"

    def to_python(self, value: str) -> list[str]:
        return value.split("/")

    def to_url(self, value: Any) -> str:
        return "/".join(value) if isinstance(value, list) else str(value)


class OptionalConverter(theirs.BaseConverter):
    """Matches also nothing at all."""

    regex = "[ab]*"


CONVERTERS: dict[str, type[theirs.BaseConverter]] = {
    "even": EvenConverter,
    "words": WordsConverter,
    "optional": OptionalConverter,
}

PLACEHOLDERS = (
    "<{}>",
    "<string:{}>",
    "<int:{}>",
    "<float:{}>",
    "<path:{}>",
    "<uuid:{}>",
    "<any(a, b, 'v7'):{}>",
    "<string(length=2):{}>",
    "<string(minlength=2, maxlength=3):{}>",
    "<int(min=2, max=50):{}>",
    "<int(signed=True):{}>",
    "<int(fixed_digits=2):{}>",
    "<float(signed=True):{}>",
    "<even:{}>",
    "<words:{}>",
    "<optional:{}>",
)
COMMON_PLACEHOLDERS = PLACEHOLDERS[:5]
MIXED = ("v{}.json", "a{}", "{}-{}", "{}.x", "{}{}")
LITERALS = ("a", "b", "v7", "a.b", "12", "é", "a b", "x")
PATH_PARTS = (*LITERALS, "", "7", "-3", "1.5", "ab", "v7.json", "a-b", "b.x", UUID, "²", "٣", "a\n", "\nb", "8" * 5000)

METHODS = (None, ("GET",), ("POST",), ("GET", "PUT"))


@dataclass
class RuleSpec:
    """The arguments of one rule, from which a rule of either library is made."""

    text: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def make(self, rule_class: Callable[..., theirs.Rule], number: int) -> theirs.Rule:
        rule = rule_class(self.text, **self.arguments)
        setattr(rule, "number", number)
        return rule


@dataclass
class MapSpec:
    """The arguments of one map."""

    rules: list[RuleSpec]
    arguments: dict[str, Any]

    def make(self, map_class: Callable[..., theirs.Map], rule_class: Callable[..., theirs.Rule]) -> theirs.Map:
        rules = [rule.make(rule_class, number) for number, rule in enumerate(self.rules)]
        return map_class(rules, converters=CONVERTERS, **self.arguments)


def redirect_target(adapter: theirs.MapAdapter, **values: Any) -> str:
    """A callable for ``redirect_to``."""
    return "elsewhere/" + "-".join(f"{name}={value}" for name, value in sorted(values.items()))


@st.composite
def rule_texts(draw: st.DrawFn) -> tuple[str, int]:
    """The text of a rule and the number of its placeholders, which are named v0, v1 and so on."""
    count = 0
    text = ""
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.integers(0, 9))
        if kind < 4:
            segment = draw(st.sampled_from(LITERALS))
        elif kind < 7:
            segment = draw(st.sampled_from(COMMON_PLACEHOLDERS))
        elif kind < 9:
            segment = draw(st.sampled_from(PLACEHOLDERS))
        else:
            mixed = draw(st.sampled_from(MIXED))
            inner = [draw(st.sampled_from(PLACEHOLDERS)) for _ in range(mixed.count("{}"))]
            segment = mixed.format(*inner)
        while "{}" in segment:
            segment = segment.replace("{}", f"v{count}", 1)
            count += 1
        text += draw(st.sampled_from(("/", "/", "/", "/", "/", "//"))) + segment
    return text + draw(st.sampled_from(("", "/")) if text else st.just("/")), count


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Gives the usual value in three of four cases."""
    return st.sampled_from([usual] * (3 * len(others)) + list(others))


@st.composite
def rule_specs(draw: st.DrawFn, wide: bool, hosts: bool) -> RuleSpec:
    text, count = draw(rule_texts())
    arguments: dict[str, Any] = {
        "endpoint": draw(st.sampled_from(("e0", "e1", "e2"))),
        "methods": draw(st.sampled_from(METHODS)),
        "strict_slashes": draw(mostly(None, True, False)),
        "merge_slashes": draw(mostly(None, True, False)),
        "build_only": draw(mostly(False, True)),
        "alias": draw(mostly(False, True)),
    }
    if draw(mostly(False, True)):
        names = [f"v{draw(st.integers(0, max(count, 1)))}", "extra"]
        arguments["defaults"] = {name: draw(st.sampled_from((1, 2, "a"))) for name in names[: draw(st.integers(1, 2))]}
    if draw(mostly(False, True)):
        target = "/to" + "".join(f"/<v{number}>" for number in range(count))
        arguments["redirect_to"] = draw(st.sampled_from((target, redirect_target, "http://other.example/x")))
    if wide:
        arguments["websocket"] = draw(mostly(False, True)) and arguments["methods"] in (None, ("GET",))
        domain = draw(mostly(None, "", "www", "<sub>", "<any(x, y):sub>", "a.<sub>", "<int:sub>"))
        arguments["host" if hosts else "subdomain"] = domain
    return RuleSpec(text, arguments)


@st.composite
def map_specs(draw: st.DrawFn, wide: bool) -> MapSpec:
    """Maps: wide ones also with subdomains, hosts and websockets."""
    hosts = wide and draw(st.booleans())
    arguments = {
        "strict_slashes": draw(mostly(True, False)),
        "merge_slashes": draw(mostly(True, False)),
        "redirect_defaults": draw(mostly(True, False)),
        "sort_parameters": draw(mostly(False, True)),
        "host_matching": hosts,
        "default_subdomain": draw(mostly("", "www", "x")) if wide else "",
    }
    return MapSpec(draw(st.lists(rule_specs(wide, hosts), min_size=1, max_size=8)), arguments)


paths = st.one_of(
    st.lists(st.sampled_from(PATH_PARTS), max_size=5).map(lambda parts: "/" + "/".join(parts)),
    st.lists(st.sampled_from(("a", "b", "7", "v7")), max_size=4).map(lambda parts: "/" + "/".join(parts)),
    st.lists(st.sampled_from(("a", "b", "7", "v7", "")), max_size=4).map(lambda parts: "/".join(parts)),
)
methods = st.sampled_from(("GET", "GET", "GET", "POST", "HEAD", "OPTIONS", "PUT", "TRACE"))
values = st.dictionaries(
    st.sampled_from(("v0", "v1", "v2", "extra", "sub", "q", "é")),
    st.sampled_from(
        (1, 2, 7, 12, "a", "a b", "é", "/x", "x/y", "", None, True, 1.5, ["a", "b"], (1, None), "a&b", "7")
    ),
    max_size=5,
)


def outcome(call: Callable[[], Any]) -> tuple[Any, ...]:
    """Returns what a match or build gives in a form that can be compared between the libraries."""
    try:
        result = call()
    except theirs.RequestRedirect as error:
        return "redirect", error.code, error.new_url
    except MethodNotAllowed as error:
        return "not allowed", sorted(error.valid_methods or ())
    except HTTPException as error:
        return "http error", type(error).__name__
    except theirs.BuildError as error:
        return "build error", error.endpoint, dict(error.values), error.method, getattr(error.suggested, "number", None)
    except Exception as error:
        return "error", type(error).__name__
    if isinstance(result, tuple):
        rule, arguments = result
        return "match", rule.number, dict(arguments), {name: type(value) for name, value in arguments.items()}
    return "built", result


def both(spec: MapSpec) -> tuple[theirs.Map, ours.Map] | None:
    """Makes werkzeug's map and ours; None where both refuse the rules."""
    made: list[Any] = []
    for map_class, rule_class in ((theirs.Map, theirs.Rule), (ours.Map, ours.Rule)):
        try:
            made.append(spec.make(map_class, rule_class))
        except Exception as error:
            made.append(type(error))
    if isinstance(made[0], type) or isinstance(made[1], type):
        assert isinstance(made[0], type), f"only we refuse {spec}: {made[1]}"
        assert isinstance(made[1], type), f"only werkzeug refuses {spec}: {made[0]}"
        return None
    return made[0], made[1]


def newline_may_differ(spec: MapSpec, path: str) -> bool:
    """Tells whether the path is in the one case where we match less than werkzeug does; see ``Pattern``."""
    return "\n" in path and any(rule.text.count("<path:") > 1 for rule in spec.rules)
