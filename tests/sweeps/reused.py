"""Executors whose processes serve sweep after sweep, as starting one takes seconds."""

import contextlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import types
from unittest import mock

from dropout_lab.sweeps.execution import cluster, connection, worker, worker_pool
from dropout_lab.system.machine import single_threaded
from tests.sweeps import injection

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["dropout_lab.sweeps.execution.runner", "orbax.checkpoint", "tests.sweeps.reused"]
)


@contextlib.contextmanager
def executors(names, workers, shared):
    """Keeps the worker processes of executors; yields a function that waits until they are idle.

    Args:
      names: Executors, of which "processes" and "dask" have processes.
      workers: Number of processes of each.
      shared: The file through which all of them count and fail calls; see ``injection``.
    """
    with contextlib.ExitStack() as stack:
        if "processes" in names:
            pool = _Pool(shared)
            stack.callback(pool.close)
            starting = types.SimpleNamespace(Popen=pool.start, PIPE=subprocess.PIPE)
            stack.enter_context(mock.patch.object(worker_pool, "subprocess", starting))
        client = None
        if "dask" in names:
            client = stack.enter_context(connection.connected(workers, None, None))
            client.run(_watch, shared)
            kept = contextlib.nullcontext(client)
            stack.enter_context(mock.patch.object(cluster, "connected", return_value=kept))

        def settle():
            while client is not None and any(client.processing().values()):
                time.sleep(0.05)

        yield settle


def _watch(shared):
    injection.watch(shared)


class _Pool:
    """Forks of a process that has imported JAX, each of which runs request after request."""

    def __init__(self, shared):
        self._shared = shared
        self._idle = []

    def start(self, command, *, stderr, **options):
        """Gives a request to a process, as ``subprocess.Popen`` does to a new one."""
        alive = [served for served in self._idle if served[0].is_alive()]
        self._idle = alive[1:]
        return _Serving(self._idle, alive[0] if alive else self._forked(), stderr)

    def _forked(self):
        ours, theirs = _context.Pipe()
        process = _context.Process(target=_serve, args=(theirs, self._shared), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    def close(self):
        for process, ours in self._idle:
            ours.close()
            process.join()


class _Serving:
    """A request at work; has the interface of ``subprocess.Popen`` that a pool of workers uses."""

    def __init__(self, idle, served, stderr):
        self._idle, self._stderr = idle, stderr
        self._process, self._connection = served
        self._status = None
        self.stdin = _Request(self._connection)

    def poll(self):
        if self._status is None:
            # In this order: what has ended has answered before.
            ended = not self._process.is_alive()
            if self._connection.poll():
                with contextlib.suppress(EOFError):
                    self._status, text = self._connection.recv()
                    self._stderr.write(text.encode())
                    self._idle.append((self._process, self._connection))
            if self._status is None and ended:
                self._status = self._process.exitcode
        return self._status

    def wait(self):
        while self.poll() is None:
            time.sleep(0.01)
        return self._status

    def send_signal(self, signum):
        os.kill(self._process.pid, signum)


class _Request(io.BytesIO):
    """The request, sent when it is closed."""

    def __init__(self, connection):
        super().__init__()
        self._connection = connection

    def close(self):
        if not self.closed:
            self._connection.send(self.getvalue().decode())
        super().close()


def _serve(connection, shared):
    """Runs requests until the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(single_threaded())
    injection.watch(shared)
    with contextlib.suppress(EOFError):
        while True:
            sys.stdin = io.StringIO(connection.recv())
            with contextlib.redirect_stderr(io.StringIO()) as text:
                try:
                    status = worker.main()
                except Exception as error:
                    status = 1
                    print(f"{type(error).__name__}: {error}", file=text)
            connection.send((status, text.getvalue()))
