"""Map: all rules of an application, which finds the rule of a path and builds the path of an endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from werkzeug.datastructures import ImmutableDict, MultiDict
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map as BaseMap
from werkzeug.routing import Rule as BaseRule
from werkzeug.routing import RuleFactory
from werkzeug.routing.converters import BaseConverter, ValidationError

from costrel.routing.adapter import MapAdapter
from costrel.routing.builder import Pieces, plain_query, url_pieces
from costrel.routing.converters import DEFAULT_CONVERTERS
from costrel.routing.matcher import Matcher, Node, Search, SlashRequired, arguments_of
from costrel.routing.rule import Rule
from costrel.routing.tables import (
    EMPTY,
    NOT_COMPILED,
    AllowedMethods,
    Tables,
    compile_tables,
    is_unknown,
    refused_methods,
    walk,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers.request import Request

#: A change of one of these attributes makes what was compiled wrong.
_SETTINGS = frozenset(
    {"default_subdomain", "host_matching", "merge_slashes", "redirect_defaults", "sort_key", "sort_parameters"}
)


#: How the path of an endpoint with one usual rule is built: the text before the first value; the steps, None where
#: there is no such rule; the names of the values; the methods; whether a value could bring a second slash to the start.
BuildPlan: TypeAlias = (
    "tuple[str, tuple[tuple[str, Callable[[Any], Any], str], ...] | None, frozenset[str], frozenset[str] | None, bool]"
)

_NO_PLAN: BuildPlan = ("", None, frozenset(), None, False)


class Map(BaseMap):
    """All rules of an application.

    The arguments are those of ``werkzeug.routing.Map``. Rules may be added at any time and on any thread; what is
    compiled from them is compiled anew at the next match or build.

    >>> from costrel.routing import Rule
    >>> map = Map([Rule("/user/<int:id>", endpoint="user", methods=["GET"])])
    >>> rule, arguments = map.find("GET", "/user/7")
    >>> rule.endpoint, arguments
    ('user', {'id': 7})
    >>> map.build_path("user", {"id": 7, "page": 2})
    '/user/7?page=2'
    """

    default_converters = ImmutableDict(DEFAULT_CONVERTERS)

    _matcher: Matcher

    def __init__(
        self,
        rules: Iterable[RuleFactory] | None = None,
        default_subdomain: str = "",
        strict_slashes: bool = True,
        merge_slashes: bool = True,
        redirect_defaults: bool = True,
        converters: Mapping[str, type[BaseConverter]] | None = None,
        sort_parameters: bool = False,
        sort_key: Callable[[Any], Any] | None = None,
        host_matching: bool = False,
    ) -> None:
        super().__init__(
            None,
            default_subdomain,
            strict_slashes,
            merge_slashes,
            redirect_defaults,
            converters,
            sort_parameters,
            sort_key,
            host_matching,
        )
        self._matcher = Matcher(merge_slashes)
        self._canonical: dict[int, list[BaseRule]] = {}
        self._plain = False
        self._tables: Tables = NOT_COMPILED
        self.rules_changed()
        for factory in rules or ():
            self.add(factory)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name in _SETTINGS and "_plain" in self.__dict__:
            self.rules_changed()

    # Rules

    def add(self, rulefactory: RuleFactory) -> None:
        """Adds a rule, or all rules of a factory, and binds them to this map.

        :raises ValueError: where a rule is malformed or bound already.
        :raises LookupError: where a rule uses an unknown converter.
        """
        for rule in rulefactory.get_rules(self):
            rule.bind(self)
            with self._remap_lock:
                if not rule.build_only:
                    self._matcher.add(rule)
                self._rules_by_endpoint.setdefault(rule.endpoint, []).append(rule)
                self._forget()

    def rules_changed(self) -> None:
        """Drops what was compiled, after a rule or a setting was changed."""
        with self._remap_lock:
            self._matcher.drop()
            self._forget()

    def _forget(self) -> None:
        """Drops what was compiled from the rules; the lock is held."""
        self._remap = True
        self._tables = NOT_COMPILED
        # After the tables: what another thread finds out from the old ones must not be kept here.
        self._allowed: dict[str, AllowedMethods] = {}
        self._plans: dict[Any, BuildPlan] = {}

    def update(self) -> None:
        """Sorts the rules of each endpoint into the order in which they are tried when building."""
        if not self._remap:
            return
        with self._remap_lock:
            if self._remap:
                for endpoint, rules in self._rules_by_endpoint.items():
                    if len(rules) > 1:
                        # A new list, for other threads may be walking along the old one.
                        self._rules_by_endpoint[endpoint] = sorted(rules, key=_build_key)
                self._remap = False

    # Matching

    @property
    def plain(self) -> bool:
        """Whether :meth:`find` may be asked: no host matching and no websocket rules."""
        if self._tables is NOT_COMPILED:
            self._compile()
        return self._plain

    def find(self, method: str, path: str) -> tuple[BaseRule, dict[str, Any]] | None:
        """Returns the rule and the view's arguments in the usual case: HTTP, default subdomain, no redirect.

        :param method: the HTTP method, in capitals.
        :param path: the decoded path, with its first slash.
        :returns: None where there is no such match; then ask :meth:`miss`.
        """
        found = self.look_up(method, path)
        return found if type(found) is tuple else None

    def look_up(self, method: str, path: str) -> tuple[BaseRule, dict[str, Any]] | HTTPException | None:
        """Does what :meth:`find` does; returns what :meth:`miss` would where that is certain already."""
        # PERF: without a lock and a call; 0.15 µs for a path without placeholders, 0.4 for one at the end, 0.75 for
        # one in the middle, however many rules there are. The walk takes 1.2 for five segments.
        static, endings, levels, start, thorough = tables = self._tables
        entry = static.get(path)
        if entry is not None:
            rule = entry.get(method)
            if rule is not None:
                return rule, {}
        else:
            single = None
            head, _, text = path.rpartition("/")
            ending = endings.get(head)
            if ending is not None:
                if ending[0](text):
                    single = ending[1].get(method)
            else:
                level = levels.get(text)
                while level is not None:
                    head, _, text = head.rpartition("/")
                    middle = level[0].get(head)
                    if middle is not None:
                        if text not in middle[1] and middle[0](text):
                            single = middle[2].get(method)
                        break
                    level = level[1].get(text)
            if single is not None:
                rule, name, read = single
                try:
                    return rule, {name: text if read is None else read(text)}
                except Exception:
                    # No value: 404, or a bug in a converter, which the adapter will raise at its place.
                    return None
        if start is None:
            self._compile()
            return self.look_up(method, path)
        texts: list[str] = []
        node = walk(start, path, texts)
        pair = node.leaf.get(method)
        if pair is not None:
            try:
                return pair[0], pair[1](texts)
            except Exception:
                return None
        if thorough:
            return self._find_thoroughly(method, path)
        # PERF: what `miss` would find out by a second walk: a 404 in 1.0 µs, not 2.0; a 405 in 1.5, not 2.8.
        return None if tables is EMPTY else _certain_refusal(node, method, path, entry)

    def _find_thoroughly(self, method: str, path: str) -> tuple[BaseRule, dict[str, Any]] | None:
        """Searches the whole tree, for a path to which the tables have no answer."""
        try:
            found = self._search(Search(method, False), path)
        except SlashRequired:
            return None
        if found is None:
            return None
        rule, texts = found
        if rule.redirect_to is not None or (rule.alias and self.redirect_defaults):
            return None
        try:
            arguments = arguments_of(rule, texts)
        except Exception:
            return None
        for other in self._canonical.get(id(rule), ()):
            if other.suitable_for(arguments, method):
                return None
        return rule, arguments

    def _search(self, search: Search, path: str) -> tuple[BaseRule, list[str]] | None:
        # Werkzeug's adapter removes repeated slashes from the beginning before it matches.
        path = f"/{path.lstrip('/')}" if path else ""
        return search.visit(self._matcher.tree(), [self.default_subdomain, *path.split("/")], 0, [])

    def miss(self, method: str, path: str) -> HTTPException | None:
        """Returns what to answer to a path that :meth:`find` did not find.

        :returns: None where only the adapter can tell: redirects, aliases, host matching, websocket rules.
        """
        tables = self._tables
        start = tables[3]
        if start is not None and not tables[4] and tables is not EMPTY and path[:1] == "/" and "//" not in path:
            # PERF: where no path has to turn back, the walk tells as much as a search does: 0.9 µs, not 1.8.
            node = walk(start, path, [])
            if is_unknown(node, path):
                return NotFound()
            allowed = refused_methods(node, method)
            if allowed:
                return MethodNotAllowed(valid_methods=allowed)
        if not self.plain:
            return None
        search = Search(method, False)
        try:
            found = self._search(search, path)
        except SlashRequired:
            return None
        if found is None:
            if self.merge_slashes and "//" in path:
                return None
        else:
            try:
                arguments_of(*found)
            except ValidationError:
                pass
            except Exception:
                return None
            else:
                return None
        if search.allowed:
            return MethodNotAllowed(valid_methods=sorted(search.allowed))
        return NotFound()

    def allowed_methods(self, path: str) -> AllowedMethods | None:
        """Returns the methods of the rules that match a path, sorted; None where only the adapter can tell."""
        known = self._allowed
        if path in known:
            return known[path]
        static, _, _, _, thorough = self._tables
        entry = None if thorough else static.get(path)
        if entry is not None and None not in entry.values():
            # PERF: 0.5 us, once; the walk, and an exception that carries the methods, take 1.7 us.
            known[path] = AllowedMethods(sorted(entry))
            return known[path]
        # No rule has this method, so the answer names those that the rules have.
        refusal = self.miss("--", path)
        return AllowedMethods(refusal.valid_methods or ()) if isinstance(refusal, MethodNotAllowed) else None

    def _compile(self) -> None:
        """Compiles the tables, on the first of the threads that need them."""
        self.update()
        with self._remap_lock:
            if self._tables is not NOT_COMPILED:
                return
            rules = self._matcher.rules
            self._canonical = self._canonical_rules() if self.redirect_defaults else {}
            tables = EMPTY
            if not self.host_matching and not any(rule.websocket for rule in rules):
                unusual = {
                    id(rule)
                    for rule in rules
                    if rule.redirect_to is not None or (rule.alias and self.redirect_defaults)
                }
                tables = compile_tables(self._matcher.tree(), self.default_subdomain, unusual, self._canonical)
            self._plain = tables is not EMPTY
            self._tables = tables

    def _canonical_rules(self) -> dict[int, list[BaseRule]]:
        """Returns, by id, the rules to which a match of a rule may be redirected because of their defaults."""
        canonical: dict[int, list[BaseRule]] = {}
        for rules in self._rules_by_endpoint.values():
            if len(rules) < 2 or not any(rule.defaults for rule in rules):
                continue
            for position, rule in enumerate(rules):
                others = [other for other in rules[:position] if other.provides_defaults_for(rule)]
                if others:
                    canonical[id(rule)] = others
        return canonical

    # Building

    def build_path(
        self, endpoint: Any, values: Mapping[str, Any], method: str | None = None, default_method: str | None = None
    ) -> str | None:
        """Builds the path and query for an endpoint in the usual case: default subdomain, no host matching.

        :param values: values of the placeholders; the others become the query. None values are left out.
        :param method: the method that the rule is to have.
        :param default_method: the method that is preferred where none is given: the current request's.
        :returns: None where the adapter is to be asked, also where no rule fits.
        """
        plan = self._plans.get(endpoint)
        if plan is None:
            plan = self._plan(endpoint)
        text, steps, names, methods, begins_with_value = plan
        if steps is None or type(values) is not dict:
            return self._build_among(endpoint, values, method, default_method)
        if method is not None and methods is not None and method not in methods:
            return None
        try:
            for name, write, after in steps:
                value = values[name]
                if value is None:
                    return None
                text = f"{text}{write(value)}{after}"
        except Exception:
            # A value is missing or no converter accepts it; the adapter says which, in its order of precedence.
            return None
        if begins_with_value and text[1:2] == "/":
            text = f"/{text.lstrip('/')}"
        if len(values) == len(names):
            return text
        extra = [(name, value) for name, value in values.items() if value is not None and name not in names]
        query = None if self.sort_parameters else plain_query(extra)
        if query is None:
            return self._build_among(endpoint, values, method, default_method)
        return f"{text}?{query}" if query else text

    def _plan(self, endpoint: Any) -> BuildPlan:
        """Makes and keeps the plan for building an endpoint's path."""
        plans = self._plans
        self.update()
        rules = self._rules_by_endpoint.get(endpoint, ())
        plan = _NO_PLAN
        if len(rules) == 1 and not self.host_matching and _builds_as_shipped(rules[0]):
            rule = rules[0]
            domain, path = url_pieces(rule)
            if not rule.websocket and not rule.defaults and domain == (self.default_subdomain, ()):
                plan = _plan_of(rule, path)
        if rules:
            plans[endpoint] = plan
        return plan

    def _build_among(
        self, endpoint: Any, values: Mapping[str, Any], method: str | None, default_method: str | None
    ) -> str | None:
        """Builds as the adapter does, as long as the result does not depend on the host."""
        self.update()
        rules = self._rules_by_endpoint.get(endpoint)
        if not rules or self.host_matching or isinstance(values, MultiDict):
            return None
        wanted: tuple[str | None, ...] = (method,)
        if method is None and any(rule.methods != rules[0].methods for rule in rules):
            if default_method is None:
                return None
            wanted = (default_method, None)
        given = {name: value for name, value in values.items() if value is not None}
        for choice in wanted:
            for rule in rules:
                if rule.suitable_for(given, choice):
                    built = rule.build(given)
                    if built is not None:
                        if rule.websocket or built[0] != self.default_subdomain:
                            return None
                        return f"/{built[1].lstrip('/')}"
        return None

    # Binding

    def bind(
        self,
        server_name: str,
        script_name: str | None = None,
        subdomain: str | None = None,
        url_scheme: str = "http",
        default_method: str = "GET",
        path_info: str | None = None,
        query_args: Mapping[str, Any] | str | None = None,
    ) -> MapAdapter:
        """Returns an adapter for a server name, script name, subdomain and scheme.

        :raises BadHost: where the server name is no valid host name.
        :raises RuntimeError: where a subdomain is given to a map that matches hosts.
        """
        return MapAdapter.of(
            super().bind(server_name, script_name, subdomain, url_scheme, default_method, path_info, query_args)
        )

    def bind_to_environ(
        self, environ: WSGIEnvironment | Request, server_name: str | None = None, subdomain: str | None = None
    ) -> MapAdapter:
        """Returns an adapter for the server, scheme, method, path and query of a WSGI request."""
        return MapAdapter.of(super().bind_to_environ(environ, server_name, subdomain))


def _certain_refusal(
    node: Node, method: str, path: str, entry: Mapping[str, BaseRule | None] | None
) -> HTTPException | None:
    """Returns the error for a path that has no rule, or none for the method; None where it takes a search to tell.

    :param node: where the walk along the path has ended, which never turns back.
    :param entry: the rules of the path, if it has no placeholders.
    """
    if "" in node or "//" in path:
        return None
    if not node.rules:
        return _not_found() if path[:1] == "/" else None
    allowed = node.leaf or entry
    return None if not allowed or method in allowed or not method.isupper() else _not_allowed(sorted(allowed))


def _not_found() -> NotFound:
    # PERF: 0.2 us; with the constructors of its base classes, which do no more than this, 0.45.
    if HTTPException.__init__ is not _shipped_init or NotFound.__init__ is not _shipped_init:
        return NotFound()
    error: NotFound = NotFound.__new__(NotFound)
    error.response = None
    return error


def _not_allowed(methods: list[str]) -> MethodNotAllowed:
    # PERF: as above, 0.25 us to 0.6.
    if HTTPException.__init__ is not _shipped_init or MethodNotAllowed.__init__ is not _shipped_not_allowed:
        return MethodNotAllowed(valid_methods=methods)
    error: MethodNotAllowed = MethodNotAllowed.__new__(MethodNotAllowed)
    error.response = None
    error.valid_methods = methods
    return error


_shipped_init = HTTPException.__init__
_shipped_not_allowed = MethodNotAllowed.__init__


def _build_key(rule: BaseRule) -> tuple[int, int, int]:
    return rule.build_compare_key()


def _builds_as_shipped(rule: BaseRule) -> bool:
    """Tells whether no subclass has replaced the methods that the short way of building goes around."""
    kind: Any = type(rule)
    return kind.build in (Rule.build, BaseRule.build) and kind.suitable_for is BaseRule.suitable_for


def _plan_of(rule: BaseRule, path: Pieces) -> BuildPlan:
    text, steps = path
    stripped = f"/{text.lstrip('/')}"
    methods = None if rule.methods is None else frozenset(rule.methods)
    return stripped, steps, frozenset(step[0] for step in steps), methods, stripped == "/" and bool(steps)
