"""The same programs, written for each peer in its own way.

A peer's module has `describe()`, which gives its version and how it is built, and `build(program, folder)`, which makes
one of the programs `text`, `json`, `session`, `hooks` or `routes-N` as a WSGI app; `folder` holds the static files.
"""
