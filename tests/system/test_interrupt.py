import signal

import pytest

from dropout_lab.system.interrupt import Interrupted, Stop, graceful_stop


@pytest.fixture(autouse=True)
def own_handlers():
    """Replaces the process's handlers by one that raises, and puts them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def act(signum, frame):
        raise RuntimeError(f"acted on {signum}")

    for number in before:
        signal.signal(number, act)
    yield act
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_requests_and_the_second_acts(signum):
    with graceful_stop() as stop:
        stop.check()
        signal.raise_signal(signum)
        with pytest.raises(Interrupted, match=signum.name) as interrupted:
            stop.check()
        assert interrupted.value.signum == signum
        with pytest.raises(RuntimeError, match="acted"):
            signal.raise_signal(signum)


@pytest.mark.parametrize("asked", [False, True])
def test_handlers_come_back(own_handlers, asked):
    with graceful_stop():
        if asked:
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is own_handlers
    assert signal.getsignal(signal.SIGTERM) is own_handlers


def test_no_request_does_nothing():
    Stop().check()
