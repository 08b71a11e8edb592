"""The matcher: a tree of path segments, walked depth first from the left.

A node is a dict from literal segments to nodes, with a short chain of steps for the dynamic segments, in the order
of their weight. The domain (subdomain or host) is the first segment of every path, so that one tree holds all rules.
At each node the literal is tried before the steps; the first rule at the end of a path that fits method and protocol
is the match. Every node is reached by one way only and so visited once at most: the time of a match is bounded by
the length of the path times the number of steps along it, however ambiguous the rules are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, MutableMapping
from threading import Lock
from typing import Any, TypeAlias

from werkzeug.routing import NoMatch, RequestAliasRedirect, RequestPath, StateMachineMatcher
from werkzeug.routing import Rule as BaseRule
from werkzeug.routing.converters import ValidationError

from costrel.routing.patterns import REST, REST_GROUPS, REST_SLASH, WHOLE, Test, choose_test
from costrel.routing.rule import Rule
from costrel.routing.syntax import Dynamic, Segment

#: Makes the arguments of a view from the text of the placeholders.
Filler: TypeAlias = Callable[[list[str]], dict[str, Any]]
#: For each method the rule that a path ends at and what makes its arguments; None where the long way decides.
Leaf: TypeAlias = dict[str, tuple[BaseRule, Filler] | None]
#: A test, the node after it, how the values are found, and the step to try next.
Step: TypeAlias = "tuple[Test, Node, int, Step | None]"

_REST_KINDS = frozenset({REST, REST_GROUPS, REST_SLASH})
_UNGROUPED_KINDS = frozenset({WHOLE, REST})
#: The leaf of a node where no rule ends.
NO_LEAF: Leaf = {}


class Node(dict[str, "Node"]):
    """A place in the tree: a dict from literal segments to the nodes after them."""

    __slots__ = ("dynamic", "leaf", "rules", "step")

    def __init__(self) -> None:
        #: Dynamic segments and the nodes after them, in order of registration; None until there is one.
        self.dynamic: dict[Dynamic, Node] | None = None
        #: The same, sorted by weight and ready to be tested.
        self.step: Step | None = None
        #: The rules that end here.
        self.rules: tuple[BaseRule, ...] = ()
        #: Filled by ``tables``.
        self.leaf: Leaf = NO_LEAF


class SlashRequired(Exception):
    """The path matches with a slash at its end, and the rule insists on it."""


class Search:
    """One depth-first walk through the tree for one method and protocol.

    After a walk without a match, ``allowed`` holds the methods that would have matched and ``mismatch`` tells
    whether a rule of the other protocol would have.
    """

    __slots__ = ("allowed", "method", "mismatch", "websocket")

    def __init__(self, method: str, websocket: bool) -> None:
        self.method = method
        self.websocket = websocket
        self.allowed: set[str] = set()
        self.mismatch = False

    def visit(
        self, node: Node, parts: list[str], position: int, values: list[str]
    ) -> tuple[BaseRule, list[str]] | None:
        """Returns the rule that the parts from the position on lead to, and the text of its placeholders.

        :raises SlashRequired: where a slash at the end is missing.
        """
        if position == len(parts):
            return self._arrive(node, values)
        part = parts[position]
        child = node.get(part)
        if child is not None:
            found = self.visit(child, parts, position + 1, values)
            if found is not None:
                return found
        step = node.step
        while step is not None:
            test, after, kind, step = step
            found = self._cross(test, after, kind, parts, position, values)
            if found is not None:
                return found
        if not part and position + 1 == len(parts):
            # A slash at the end is welcome to a rule that is not strict about it.
            rule = self._choose(rule for rule in node.rules if not rule.strict_slashes)
            if rule is not None:
                return rule, values
        return None

    def _arrive(self, node: Node, values: list[str]) -> tuple[BaseRule, list[str]] | None:
        """Chooses among the rules that end at the node, or one slash after it."""
        rule = self._choose(node.rules)
        if rule is not None:
            return rule, values
        after_slash = node.get("")
        if after_slash is not None:
            for rule in after_slash.rules:
                if rule.websocket == self.websocket and (rule.methods is None or self.method in rule.methods):
                    if rule.strict_slashes:
                        raise SlashRequired
                    return rule, values
        return None

    def _choose(self, rules: Iterable[BaseRule]) -> BaseRule | None:
        for rule in rules:
            if rule.methods is not None and self.method not in rule.methods:
                self.allowed |= rule.methods
            elif rule.websocket != self.websocket:
                self.mismatch = True
            else:
                return rule
        return None

    def _cross(
        self, test: Test, after: Node, kind: int, parts: list[str], position: int, values: list[str]
    ) -> tuple[BaseRule, list[str]] | None:
        """Takes one step, if its test allows, and walks on from there."""
        text = parts[position]
        position += 1
        if kind in _REST_KINDS:
            text = "/".join((text, *parts[position:]))
            parts = []
            position = 0
        found = test(text)
        if not found:
            return None
        if kind in _UNGROUPED_KINDS:
            return self.visit(after, parts, position, [*values, text])
        if kind == REST_SLASH:
            if found[-1]:
                # The slash at the end is a part of its own, for a rule that wants one.
                parts = [""]
            found = found[:-1]
        return self.visit(after, parts, position, [*values, *found])


def segments_of(rule: BaseRule) -> list[Segment]:
    """Returns the segments of a bound rule, also of a rule of werkzeug's own class."""
    if isinstance(rule, Rule):
        return rule._segments
    segments: list[Segment] = []
    for part in rule._parts:
        if part.static:
            segments.append(part.content)
        else:
            literals, lengths, arguments, weights = part.weight
            weight = (literals, tuple(lengths), arguments, tuple(weights))
            segments.append(Dynamic(part.content, part.final, part.suffixed, weight))
    return segments


def build_tree(rules: Iterable[BaseRule]) -> Node:
    """Builds the tree of the rules; the order of the rules decides where weight does not."""
    root = Node()
    branching: list[Node] = []
    for rule in rules:
        node = root
        for segment in segments_of(rule):
            if type(segment) is str:
                child = node.get(segment)
                if child is None:
                    child = node[segment] = Node()
            else:
                if node.dynamic is None:
                    node.dynamic = {}
                    branching.append(node)
                child = node.dynamic.get(segment)  # type: ignore[arg-type]
                if child is None:
                    child = node.dynamic[segment] = Node()  # type: ignore[index]
            node = child
        node.rules += (rule,)
    tests: dict[str, Test] = {}
    for node in branching:
        if node.dynamic is not None:
            pairs = sorted(node.dynamic.items(), key=_weight_of)
            for segment, child in reversed(pairs):
                test, kind = choose_test(segment, tests)
                node.step = (test, child, kind, node.step)
    return root


def _weight_of(pair: tuple[Dynamic, Node]) -> Any:
    return pair[0].weight


def arguments_of(rule: BaseRule, texts: list[str]) -> dict[str, Any]:
    """Converts the text of the placeholders and adds the rule's defaults.

    :raises ValidationError: where a converter refuses its text.
    """
    arguments = {
        name: converter.to_python(text)
        for (name, converter), text in zip(rule._converters.items(), texts, strict=False)
    }
    if rule.defaults:
        arguments.update(rule.defaults)
    return arguments


class Matcher(StateMachineMatcher):
    """The rules of a map in order, and the tree that is built from them at the next match."""

    def __init__(self, merge_slashes: bool) -> None:
        super().__init__(merge_slashes)
        self.rules: list[BaseRule] = []
        self.lock = Lock()
        self._tree: Node | None = None

    def add(self, rule: BaseRule) -> None:
        """Adds a bound rule; the tree is built anew at the next match."""
        with self.lock:
            self.rules.append(rule)
            self._tree = None

    def update(self) -> None:
        """Does nothing: the tree is built when a match needs it."""

    def drop(self) -> None:
        """Drops the tree, after a change of a rule."""
        with self.lock:
            self._tree = None

    def tree(self) -> Node:
        """Returns the tree of all rules."""
        tree = self._tree
        if tree is None:
            with self.lock:
                tree = self._tree
                if tree is None:
                    tree = self._tree = build_tree(self.rules)
        return tree

    def match(self, domain: str, path: str, method: str, websocket: bool) -> tuple[BaseRule, MutableMapping[str, Any]]:
        """Returns the rule of a path and the arguments for its view.

        :raises RequestPath: where the path is to be redirected to another.
        :raises RequestAliasRedirect: where the rule is an alias.
        :raises NoMatch: where no rule matches.
        """
        search = Search(method, websocket)
        tree = self.tree()
        found = _search(search, tree, domain, path)
        if found is None and self.merge_slashes and "//" in path:
            path = re.sub("/{2,}", "/", path)
            found = _search(search, tree, domain, path)
            if found is not None and found[0].merge_slashes is not False:
                raise RequestPath(path)
            found = None
        if found is None:
            raise _no_match(search)
        rule, texts = found
        try:
            arguments = arguments_of(rule, texts)
        except ValidationError as error:
            raise _no_match(search) from error
        if rule.alias and rule.map.redirect_defaults:
            raise RequestAliasRedirect(arguments, rule.endpoint)
        return rule, arguments


def _search(search: Search, tree: Node, domain: str, path: str) -> tuple[BaseRule, list[str]] | None:
    try:
        return search.visit(tree, [domain, *path.split("/")], 0, [])
    except SlashRequired:
        raise RequestPath(f"{path}/") from None


def _no_match(search: Search) -> NoMatch:
    # werkzeug makes a list of the methods, which the Allow header has in that order.
    return NoMatch(sorted(search.allowed), search.mismatch)  # type: ignore[arg-type]
