"""The first signal is a request, the second acts as usual."""

import signal

import pytest

from rgnn_jax.train.signals import stop_signals


@pytest.fixture(autouse=True)
def interruptible():
    """A shell starts background jobs with SIGINT ignored; these tests want Python's own handler."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
