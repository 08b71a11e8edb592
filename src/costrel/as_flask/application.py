"""``Flask``: the application class under that name, with the defaults that Flask's users are used to."""

from __future__ import annotations

from typing import Any, ClassVar

from werkzeug.datastructures import ImmutableDict

from costrel.app import App
from costrel.config import Config
from costrel.defaults import DEFAULT_CONFIG, FLASK_DEFAULTS
from costrel.watch import WatchedType


class FlaskType(WatchedType):
    """The type of ``Flask``: to extensions that ask, every costrel application is one."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return super().__instancecheck__(instance) or (cls is Flask and isinstance(instance, App))


class FlaskConfig(Config):
    """A :class:`~costrel.config.Config` whose ``repr`` shows everything, as Flask's does."""

    hides_secrets = False


FlaskConfig.__name__ = FlaskConfig.__qualname__ = "Config"


class Flask(App, metaclass=FlaskType):
    """An :class:`~costrel.App` with Flask's own defaults.

    Source: https://flask.palletsprojects.com/en/stable/config/#builtin-configuration-values
    """

    framework_name = "flask"
    contains_errors = False
    refuses_idle_rules = False
    config_class = FlaskConfig
    default_config: ClassVar[Any] = ImmutableDict({**DEFAULT_CONFIG, **FLASK_DEFAULTS})
