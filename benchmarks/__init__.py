"""Framework time per request of costrel and its peers, measured without a socket."""
