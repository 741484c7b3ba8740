"""What is wrong with an installation, and the cure; of use where jax itself does not import."""

from dropout_lab.doctor.checkup import examine
from dropout_lab.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]
