"""A terminal gets a bar and a line an epoch, a file only the lines, `progress=False` nothing."""

import io
import re

import pytest

from cnnjax.train import TrainConfig, fit
from cnnjax.train.progress import reporter

LINE = (
    r"epoch [12]/2  loss \d\.\d{4}  accuracy [\d.]+ %  test loss \d\.\d{4}"
    r"  test accuracy [\d.]+ %  [\d,]+ images/s  [\d.]+ s"
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_file_gets_one_line_an_epoch(toy, capsys):
    fit(toy.plain(), toy.splits(), TrainConfig(epochs=2, batch_size=16))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(LINE, line) for line in lines)


def test_silence_is_silent(toy, capfd):
    fit(toy.plain(), toy.splits(), TrainConfig(epochs=1, batch_size=16), progress=False)
    assert capfd.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_with_everything(monkeypatch):
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with reporter(True, steps=10, done=0, epochs=2) as report:
        report.moved(5, 1, 0.25, 0.875, 1234.5)
        report.line("epoch 1/2 [bold]as it is[/bold]")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    for part in ("epoch 1/2", "loss 0.250", "accuracy 87.5 %", "1,234 images/s", "left"):
        assert part in shown
    assert "[bold]as it is[/bold]" in shown


@pytest.mark.parametrize("terminal", [True, False])
def test_an_error_passes_through_the_reporter(monkeypatch, terminal):
    monkeypatch.setattr("sys.stdout", Terminal() if terminal else io.StringIO())
    with pytest.raises(ZeroDivisionError), reporter(True, steps=1, done=0, epochs=1):
        raise ZeroDivisionError
