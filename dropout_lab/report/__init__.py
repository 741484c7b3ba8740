"""A sweep, or several, as one page for a browser."""
