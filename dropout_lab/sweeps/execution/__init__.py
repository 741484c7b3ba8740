"""Execution of a sweep: plans, chunks of trials, worker processes and clusters."""
