"""Running the trials of a sweep: plans, chunks of lanes, processes and clusters."""
