"""The tiny networks of the sweeps' tests, as tunings consist of sweeps."""

from tests.sweeps.conftest import (
    config,
    programs,
    shared_programs,
    sweeps_compile_quickly,
    tiny_file,
)

__all__ = ["config", "programs", "shared_programs", "sweeps_compile_quickly", "tiny_file"]
