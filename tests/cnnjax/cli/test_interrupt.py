"""Ctrl-C always arrives: where Python drops exceptions, and while modules are imported."""

import gc
import signal
import subprocess
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


@pytest.mark.parametrize("argv", [["--help"], ["train", "--help"], ["train", "--model", "alexnet"]])
def test_what_needs_no_numbers_imports_nothing_large(argv):
    script = (
        "import sys; from cnnjax.cli import main\n"
        f"main({argv!r})\n"
        "print([n for n in ('jax', 'numpy', 'PIL', 'matplotlib') if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_ctrl_c_inside_an_import_leaves_at_once_and_elsewhere_raises(tmp_path):
    (tmp_path / "slow.py").write_text(
        "import signal, sys\n"
        "try:\n    signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt:\n    print('swallowed')\n"  # as some modules do
    )
    script = (
        "from cnnjax.cli.interrupt import imports_end_quietly\n"
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "imports_end_quietly()\n"
        "try:\n    signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt:\n    print('raised', flush=True)\n"
        f"sys.path.insert(0, {str(tmp_path)!r}); import slow"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "raised\n", "interrupted\n")
