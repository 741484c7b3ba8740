"""Entry points: flags, one-line errors, exit codes."""
