"""The other frameworks' sides of the cases; each module is imported in a process of its own."""
