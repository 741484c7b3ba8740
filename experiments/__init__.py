"""Published experiments, as data: configuration, sweep, table, the paper's numbers."""
