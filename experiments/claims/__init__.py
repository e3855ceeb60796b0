"""The note's claims that only measuring can settle: one script a claim (see README.md)."""
