"""Attacks that were published against frameworks, carried out against costrel."""
