"""Optional parts of costrel, each of which needs a package of its own; the core imports none of them."""
