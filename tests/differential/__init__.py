"""Random programs, run with the real Flask and with costrel."""
