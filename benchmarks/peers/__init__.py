"""The same programs, written for each peer in its own way.

A peer's module has `describe()`, which gives its version and how it is built, and `build(program, folder)`, which makes
one of the programs as a WSGI app; `folder` holds the static files. The programs are `text`, `json`, `session`, `hooks`,
`views`, `signals`, `async` and `sizes`; and `routes-N`, `hooks-N` and `blueprints-N` for any number. No peer needs a
program whose cases it has no part in.
"""
