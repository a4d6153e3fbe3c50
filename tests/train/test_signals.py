"""The first signal is a request, the second acts as usual."""

import signal

import pytest

from rgnn_jax.train.signals import stop_signals


class HungUpError(Exception):
    """What these tests make of a SIGHUP that nobody took note of, in place of the end of the process."""


def hang_up(number, frame):
    raise HungUpError


@pytest.fixture(autouse=True)
def interruptible():
    """A shell starts background jobs with SIGINT ignored, nohup all with SIGHUP; these tests want neither."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: hang_up}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_signal_is_noted_and_the_second_acts():
    before = signal.getsignal(signal.SIGINT)
    with stop_signals() as stopped:
        assert stopped() is None
        signal.raise_signal(signal.SIGINT)
        assert stopped() == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_what_came_early_is_known_inside():
    with stop_signals():
        signal.raise_signal(signal.SIGTERM)
        with stop_signals() as inner:
            assert inner() == signal.SIGTERM
    with stop_signals() as fresh:
        assert fresh() is None


def test_a_closed_terminal_asks_to_stop_as_often_as_it_says_so():
    with stop_signals() as stopped:
        signal.raise_signal(signal.SIGHUP)
        assert stopped() == signal.SIGHUP
        signal.raise_signal(signal.SIGHUP)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGHUP) is hang_up


def test_what_nohup_started_goes_on_without_a_terminal():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stop_signals() as stopped:
        signal.raise_signal(signal.SIGHUP)
        assert stopped() is None
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
