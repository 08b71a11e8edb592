"""MapAdapter: a map bound to one server, scheme and script name; it matches and builds whatever the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.routing import MapAdapter as BaseMapAdapter


class MapAdapter(BaseMapAdapter):
    """Matches paths and builds URLs for one server name, script name, subdomain and scheme.

    ``Map.bind`` and ``Map.bind_to_environ`` make it.
    """

    @classmethod
    def of(cls, adapter: BaseMapAdapter) -> MapAdapter:
        """Returns an adapter of this class that is bound to the same."""
        return cls(
            adapter.map,
            adapter.server_name,
            adapter.script_name,
            adapter.subdomain,
            adapter.url_scheme,
            adapter.path_info,
            adapter.default_method,
            adapter.query_args,
        )

    def build(
        self,
        endpoint: Any,
        values: Mapping[str, Any] | None = None,
        method: str | None = None,
        force_external: bool = False,
        append_unknown: bool = True,
        url_scheme: str | None = None,
    ) -> str:
        """Builds the URL of an endpoint, relative where it is on the host that the adapter is bound to.

        :param values: values of the placeholders; the others become the query. None values are left out.
        :param method: the method that the rule is to have.
        :param force_external: whether the URL is to have scheme and host in any case.
        :param append_unknown: whether values that the rule does not name become the query.
        :param url_scheme: the scheme in place of the bound one.
        :raises BuildError: where no rule of the endpoint fits the values.
        """
        if append_unknown and not force_external and self.subdomain == self.map.default_subdomain:
            path: str | None = self.map.build_path(endpoint, values or {}, method, self.default_method)  # type: ignore[attr-defined]
            if path is not None:
                return f"{self.script_name.rstrip('/')}{path}"
        return super().build(endpoint, values, method, force_external, append_unknown, url_scheme)
