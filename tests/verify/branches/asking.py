"""A row of a table of pairs, asked: two functions, their examples, and a precondition if any."""

import verify


def ask(row):
    f, g, examples, *assuming = row
    return verify.equivalent(f, g, *examples, assuming=assuming[0] if assuming else None, seed=0)
