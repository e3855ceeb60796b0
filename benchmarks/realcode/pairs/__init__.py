"""One file a group of pairs."""
