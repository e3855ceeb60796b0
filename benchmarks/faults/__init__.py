"""Faults on purpose, and what the outcome of each is called."""
