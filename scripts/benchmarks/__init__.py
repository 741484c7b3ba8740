"""Benchmarks of this code, against its peers, what the machine allows, and targets."""
