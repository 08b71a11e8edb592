"""Makes ``flask`` importable as another name of costrel, so that programs and extensions for Flask run on it.

``import costrel.as_flask`` does it, before anything else imports Flask. So do ``python -m costrel.as_flask SCRIPT``,
``python -m costrel.as_flask -m MODULE``, ``costrel --as-flask run`` and ``pytest -p costrel.as_flask``.
"""

from __future__ import annotations

from costrel.as_flask.application import Flask
from costrel.as_flask.distribution import VERSION
from costrel.as_flask.install import install

__all__ = ["VERSION", "Flask"]

install()
