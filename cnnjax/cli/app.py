"""`cnnjax`: reads the command line, runs one subcommand, turns errors into one line.

Exit status: 0 fine; 1 the work failed (unreadable data, non-finite loss); 2 bad usage; 130 after
Ctrl-C. An error in the library itself keeps its traceback: it is ours, not the user's.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from cnnjax.cli import demo, evaluate, export, predict, show, summary, train, tune
from cnnjax.cli.interrupt import INTERRUPTED, leave, lost_interrupts_return
from cnnjax.cli.problems import BadUsage, Failed, reason
from cnnjax.notices import Notice, shown

COMMANDS = (train, evaluate, predict, summary, show, export, tune, demo)

DESCRIPTION = "Convolutional networks as pure JAX functions: train them, and see what they see."
EPILOG = """\
examples:
  cnnjax demo                                       train the note's network in two minutes
  cnnjax train --data folder:photos --out runs/mine train on your own images
  cnnjax predict cat.jpg --run runs/mine            class and probability of an image
  cnnjax summary --model resnet18                   shapes, parameters, receptive fields

`cnnjax COMMAND --help` explains a command, with examples."""


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line that says where help is."""

    def error(self, message: str) -> NoReturn:
        raise BadUsage(f"{self.prog}: {message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """The command line; each module of `COMMANDS` describes one subcommand."""
    top = _Parser(
        prog="cnnjax",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = top.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for module in COMMANDS:
        name = module.__name__.rpartition(".")[2]
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """See `cnnjax.cli.main`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names of files and classes hold what a terminal may not be able to show.
            stream.reconfigure(errors="backslashreplace")
    with lost_interrupts_return(), _notices_are_lines():
        status = _status(parser(), argv)
    if argv is None and status == INTERRUPTED:
        leave(status)
    return status


@contextmanager
def _notices_are_lines() -> Iterator[None]:
    """Inside, a `Notice` is one line on stderr; other warnings stay what they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        before = warnings.showwarning

        def show(message: Any, category: type[Warning], *where: Any, **others: Any) -> None:
            if issubclass(category, Notice):
                print(f"cnnjax: note: {shown(message)}", file=sys.stderr, flush=True)
            else:
                before(message, category, *where, **others)

        warnings.showwarning = show
        yield


def _status(top: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    try:
        args = top.parse_args(argv)
        if args.command is None:
            top.print_help()
            return 2
        return _run(args)
    except KeyboardInterrupt:  # while the arguments are read
        return INTERRUPTED
    except SystemExit as leave:  # --help
        return int(leave.code or 0)
    except (BadUsage, Failed) as problem:
        print(problem, file=sys.stderr)
        return problem.status


def _run(args: Any) -> int:
    try:
        return args.run(args)
    except KeyboardInterrupt as interrupt:
        # `fit` says how to go on; elsewhere there is nothing to say.
        print(str(interrupt) or "interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; Python would complain once more while closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        raise Failed(f"cnnjax {args.command}: {reason(error)}") from error
    except MemoryError as error:
        raise Failed(
            f"cnnjax {args.command}: there is not enough memory {error}".strip()
        ) from error
