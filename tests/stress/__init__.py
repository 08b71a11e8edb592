"""Real servers under load, under attack and without resources: short in CI, long by an environment variable."""
