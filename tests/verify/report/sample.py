"""A few real claims, settled once for all tests of the page: every kind of thing it can show."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

import verify
from cnnjax import conv, max_pool, relu
from verify.claims import Claim, Measured, Outcome, Settled, Sweep, Variant
from verify.claims.claim import Cell

HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)> & \"q\" 'a' .#é"


def strided(x, kernel):
    """A stride-2 convolution."""
    return conv(x, kernel, stride=2, padding="SAME")


def downsampled(x, kernel, offset=0):
    """Stride 1, then every second pixel."""
    return conv(x, kernel, padding="SAME")[:, offset::2, offset::2]


def pooled(x, kernel):
    return max_pool(conv(x, kernel, padding="SAME"), 2)


def padded_once(x, first, bias, second):
    wide = jnp.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    return conv(relu(conv(wide, first, bias, padding="VALID")), second, padding="VALID")


def layer_by_layer(x, first, bias, second):
    return conv(relu(conv(x, first, bias)), second)


def _images(size, channels=1, kernels=1):
    return jnp.zeros((1, size, size, channels)), jnp.zeros((3, 3, channels, kernels))


def _equal(f, g, *examples):
    return lambda: verify.equivalent(f, g, *examples, seed=0)


def _variant(name, says, expected, f, g, *examples):
    return Variant(name, says, expected, _equal(f, g, *examples), left=f, right=g)


def kept(x, kernel, padding):
    return conv(x, kernel, padding=padding)[:, ::2, ::2]


from_1 = functools.partial(downsampled, offset=1)


def _sweep():
    cells = []
    for padding in ("SAME", "VALID"):
        for size in (5, 6, 7, 8):
            for kernel in (1, 3):
                f = functools.partial(conv, stride=2, padding=padding)
                g = functools.partial(kept, padding=padding)
                x, w = jnp.zeros((1, size, size, 1)), jnp.zeros((kernel, kernel, 1, 1))
                verdict = verify.equivalent(f, g, x, w, seed=0)
                cells.append(Cell((size, kernel, padding), verdict))
    rule = "proved unless `padding` is SAME, the size is even and the kernel is larger than 1"
    return Sweep(("size", "kernel", "padding"), tuple(cells), rule, exact=True)


def _picture(folder: Path) -> str:
    ramp = np.linspace(0, 255, 96 * 160).reshape(96, 160).astype(np.uint8)
    Image.fromarray(ramp).save(folder / "ramp.png")
    return str(folder / "ramp.png")


def claims(folder: Path) -> list[Claim]:
    """The claims; the picture of the measured one is drawn into `folder`."""
    strides = Claim(
        id="stride-2-is-downsampled",
        korean="stride 2로 conv연산해서 feature map 만드는거랑, 그냥 일반적으로 conv연산 "
        "(stride = 1)한 다음에 pooling layer에서 pooling 안하고 "
        "downsampling한 거랑 완전히 동일하다.",
        english="A stride-2 convolution is a stride-1 convolution followed by downsampling.",
        statement="conv(x, kernel, stride=2) == conv(x, kernel)[:, ::2, ::2]  # for which sizes?",
        conclusion="True for `VALID`; with `SAME` true for odd sizes, false for even ones.",
        variants=(
            _variant(
                "same-odd",
                "SAME, odd size (7): pixels 0, 2, 4, 6 are kept.",
                "proved",
                strided,
                downsampled,
                *_images(7),
            ),
            _variant(
                "same-even",
                "SAME, even size (6): the two start at different pixels.",
                "refuted",
                strided,
                downsampled,
                *_images(6),
            ),
            _variant(
                "same-even-from-1",
                "SAME, even size, keeping pixels 1, 3, 5.",
                "proved",
                strided,
                from_1,
                *_images(6),
            ),
            _variant(
                "large",
                "SAME, 40x40x3 and eight kernels.",
                "refuted",
                strided,
                downsampled,
                *_images(40, 3, 8),
            ),
        ),
    )
    pooling = Claim(
        id="pooling-is-different",
        korean="pooling을 할 경우는 또 다른거고",
        english="With pooling instead it is not the same.",
        statement="max_pool(conv(x, kernel)) != conv(x, kernel, stride=2)",
        conclusion="One pixel tells them apart.",
        variants=(
            _variant(
                "max",
                "Max pooling is not downsampling.",
                "refuted",
                pooled,
                downsampled,
                *_images(6),
            ),
            _variant(
                "shapes",
                "Outputs of different shapes.",
                "refuted",
                pooled,
                lambda x, kernel: conv(x, kernel),
                *_images(6),
            ),
            _variant(
                "surprise",
                "A wrong expectation, to be seen.",
                "proved",
                pooled,
                downsampled,
                *_images(8),
            ),
            _variant(
                "scalar",
                "Numbers, not images.",
                "refuted",
                lambda x: x.sum(),
                lambda x: x[0] - x[1:].sum(),
                jnp.zeros(5),
            ),
            _variant(
                "open",
                "What the verifier does not know.",
                "unknown",
                lambda x: jax.scipy.special.digamma(x + 1),
                lambda x: jax.scipy.special.digamma(x) + 1 / x,
                jnp.zeros(3),
            ),
        ),
    )
    borders = Claim(
        id="case-a-is-case-b",
        korean="아래 두 방식은 output이 완전히 같다.",
        english="Patch by patch is layer by layer.",
        statement="padded_once(x, ...) == layer_by_layer(x, ...)",
        conclusion="Refuted at the border if only the input is padded.",
        variants=(
            _variant(
                "naive",
                "Only the input is padded.",
                "refuted",
                padded_once,
                layer_by_layer,
                jnp.zeros((1, 6, 6, 1)),
                jnp.zeros((3, 3, 1, 2)),
                jnp.zeros(2),
                jnp.zeros((3, 3, 2, 1)),
            ),
        ),
    )
    found = Measured(
        headline="Kernels differ after training",
        found="Over 3 seeds the kernels moved by `0.4` of their norm.",
        supported=True,
        columns=("width", "accuracy", "spread"),
        figures=(("32-64-128", "98.1 %", "0.2"), ("64-64-64", "97.9 %", "0.3")),
        picture=_picture(folder),
        command="python experiments/claims/kernels.py --seeds 3",
    )
    measured = Claim(
        id="random-init",
        korean="CNN 커널의 초기 픽셀값(가중치)은 '랜덤 초기화'로 시작한다.",
        english="Kernels start random.",
        statement="kernel ~ Normal(0, 2 / fan_in)",
        conclusion="They do, and they do not stay so.",
        measured=lambda: found,
    )
    absent = Claim("unmeasured", "아직", "Not yet.", "?", "?", measured=lambda: None)
    hostile = Claim(
        id=HOSTILE,
        korean=HOSTILE,
        english=HOSTILE,
        statement=HOSTILE,
        conclusion=HOSTILE,
        variants=(_variant(HOSTILE, HOSTILE, "proved", jnp.negative, lambda x: -x, jnp.zeros(2)),),
    )
    return [strides, pooling, borders, measured, absent, hostile]


def settled(folder: Path) -> list[Settled]:
    """The claims with their verdicts."""
    first, *rest = (
        Settled(
            claim,
            tuple(_settle(variant) for variant in claim.variants),
            None,
            None if claim.measured is None else claim.measured(),
        )
        for claim in claims(folder)
    )
    return [dataclasses.replace(first, sweep=_sweep()), *rest]


def _settle(variant):
    verdict = variant.settle()
    return Outcome(variant, verdict, verdict.seconds)
