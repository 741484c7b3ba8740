"""The other sides of the cases, each imported in a process of its own."""
