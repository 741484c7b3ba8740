"""Standard output and error, made safe to print to."""

import io
import os
import sys


def open_standard_streams() -> None:
    """Opens closed ones, whose numbers other files would get, and lets them print any name.

    A file name may hold bytes that are no text; Python would raise instead of printing it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
