"""`cnnjax`: reads the command line, runs one subcommand, turns errors into one line.

Exit status: 0 fine; 1 the work failed (unreadable data, non-finite loss); 2 bad usage; 130 after
Ctrl-C. An error in the library itself keeps its traceback: it is ours, not the user's.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from cnnjax.cli import demo, evaluate, predict, show, summary, train, tune
from cnnjax.cli.interrupt import INTERRUPTED, leave, lost_interrupts_return
from cnnjax.cli.problems import BadUsage, Failed

COMMANDS = (train, evaluate, predict, summary, show, tune, demo)

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
    """Run `cnnjax ARGV...` (default: this process's arguments); returns the exit status.

    >>> main(["predict"])  # says on stderr what is missing
    2
    """
    with lost_interrupts_return():
        status = _status(parser(), argv)
    if argv is None and status == INTERRUPTED:
        leave(status)
    return status


def _status(top: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    try:
        args = top.parse_args(argv)
        if args.command is None:
            top.print_help()
            return 2
        return _run(args)
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
        raise Failed(f"cnnjax {args.command}: {error}") from error
