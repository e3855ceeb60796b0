"""Runs programs in a process of its own, where what runs them may abort or never end.

XLA ends the process on some programs (a window of all ones with negative padding; an integer that
it knows, divided by a zero that it knows), and so does the StableHLO interpreter on some; a `while`
that ends over the reals need not end in float32.
Of which programs none of that is to be feared says `dangers.py`; `run(program, inputs)` compiles
any other, in a worker (`worker.py`) that is started when it is first needed, lives as long
as this process, and is started again when it has died. A program that may not end has a part of the
seconds that are left, and is ended with the worker.

What a user does with a program is not our business: only what verify itself compiles comes here.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import jax
import numpy as np
from jax import export

from verify.dtypes import DType, Function
from verify.limits import budget
from verify.programs import Atom, Const, Equation, Program, Var, call
from verify.trust import worker
from verify.trust.dangers import alone, ends

PATIENCE = 120.0  # seconds for one request: where a compiler hangs, no work can be counted
_SHARE, _LEAST = 0.25, 0.5  # of the seconds that are left, for a program to end; and at least
_DYING = 5.0  # seconds for a worker that has closed its end


class Aborted(Exception):
    """The worker died, or did not answer; or what it was asked for is an error there."""


class Died(Aborted):
    """The worker died: XLA ended it."""


class Endless(Aborted):
    """The program was compiled, and had not ended when it was ended."""


def own_types(equations: Iterable[Equation]) -> AbstractContextManager[None]:
    """A context in which 64-bit types are enabled, if the equations have any."""
    wide = any(_is_wide(atom.dtype) for e in equations for atom in (*e.inputs, *e.outputs))
    return jax.enable_x64(wide or bool(jax.config.read("jax_enable_x64")))


def _is_wide(dtype: DType) -> bool:
    return isinstance(dtype, np.dtype) and dtype.name in (
        "float64",
        "int64",
        "uint64",
        "complex128",
    )


def run(program: Program, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs of the compiled program, by XLA in the worker.

    Raises `Aborted`: XLA ended the worker, or took too long, or refused the program.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> run(trace(lambda x: x[::-1] * 2, jnp.zeros(3)), [np.float32([1, 2, 3])])
    [array([6., 4., 2.], dtype=float32)]
    """
    arrays = [np.asarray(x).astype(v.dtype) for x, v in zip(inputs, program.inputs, strict=True)]
    return run_function(functools.partial(call, program), arrays, patience_with(program))


def run_function(
    function: Function, arrays: Sequence[np.ndarray], patience: float = PATIENCE
) -> list[np.ndarray]:
    """What a function that JAX can trace makes of arrays, as `run` does: a list of its results."""
    wide = bool(jax.config.read("jax_enable_x64"))
    arguments = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in arrays]
    try:
        exported = export.export(jax.jit(function), platforms=["cpu"])(*arguments)
        forms = [(tuple(v.shape), v.dtype) for v in exported.out_avals]
    except Exception as error:  # callbacks, say, cannot leave this process
        raise Aborted(f"the program cannot be run in a process of its own: {error}") from error
    module, kept = bytes(exported.mlir_module_serialized), exported.module_kept_var_idx
    results = ask("call", module, tuple(kept), forms, list(arrays), wide, patience=patience)
    return [np.asarray(y) for y in results]


def run_each(program: Program, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs of the program, one operation after the other, each compiled in the worker.

    Raises `Aborted` as `run` does.
    """
    environment: dict[Var, np.ndarray] = dict(
        zip(program.inputs, map(np.asarray, inputs), strict=True)
    )

    def read(atom: Atom) -> np.ndarray:
        return atom.value if isinstance(atom, Const) else environment[atom]

    for equation in program.equations:
        one = alone(equation)
        results = run(one, [read(atom) for atom in equation.inputs])
        environment.update(zip(equation.outputs, results, strict=True))
    return [np.asarray(read(atom)) for atom in program.outputs]


def patience_with(program: Program) -> float:
    """How many seconds it has to end: if that is not certain, a part of those that are left."""
    if ends(program):
        return PATIENCE
    return min(PATIENCE, max(_LEAST, _SHARE * budget.seconds_left()))


def ask(task: str, *arguments: object, patience: float = PATIENCE) -> list[np.ndarray]:
    """What the worker's function `task` makes of the arguments. `patience`: seconds for the program
    to end, once it is compiled.

    Raises `Aborted`, and `Endless` where the program did not end.
    """
    with _LOCK:
        return _worker().ask(task, arguments, patience)


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    owner: int  # the process that started it: a fork of that must not share it

    def ask(self, task: str, arguments: object, patience: float) -> list[np.ndarray]:
        stdin, stdout = self.process.stdin, self.process.stdout.raw  # type: ignore[union-attr]
        assert stdin is not None  # (and `select` knows nothing of what a buffer holds)
        try:
            worker.send(stdin, (task, arguments))  # type: ignore[arg-type]
            if not select.select([stdout], [], [], PATIENCE)[0]:
                raise self._late(Aborted, PATIENCE)
            status, answer = worker.receive(stdout)
            if status == "compiled":
                if not select.select([stdout], [], [], patience)[0]:
                    budget.charge(patience)
                    raise self._late(Endless, patience)
                status, answer = worker.receive(stdout)
        except (EOFError, OSError) as error:
            raise Died(self._death()) from error
        except KeyboardInterrupt:  # the answer that is on its way is nobody's
            self.process.kill()
            raise
        if status == "error":
            raise Aborted(answer)
        return answer

    def _late(self, kind: type[Aborted], seconds: float) -> Aborted:
        self.process.kill()
        self.end()
        return kind(f"no answer within {seconds:.3g} seconds")

    def _death(self) -> str:
        code = self.end()
        if code >= 0:
            return f"the process that ran it ended with status {code}"
        name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
        return f"XLA ended the process (signal {-code}, {name})"

    def end(self) -> int:
        """Its exit status: it is killed if it lives."""
        if self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_DYING)  # it may be writing down why
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        return self.process.wait()


_LOCK = threading.Lock()
_CURRENT: list[_Worker] = []
_OTHERS: list[_Worker] = []


def _worker() -> _Worker:
    """The worker of this process, started if there is none that lives."""
    if _CURRENT:
        current = _CURRENT[0]
        if current.owner == os.getpid() and current.process.poll() is None:
            return current
        if current.owner == os.getpid():
            current.end()
        else:
            _OTHERS.append(current)  # of the process that this one is a fork of: not ours to end
        _CURRENT.clear()
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "ABSL_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [sys.executable, "-P", worker.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert process.stdin is not None
    worker.send(process.stdin, list(sys.path))  # type: ignore[arg-type]
    started = _Worker(process, os.getpid())
    _CURRENT.append(started)
    return started


@atexit.register
def _end() -> None:
    for current in _CURRENT:
        if current.owner == os.getpid():
            current.process.kill()
            current.end()
