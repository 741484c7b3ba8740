"""Checks of an installation, with cures; they run even where jax does not import."""

from dropout_lab.doctor.checkup import examine
from dropout_lab.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]
