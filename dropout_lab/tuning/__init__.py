"""Tuning: choosing a setting by validation error, then testing it once."""
