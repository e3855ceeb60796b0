"""Measure, on this machine, the ways to compute a model's layers, and keep the fastest.

Every convolution and pool can be computed in several ways that are the same function to rounding
(`cnnjax.lowerings`). The library ships a table of which one to take; this measures the calls that
one model makes for one batch size and notes the winners in the user's cache, where `cnnjax train`,
`evaluate`, `predict` and the layers themselves find them. CNNJAX_CACHE=off ignores them.
"""

from __future__ import annotations

import argparse

from cnnjax.cli import options, own
from cnnjax.cli.problems import BadUsage, Failed

HELP = "measure the ways to compute a model's layers here, keep the fastest"
EXAMPLES = """\
examples:
  cnnjax tune                                    the note's network, training, batches of 32
  cnnjax tune --model lenet --batch-size 128
  cnnjax tune --model vgg11 --image 64x64x3 --for inference"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `cnnjax tune`."""
    add = parser.add_argument
    add("--model", type=options.model, metavar="NAME", default="notes", help=options.MODEL_HELP)
    add("--classes", type=options.at_least(1), default=10, metavar="N", help="default 10")
    add("--image", type=options.image, metavar="HxWxC", help="default: the size it was made for")
    add("--batch-size", type=options.at_least(1), default=32, metavar="N", help="default 32")
    add("--precision", choices=options.PRECISIONS, default="float32", help="default float32")
    add(
        "--for",
        dest="mode",
        choices=("training", "inference"),
        default="training",
        help="with gradients or without (default training)",
    )
    add("--rounds", type=options.at_least(1), default=9, metavar="N", help="default 9")


def run(args: argparse.Namespace) -> int:
    """Carry out `cnnjax tune`."""
    import jax
    import jax.numpy as jnp

    from cnnjax import models
    from cnnjax.lowerings import tune, tuned
    from cnnjax.train.compiler import compiler_options
    from cnnjax.train.parts import parts_that_pay

    file = tuned.path()
    if file is None:
        raise BadUsage("cnnjax tune: CNNJAX_CACHE is off, so that nothing can be kept")
    try:
        known = own.known_as(args.model, "tune") or ""
        model = models.build(known, classes=args.classes, image=args.image)
    except ValueError as error:
        raise BadUsage(f"cnnjax tune: {error}") from error
    training, platform = args.mode == "training", jax.default_backend()
    # What the layers see is a part of the batch, where a batch is cut.
    parts = parts_that_pay(model, args.batch_size, platform, training=training)
    dtype = jnp.dtype(args.precision)
    images = jax.ShapeDtypeStruct((args.batch_size // parts, *model.image), dtype)
    params = jax.eval_shape(model.init, jax.random.key(0))
    calls = tune.calls_of(model.apply, params, images)
    print(f"{args.model}, {args.mode}: {len(calls)} calls with a choice, on {tuned.device()}")
    found = tune.measure(
        calls,
        training=training,
        rounds=args.rounds,
        options=compiler_options(platform, dtype, args.batch_size, training=training),
    )
    kept = True
    for number, one in enumerate(found, 1):
        name = tuned.key(one.call.layer, one.call.arguments)
        assert name is not None
        # At once: what was measured is not lost to Ctrl-C.
        kept = tuned.add({name: one.best}) is not None and kept
        shapes = [f"{a.dtype}{list(a.shape)}" for a in one.call.arguments if hasattr(a, "shape")]
        print(f"{number}/{len(calls)}  {one.call.layer} {' '.join(shapes)}", flush=True)
        for lowering, milliseconds in sorted(one.milliseconds.items(), key=lambda item: item[1]):
            marks = ["taken"] * (lowering == one.best) + ["shipped"] * (lowering == one.shipped)
            print(f"      {lowering:10s} {milliseconds:9.2f} ms  {', '.join(marks)}".rstrip())
    if not kept:
        raise Failed(f"cnnjax tune: {file} cannot be written, nothing is kept")
    print(f"kept: {file}")
    return 0
