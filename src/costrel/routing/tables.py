"""What is compiled from the tree so that the usual request needs one dict lookup, or one per path segment.

The tables hold usual outcomes only: an HTTP rule of the default subdomain that matches path and method and neither
redirects nor is an alias. Where they have no answer, a search of the tree has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from werkzeug.routing import Rule as BaseRule

from costrel.routing.converters import reader
from costrel.routing.matcher import Filler, Leaf, Node, Step
from costrel.routing.patterns import GROUPS, REST, WHOLE

#: By the id of a rule, the rules of its endpoint that are to be preferred where their defaults fit.
Canonical: TypeAlias = Mapping[int, list[BaseRule]]

#: Under these methods a rule for all methods is entered; other methods take the longer way.
_USUAL_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

#: The node of what is not in the tree.
NOWHERE = Node()


class AllowedMethods(tuple[str, ...]):
    """The methods that a path can be asked for with; ``text`` is what the header ``Allow`` says of them."""

    text: str

    def __new__(cls, methods: Iterable[str]) -> AllowedMethods:
        made = super().__new__(cls, methods)
        made.text = ", ".join(made)
        return made


#: For each method the rule, the name of its only placeholder, and its reader.
Single: TypeAlias = dict[str, tuple[BaseRule, str, Callable[[str], Any] | None]]
#: The test of a last segment, then the rules.
Ending: TypeAlias = tuple[Callable[[str], Any], Single]
#: The test of a segment between literal ones, the node whose literals go before it, then the rules.
Middle: TypeAlias = tuple[Callable[[str], Any], Node, Single]
#: From the path before the placeholder to what it may be, and from a further literal segment, leftwards, to the same.
Level: TypeAlias = "tuple[dict[str, Middle], dict[str, Level]]"
#: The path before a placeholder, its test, the node before it, and the literal segments after it.
Origin: TypeAlias = tuple[str, Callable[[str], Any], Node, tuple[str, ...]]


#: The compiled tables of a map, as one plain tuple, so that a thread that reads them sees all old or all new ones:
#:
#: - from a whole path to the rule for each method, None where the method needs the longer way;
#: - from the path before its last segment, where that is literal, to what the last segment may be;
#: - from the last segment, where that is literal and the path's one placeholder is before it, to the segment before;
#: - the node of the default subdomain, whose descendants have their leaves filled; None before tables are compiled;
#: - whether a path that the tables do not know may match all the same.
Tables: TypeAlias = tuple[dict[str, dict[str, BaseRule | None]], dict[str, Ending], dict[str, Level], Node | None, bool]

NOT_COMPILED: Tables = ({}, {}, {}, None, False)
#: The tables of a map whose every match takes the longer way.
EMPTY: Tables = ({}, {}, {}, Node(), False)


def compile_tables(root: Node, subdomain: str, unusual: Collection[int], canonical: Canonical) -> Tables:
    """Fills the leaves below the subdomain's node and lists the paths without placeholders.

    :param unusual: the ids of rules that are to take the longer way.
    :param canonical: by id, the rules to which a match may have to be redirected because of their defaults.
    :returns: the tables, empty ones where every path is to take the longer way.
    """
    static: dict[str, dict[str, BaseRule | None]] = {}
    endings: dict[str, Ending] = {}
    levels: dict[str, Level] = {}
    start = root.get(subdomain, NOWHERE)
    thorough = root.step is not None
    base = start.get("")
    if base is not None and any(step[0]("") for step in _steps(base)):
        # Slashes at the beginning of a path count as one; a value that may be empty would need them counted.
        return EMPTY
    pending: list[tuple[Node, str | None, Origin | None]] = [] if base is None else [(base, "", None)]
    while pending:
        node, path, origin = pending.pop()
        step = node.step
        if step is not None:
            thorough = thorough or bool(node) or step[3] is not None or step[2] > GROUPS
        # What follows a second slash at the beginning is never reached: those slashes count as one.
        if path != "/":
            pending += _after_steps(node, path)
            for literal, child in node.items():
                after_it = None if origin is None else (*origin[:3], (*origin[3], literal))
                pending.append((child, None if path is None else f"{path}/{literal}", after_it))
        chosen = _choose(node, unusual)
        if path is not None:
            if chosen:
                static[path] = {
                    method: None if rule is None or rule.defaults else rule for method, rule in chosen.items()
                }
            if step is not None and step[2] == WHOLE and path != "/":
                endings[path] = (step[0], _single(_choose(step[1], unusual), canonical))
        elif chosen and origin is not None and origin[3]:
            _enter(levels, origin, _single(chosen, canonical))
        if chosen and (path is None or any(rule is not None and rule.defaults for rule in chosen.values())):
            node.leaf = _leaf(chosen, canonical)
        for rule in node.rules:
            if rule.methods is None or not rule.strict_slashes or id(rule) in unusual:
                thorough = True
    return static, endings, levels, start, thorough


def _steps(node: Node) -> Iterator[Step]:
    step = node.step
    while step is not None:
        yield step
        step = step[3]


def _after_steps(node: Node, path: str | None) -> Iterator[tuple[Node, None, Origin | None]]:
    """Yields the nodes after the placeholders of a node; the first one tested has an origin, if it is a plain one."""
    origin: Origin | None = None
    step = node.step
    if step is not None and path is not None and step[2] == WHOLE:
        origin = (path, step[0], node, ())
    for _, after, _, _ in _steps(node):
        yield after, None, origin
        origin = None


def _enter(levels: dict[str, Level], origin: Origin, single: Single) -> None:
    """Enters rules with one placeholder in the middle under what is after it, from the right, and what is before."""
    before, test, node, literals = origin
    level: Level = ({}, levels)
    for literal in reversed(literals):
        level = level[1].setdefault(literal, ({}, {}))
    level[0][before] = (test, node, single)


def _single(chosen: Mapping[str, BaseRule | None], canonical: Canonical) -> Single:
    """Returns, for each method, the rules that have one placeholder and nothing else."""
    single: Single = {}
    for method, rule in chosen.items():
        if rule is not None and not rule.defaults and id(rule) not in canonical:
            ((name, converter),) = rule._converters.items()
            single[method] = (rule, name, reader(converter))
    return single


def _choose(node: Node, unusual: Collection[int]) -> dict[str, BaseRule | None]:
    """Returns for each method the first rule that a path which ends at the node matches.

    None stands for a rule that takes the longer way, or that wants a slash at the end.
    """
    chosen: dict[str, BaseRule | None] = {}
    for rule in node.rules:
        usual = None if id(rule) in unusual else rule
        for method in _USUAL_METHODS if rule.methods is None else rule.methods:
            chosen.setdefault(method, usual)
    after_slash = node.get("")
    if after_slash is not None:
        for rule in after_slash.rules:
            usual = None if rule.strict_slashes or id(rule) in unusual else rule
            for method in _USUAL_METHODS if rule.methods is None else rule.methods:
                chosen.setdefault(method, usual)
    return chosen


def _leaf(chosen: Mapping[str, BaseRule | None], canonical: Canonical) -> Leaf:
    """Pairs each rule with what makes its arguments."""
    pairs: dict[int, tuple[BaseRule, Filler]] = {}
    leaf: Leaf = {}
    for method, rule in chosen.items():
        if rule is None:
            leaf[method] = None
            continue
        pair = pairs.get(id(rule))
        if pair is None:
            pair = pairs[id(rule)] = (rule, _filler(rule))
        others = canonical.get(id(rule))
        leaf[method] = pair if others is None else (rule, _refuse_canonical(pair[1], others, method))
    return leaf


class NotCanonical(Exception):
    """The arguments are those of another rule's defaults, so that the request is to be redirected there."""


def _refuse_canonical(fill: Filler, others: list[BaseRule], method: str) -> Filler:
    def fill_and_check(texts: list[str]) -> dict[str, Any]:
        arguments = fill(texts)
        for other in others:
            if other.suitable_for(arguments, method):
                raise NotCanonical
        return arguments

    return fill_and_check


def _filler(rule: BaseRule) -> Filler:
    """Returns the function that makes the rule's arguments from the text of its placeholders.

    PERF: one and two placeholders have functions of their own; they take 0.15 µs less than the general one.
    """
    names = [*rule._converters]
    reads = [reader(converter) for converter in rule._converters.values()]
    if not rule.defaults:
        if len(names) == 1:
            return _fill_one(names[0], reads[0])
        if len(names) == 2:
            return _fill_two(names[0], reads[0], names[1], reads[1])
    conversions = [(name, read) for name, read in zip(names, reads, strict=True) if read is not None]
    return _fill_many(names, conversions, rule.defaults or {})


def _fill_one(name: str, read: Callable[[str], Any] | None) -> Filler:
    if read is None:
        return lambda texts: {name: texts[0]}
    return lambda texts: {name: read(texts[0])}


def _fill_two(name: str, read: Callable[[str], Any] | None, name2: str, read2: Callable[[str], Any] | None) -> Filler:
    if read is None:
        if read2 is None:
            return lambda texts: {name: texts[0], name2: texts[1]}
        return lambda texts: {name: texts[0], name2: read2(texts[1])}
    if read2 is None:
        return lambda texts: {name: read(texts[0]), name2: texts[1]}
    return lambda texts: {name: read(texts[0]), name2: read2(texts[1])}


def _fill_many(
    names: list[str], conversions: list[tuple[str, Callable[[str], Any]]], defaults: Mapping[str, Any]
) -> Filler:
    def fill(texts: list[str]) -> dict[str, Any]:
        arguments: dict[str, Any] = dict(zip(names, texts, strict=False))
        for name, read in conversions:
            arguments[name] = read(arguments[name])
        arguments.update(defaults)
        return arguments

    return fill


def walk(node: Node, path: str, texts: list[str]) -> Node:
    """Walks along the path without turning back and returns the node at its end, an empty one at a dead end.

    :param texts: receives the text of the placeholders.
    """
    parts = iter(path.split("/"))
    for part in parts:
        child = node.get(part)
        if child is None:
            step = node.step
            while step is not None:
                test, after, kind, step = step
                if not kind:
                    if test(part):
                        texts.append(part)
                        child = after
                        break
                elif kind == GROUPS:
                    found = test(part)
                    if found:
                        texts += found
                        child = after
                        break
                else:
                    if kind == REST:
                        rest = "/".join((part, *parts))
                        # PERF: the test is a regular expression; what it allows is nearly always this.
                        if (part and "\n" not in rest) or test(rest):
                            texts.append(rest)
                            child = after
                    break
            if child is None:
                return NOWHERE
        node = child
    return node


def is_unknown(node: Node, path: str) -> bool:
    """Tells whether no rule matches a path, for any method, where no path has to turn back.

    :param node: where the walk along the path has ended.
    """
    return not node.rules and "" not in node and path[:1] == "/" and "//" not in path


def refused_methods(node: Node, method: str) -> list[str]:
    """Returns the methods of the rules that end at the node; none where one of them accepts the method.

    None also where rules end a slash later, for then it takes a search to tell.
    """
    allowed: set[str] = set()
    if "" not in node:
        for rule in node.rules:
            if rule.methods is None or method in rule.methods:
                return []
            allowed |= rule.methods
    return sorted(allowed)
