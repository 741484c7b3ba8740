"""The command ``dropout-lab``: a module per subcommand, flags, one-line errors, exit codes."""
