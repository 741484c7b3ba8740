"""Sweeps: a grid of overrides, the trials it means, running them, and the store of records."""
