"""From sweep records to tables and figures that carry their uncertainty."""
