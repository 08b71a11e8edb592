"""Fuzzing of the parsers of requests, guided by coverage; see README.md."""
