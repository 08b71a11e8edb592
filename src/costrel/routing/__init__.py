"""Routing: rules, the map that matches paths against them, and the building of URLs.

The classes are subclasses of those in ``werkzeug.routing`` and behave as they do, but for these differences:

- Rules are compiled at the first match after a change of the map. A rule whose attributes, or set of methods, were
  changed after it was added is to be told so with ``Rule.refresh``.
- The arguments of a converter may be negative numbers, ``5,6`` are two numbers also without a space, and what cannot
  be read at their end is an error.
- A name that a rule uses twice is a ``ValueError`` that says so, also where it has a default.
- Between two ``path`` placeholders of one rule, the second value does not begin with a newline; that keeps the time
  of a match linear in the length of the path.
"""

from __future__ import annotations

from werkzeug.routing import BuildError as BuildError
from werkzeug.routing import EndpointPrefix as EndpointPrefix
from werkzeug.routing import NoMatch as NoMatch
from werkzeug.routing import RequestAliasRedirect as RequestAliasRedirect
from werkzeug.routing import RequestPath as RequestPath
from werkzeug.routing import RequestRedirect as RequestRedirect
from werkzeug.routing import RoutingException as RoutingException
from werkzeug.routing import RuleFactory as RuleFactory
from werkzeug.routing import RuleTemplate as RuleTemplate
from werkzeug.routing import RuleTemplateFactory as RuleTemplateFactory
from werkzeug.routing import Subdomain as Subdomain
from werkzeug.routing import Submount as Submount
from werkzeug.routing import WebsocketMismatch as WebsocketMismatch

from costrel.routing.adapter import MapAdapter as MapAdapter
from costrel.routing.converters import AnyConverter as AnyConverter
from costrel.routing.converters import BaseConverter as BaseConverter
from costrel.routing.converters import FloatConverter as FloatConverter
from costrel.routing.converters import IntegerConverter as IntegerConverter
from costrel.routing.converters import NumberConverter as NumberConverter
from costrel.routing.converters import PathConverter as PathConverter
from costrel.routing.converters import UnicodeConverter as UnicodeConverter
from costrel.routing.converters import UUIDConverter as UUIDConverter
from costrel.routing.converters import ValidationError as ValidationError
from costrel.routing.map import Map as Map
from costrel.routing.rule import Rule as Rule
from costrel.routing.syntax import parse_converter_args as parse_converter_args
