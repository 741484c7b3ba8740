"""All checks of an installation, one after another."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from dropout_lab.doctor.accelerator import check_jax
from dropout_lab.doctor.finding import Finding, State
from dropout_lab.doctor.requirements import (
    check_jax_pair,
    check_package,
    check_python,
    check_requirements,
    reinstall,
)
from dropout_lab.errors import InputError


def examine(root: Path | None, workdir: Path, data_dir: str | None = None) -> Iterator[Finding]:
    """Yields the findings of all checks: versions, jax, data, directories.

    Args:
      root: The checkout; None outside one.
      workdir: Directory for results.
      data_dir: As ``config.data.dir``.
    """

    def data() -> Iterable[Finding]:
        from dropout_lab.doctor.directories import check_data

        return check_data(data_dir)

    def directories() -> Iterable[Finding]:
        from dropout_lab.doctor.directories import check_directories

        return check_directories(workdir)

    yield from check_python()
    yield from check_package(root)
    yield from check_requirements(root)
    yield from check_jax_pair()
    yield from check_jax()
    yield from _guarded("data", data, root)
    yield from _guarded("directories", directories, root)


def _guarded(
    subject: str, check: Callable[[], Iterable[Finding]], root: Path | None
) -> Iterator[Finding]:
    """Yields the findings of a check; one more if it fails to run."""
    try:
        yield from check()
    except (InputError, OSError) as error:
        yield Finding(State.BROKEN, f"cannot check {subject}: {error}", "repair or remove it")
    except Exception as error:  # anything may be broken here
        yield Finding(State.BROKEN, f"cannot check {subject}: {error}", reinstall(root))
