"""The command ``run``: its options, certificates, broken applications, and ``App.run``."""

from __future__ import annotations
