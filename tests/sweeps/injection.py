"""Calls of the operating system that fail when a test wants, in this process or in others."""

import contextlib
import errno
import mmap
import os
import struct
import sys
from unittest import mock

_EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir", "os.scandir"}
_NUMBERS = struct.Struct("4q")  # calls, the one to fail, its error, failed ones
_SIZE = 4096
_watching: list["Calls"] = []
_hooked: list[object] = []


class Calls:
    """Counts the calls on files of a folder, and makes one of them fail.

    The numbers are in a file, which several processes map: those that count at the same moment may
    lose a count.

    Args:
      path: The file; created if it does not exist.
    """

    def __init__(self, path):
        if not path.exists():
            path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _SIZE)

    @property
    def count(self):
        return _NUMBERS.unpack_from(self._memory)[0]

    @property
    def failed(self):
        return _NUMBERS.unpack_from(self._memory)[3]

    def arm(self, folder, number, error):
        """Counts from now on; fails the call of a number, counted from 1."""
        _NUMBERS.pack_into(self._memory, 0, 0, number, error, 0)
        self._memory[_NUMBERS.size :] = os.fsencode(folder).ljust(_SIZE - _NUMBERS.size, b"\0")

    def disarm(self):
        """Counts no more."""
        self._memory[_NUMBERS.size :] = bytes(_SIZE - _NUMBERS.size)

    def check(self, path):
        """Counts a call on a path; raises OSError if it is the one to fail."""
        if not isinstance(path, str | bytes | os.PathLike):
            return
        folder = self._memory[_NUMBERS.size :].rstrip(b"\0")
        if not folder or not os.fsencode(path).startswith(folder):
            return
        calls, number, error, failed = _NUMBERS.unpack_from(self._memory)
        fails = calls + 1 == number
        _NUMBERS.pack_into(self._memory, 0, calls + 1, number, error, failed + fails)
        if fails:
            raise OSError(error, os.strerror(error), os.fsdecode(path))


def watch(path):
    """Lets this process count, and fail, as a file says; returns what stops it."""
    if not _hooked:
        sys.addaudithook(_audit)  # stays, as Python can remove none
        _hooked.append(_audit)
    _watching[:] = [Calls(path)]
    stack = contextlib.ExitStack()
    stack.callback(_watching.clear)
    for function in (os.stat, os.fsync):  # Python announces no event of these
        stack.enter_context(mock.patch.object(os, function.__name__, _checked(function)))
    return stack


def _checked(function):
    def checked(target, *args, **options):
        path = target
        if function.__name__ == "fsync":
            path = os.readlink(f"/proc/self/fd/{target}")
        if _watching:
            _watching[0].check(path)
        return function(target, *args, **options)

    return checked


def _audit(event, args):
    if _watching and event in _EVENTS:
        _watching[0].check(args[0])


@contextlib.contextmanager
def failing(shared, folder, number=0, error=errno.EIO):
    """Makes a call on a file of a folder fail in all processes that watch; yields the calls.

    Args:
      shared: The file through which they count.
      folder: The folder.
      number: The call, counted from 1; 0 for none.
      error: Its error's number.
    """
    with watch(shared):
        calls = _watching[0]
        calls.arm(folder, number, error)
        try:
            yield calls
        finally:
            calls.disarm()
