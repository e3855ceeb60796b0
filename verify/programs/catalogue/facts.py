"""What may be said of a primitive: the columns of the catalogue.

A row is a name and the facts that hold of it, over the reals and for all its parameters unless the
table says otherwise. Operands are counted from 0.

    fact                      what it says                                      for example
    ------------------------  ------------------------------------------------  --------------------
    ELEMENTWISE               an element of the result is made of the           add, select_n
                              operands' elements at its place, whatever the
                              shape (scalars stand at every place)
    MOVES                     every element of the result is one of an          reshape, gather
                              operand, at places that numbers do not decide
                              but indices may; a read or write out of bounds
                              apart
    SEVERAL                   moves elements of several operands; the others    concatenate
                              of the first alone
    DROPS                     moves, and may leave elements of its operand out  slice, split
    INDEXED                   an operand says where it reads or writes          gather, scatter-add
    CASTS                     changes the format of numbers and nothing else    convert_element_type
    LINEAR                    linear in all operands together (the column       sub, fft
                              linear_in: in these, if the others stay)
    BILINEAR                  linear in each of the first two operands, but     mul, dot_general
                              not in both
    ADDS                      adds numbers up: of its operands, or along axes   add, cumsum
    COMMUTES                  the same with its two operands exchanged          max, eq
    COMPARES                  a truth value: whether one number is equal to,    lt, eq
                              or less than, another
    ORDERS                    what is larger than what decides, of several      lt, sort, sign
                              numbers or of one and 0
    CHOOSES                   of several numbers one is taken, by a condition   select_n, max, abs
                              or an order
    JUMPS                     made of the next whole number: jumps where that   floor, rem
                              is another one
    ODD, EVEN                 f(-x) is -f(x); is f(x)                           sin; cos
    INCREASING                larger at a larger number, where it has a value   exp, sqrt
    POSITIVE, NOT_NEGATIVE    so is every number of the result, where it has a  exp; abs
                              value
    KEEPS_SIGN                not negative where no operand is, and positive    add, tanh
                              where all are (empty sums apart)
    ONE_AT_ZERO               f(0) is 1                                         cos, exp
    EXPONENTIAL, LOGARITHM    a rule makes it of exponentials; of logarithms    tanh; asinh
    ROOT                      it takes square roots (of powers: with some       rsqrt, pow
                              exponents)
    TURNS                     made of sines and cosines                         tan
    PARTIAL                   has no value at some operands, or none that is    div, log, gather
                              one of the programs'
    EXACT                     its result is a number of the operands' own       max, floor
                              format: nothing is rounded
    COMPILED                  what XLA compiles are the operations of its       dot_general, exp
                              rule, in some order, or one function that was
                              measured: its rounding has a bound
    SEES_BITS                 looks at the bits of a float                      bitcast_convert_type
    SEES_DIGITS               looks at whether a format of fewer digits has     reduce_precision
                              the number
    ORDERS_ZEROS              takes -0 for less than 0                          top_k
    SEES_ZERO_SIGN            looks at the sign of a zero, and at no other bit  atan2, div
    DRAWS                     makes random bits of a key                        random_bits
    LOOP, BRANCHES            repeats a body; runs one of several               scan, while; cond
    BODY                      its meaning is that of programs that it holds:    cond, shard_map
                              loops and branches, and others
    COLLECTIVE                a device sees what others have                    psum
    CALLS_PYTHON              calls back into Python                            pure_callback
    STATEFUL                  does more than compute: writes, reads what may    io_callback
                              have changed, is never twice the same

A fact is here because more than one part of `verify` asks for it, or because it is the business of
whoever adds a primitive. How a primitive is worked out is its rule's affair (`verify/primitives`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Fact(enum.Flag):
    """See the table above."""

    NONE = 0
    ELEMENTWISE = enum.auto()
    MOVES = enum.auto()
    SEVERAL = enum.auto()
    DROPS = enum.auto()
    INDEXED = enum.auto()
    CASTS = enum.auto()
    LINEAR = enum.auto()
    BILINEAR = enum.auto()
    ADDS = enum.auto()
    COMMUTES = enum.auto()
    COMPARES = enum.auto()
    ORDERS = enum.auto()
    CHOOSES = enum.auto()
    JUMPS = enum.auto()
    ODD = enum.auto()
    EVEN = enum.auto()
    INCREASING = enum.auto()
    POSITIVE = enum.auto()
    NOT_NEGATIVE = enum.auto()
    KEEPS_SIGN = enum.auto()
    ONE_AT_ZERO = enum.auto()
    EXPONENTIAL = enum.auto()
    LOGARITHM = enum.auto()
    ROOT = enum.auto()
    TURNS = enum.auto()
    PARTIAL = enum.auto()
    EXACT = enum.auto()
    COMPILED = enum.auto()
    SEES_BITS = enum.auto()
    SEES_DIGITS = enum.auto()
    ORDERS_ZEROS = enum.auto()
    SEES_ZERO_SIGN = enum.auto()
    DRAWS = enum.auto()
    LOOP = enum.auto()
    BRANCHES = enum.auto()
    BODY = enum.auto()
    COLLECTIVE = enum.auto()
    CALLS_PYTHON = enum.auto()
    STATEFUL = enum.auto()


class Origin(enum.Enum):
    """Where programs have a primitive from."""

    JAX = "the JAX that the tests run with"
    OTHER_JAX = "another version of JAX, or a part of it that is not imported"
    VERIFY = "verify itself, which rewrites programs"


@dataclass(frozen=True)
class Row:
    """One primitive. `linear_in`: the operands in which it is linear together while all others stay
    as they are; none where `LINEAR` or `BILINEAR` says it."""

    name: str
    facts: Fact = Fact.NONE
    linear_in: range | tuple[int, ...] = ()
    origin: Origin = Origin.JAX
