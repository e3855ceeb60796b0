"""A class a pixel on the command line: trained from arrays and measured; the rest is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from cnnjax import models
from cnnjax.cli import main


@models.register("halves")
def small(classes, image):
    """A U-Net that compiles in a second."""
    net = models.unet(classes, image=image, width=2, depth=1)
    return replace(net, name="halves", config={"classes": classes, "image": image})


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    """Noise with a brighter half."""
    rng = np.random.default_rng(0)
    labels = np.zeros((40, 8, 8), np.uint8)
    labels[:20, :4], labels[20:, :, 4:] = 1, 1
    path = tmp_path_factory.mktemp("masks") / "halves.npz"
    images = (rng.integers(0, 80, labels.shape) + 150 * labels).astype(np.uint8)
    np.savez(path, images=images, labels=labels, classes=np.array(["dark", "bright"]))
    return path


def test_a_network_of_pixels_is_trained_and_measured(masks, tmp_path, capsys):
    run = tmp_path / "run"
    own = ("--model", f"{__name__}:small")
    train = ("train", "--data", f"npz:{masks}", *own, "--epochs", "3", "--learning-rate", "0.05")
    assert (
        main([*train, "--batch-size", "8", "--augment", "flip", "--out", str(run), "--quiet"]) == 0
    )
    said = capsys.readouterr().out
    assert "of 512), loss" in said
    assert "of pixels; mean IoU" in said
    assert {p.name for p in run.glob("*.png")} == {"learning_curves.png", "confusion.png"}
    assert "test_mean_iou" in json.loads((run / "history.json").read_text())[-1]

    assert main(["evaluate", str(run), *own]) == 0
    said = capsys.readouterr().out
    assert "8 images\naccuracy" in said
    assert "mean IoU" in said
    assert said.splitlines()[3].endswith("F1  pixels")

    assert main(["predict", str(masks), "--run", str(run), *own]) == 2
    assert "gives a class to each pixel, not one to an image" in capsys.readouterr().err


def test_labels_of_images_train_no_network_of_pixels(tmp_path, capsys):
    given = ["train", "--data", "patterns", "--size", "8", "--limit", "16", "--batch-size", "8"]
    model = f"{__name__}:small"
    assert main([*given, "--model", model, "--out", str(tmp_path / "run")]) == 2
    assert "labels of patterns train are one an image" in capsys.readouterr().err
