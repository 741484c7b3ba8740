"""Tuning: selection of a setting by validation error, and a single test of it."""
