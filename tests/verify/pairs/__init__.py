"""Pairs of programs whose truth is known: used by tests and by the scoreboard benchmark."""
