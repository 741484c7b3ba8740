"""Tunings are made of sweeps: they are tested on the same tiny networks."""

from tests.sweeps.conftest import (
    config,
    programs,
    shared_programs,
    sweeps_compile_quickly,
    tiny_file,
)

__all__ = ["config", "programs", "shared_programs", "sweeps_compile_quickly", "tiny_file"]
