"""The pytest plugin: a line for each proof in the summary."""
