"""Ctrl-C that falls where Python drops exceptions is raised again."""

import gc
import signal
import sys
import time

import pytest

from cnnjax.cli.interrupt import lost_interrupts_return


@pytest.fixture(autouse=True)
def ctrl_c_raises():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Falls:
    """Ctrl-C comes while an object of this class is deleted."""

    def __init__(self, problem):
        self.problem = problem

    def __del__(self):
        if self.problem is KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
        raise self.problem


def work():
    end = time.monotonic() + 10
    while time.monotonic() < end:
        time.sleep(0.01)


def in_a_destructor():
    Falls(KeyboardInterrupt)
    work()


def in_the_garbage_collector():
    def callback(phase, info):
        gc.callbacks.remove(callback)
        signal.raise_signal(signal.SIGINT)

    gc.callbacks.append(callback)
    gc.collect()
    work()


@pytest.mark.parametrize("program", [in_a_destructor, in_the_garbage_collector])
def test_a_lost_ctrl_c_is_raised_again(program):
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), lost_interrupts_return():
        program()
    assert time.monotonic() - begun < 9


def test_other_lost_errors_are_still_shown_and_the_hook_goes_back(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: seen.append(lost.exc_type))
    before = sys.unraisablehook
    with lost_interrupts_return():
        Falls(ZeroDivisionError)
    assert seen == [ZeroDivisionError]
    assert sys.unraisablehook is before
