"""The benchmarks run and say what they measured; how fast anything is, no test asserts."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest

from benchmarks import lowerings, nets, scanned, training
from benchmarks.networks import NETWORKS
from benchmarks.peers import Job
from benchmarks.peers.jax_common import prepare
from benchmarks.peers.jax_layers import in_a_loop, in_a_scan, init
from benchmarks.peers.jax_layers import training as steps_of
from benchmarks.streaming import measuring
from benchmarks.training_report import picture, table
from cnnjax.models import build

JOB = {"network": "lenet5", "training": True, "batch": 1, "precision": "float32"}


@pytest.fixture(autouse=True)
def _precision():
    """What a contender sets for its own process does not stay in this one."""
    before = jax.config.jax_default_matmul_precision
    yield
    jax.config.update("jax_default_matmul_precision", before)


@pytest.mark.slow
@pytest.mark.full
def test_contenders_in_processes_of_their_own(tmp_path):
    found = training.compare(["cnnjax", "lax", "flax.nnx", "no such library"], JOB, rounds=2)
    assert set(found.pop("no such library")) == {"error"}
    for times in found.values():
        assert 0 < times["least"] <= times["low"] <= times["median"] <= times["high"]
        # On a busy machine a call may take as long as the first one, which compiles.
        assert times["compile_seconds"] >= 0
        assert times["peak_mb_above_start"] >= 0
    row = {"network": "lenet5", "mode": "training", "batch": 1, "gflop": 1.0, "peers": found}
    record = {"rows": [{**row, "matmul_gflops": 100.0, "load before": 0.0, "load after": 0.0}]}
    lines = table(record).splitlines()
    assert len(lines) == 4 + len(found)
    assert "| 1.00x |" in next(line for line in lines if line.startswith("| flax.nnx |"))
    picture(record, tmp_path / "times.png")
    assert (tmp_path / "times.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.full
def test_steps_in_a_scan_are_the_steps_in_a_loop():
    """Both end with the same loss, so they are two times of one thing."""
    network = replace(NETWORKS["lenet5"], steps=3)
    job = Job("cnnjax", "lenet5", training=True, batch=2)
    _, images, labels = prepare(job, network)
    losses = []
    for how in (in_a_loop, in_a_scan):
        step, state, compiled = steps_of(job, network)
        call = how(step, state, compiled, (images, labels))
        losses.append([float(call()) for _ in range(3)])
    np.testing.assert_allclose(*losses, rtol=1e-5)
    assert losses[0][0] > losses[0][-1]


def test_a_subject_is_measured_and_proved():
    subject = next(s for s in lowerings.SUBJECTS if s.name.startswith("mean-pool"))
    assert lowerings.prove(subject).status == "proved"
    small = replace(subject, shapes=((4, 4, 2),))
    found = lowerings.measure(small, batch=1, rounds=3, seconds=1.0)
    assert len(found) == 2 * len(lowerings.WORK)
    assert json.loads(json.dumps(found)) == found


def test_rounding_of_a_subject_against_lax():
    of = {s.lowering: replace(s, shapes=((5, 5, 2), (3, 3, 2, 3))) for s in lowerings.SUBJECTS}
    plain, fast = (lowerings.rounded(of[name]) for name in ("canonical", "winograd"))
    assert (plain.observed, plain.ratio) == (0, 1)
    assert 0 < fast.observed < fast.bound
    assert fast.ratio > 5
    pool = lowerings.rounded(replace(of["argmax"], shapes=((6, 6, 2),)))
    assert str(pool) == "none"


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "mobilenet_v2"])
def test_networks_that_are_timed_are_the_published_ones(name):
    network = NETWORKS[name]
    stem = "small" if name == "resnet18" else "imagenet"
    model = build(name, classes=10, image=network.image, stem=stem)
    key = jax.random.key(0)

    def timed(key):
        params, stats, _ = init(
            network.layers, (1, *network.image), iter(jax.random.split(key, 200))
        )
        return params, stats

    def sizes(f):
        return sorted(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(f, key)))

    assert sizes(timed) == sizes(model.init)


def test_every_network_of_the_scans_is_known():
    assert set(scanned.WITH_LAX) <= scanned.STEPS.keys() <= NETWORKS.keys()


def test_streamed_images_are_read_and_trained_on(tmp_path):
    measuring.write(tmp_path, 130)
    found = measuring.one("read", "1 process", tmp_path)
    assert found["rate"] > 0
    assert found["first"] > 0
    assert 20 < found["process_mb"] < 120


def test_the_cost_of_nets_is_that_of_the_same_proofs():
    seconds = {"none": [1.0, 2.0, 4.0], "search": [1.0, 3.0, 4.0]}
    record = nets.summary(seconds)
    assert record["proofs"] == 3
    assert record["ways"]["none"]["median_of_ratios"] == 1
    assert record["ways"]["search"]["ratio_of_medians"] == 1.5
    assert record["ways"]["search"]["median_of_ratios"] == 1


@pytest.mark.slow
def test_every_process_answers_every_question():
    seconds = nets.measure(2, seed=0)
    assert {len(own) for own in seconds.values()} == {2}
    assert min(map(min, seconds.values())) > 0
