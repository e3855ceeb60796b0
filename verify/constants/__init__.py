"""Literals that were rounded: 0.1 in a program stands for any real number that rounds to it."""
