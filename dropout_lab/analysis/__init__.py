"""Tables and figures of sweep records, with their uncertainty."""
