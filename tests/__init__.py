"""The tests of costrel; their shared parts are in ``tests.support``."""
