"""Small files of every format, written by the test that reads them."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def real_data():
    """The folder of real data sets, or a skip that says why."""
    folder = os.environ.get("CNNJAX_DATA")
    if not folder:
        pytest.skip("real data: the environment variable CNNJAX_DATA names no folder")
    return Path(folder)


def idx_bytes(array: np.ndarray) -> bytes:
    """The IDX encoding of a uint8 array."""
    header = bytes([0, 0, 8, array.ndim])
    return header + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


@pytest.fixture
def idx_folder(tmp_path, rng):
    """A folder of the four MNIST files: 20 + 10 images of 5x4, labels 0..9 in turn."""
    folder = tmp_path / "tiny-mnist"
    folder.mkdir()
    for split, count in (("train", 20), ("t10k", 10)):
        images = rng.integers(0, 256, (count, 5, 4), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        (folder / f"{split}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return folder


@pytest.fixture
def cifar_folder(tmp_path, rng):
    """A folder of the six CIFAR-10 files with 10 records each, labels 0..9 in turn."""
    folder = tmp_path / "tiny-cifar"
    folder.mkdir()
    for name in [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]:
        records = rng.integers(0, 256, (10, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(10)
        (folder / name).write_bytes(records.tobytes())
    return folder


def write_images(folder: Path, count: int, rng, size=(6, 8), ending="png") -> list[Path]:
    """`count` random RGB images of `size` = (height, width) in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{i}.{ending}" for i in range(count)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return paths


@pytest.fixture
def image_folder(tmp_path, rng):
    """A folder of three classes, ten images of 6x8 each, no split."""
    root = tmp_path / "tiny-photos"
    for name in ("ant", "bee", "cat"):
        write_images(root / name, 10, rng)
    return root


@pytest.fixture
def split_folder(tmp_path, rng):
    """A folder with train/ (4 a class) and test/ (2 a class), two classes."""
    root = tmp_path / "tiny-split"
    for split, count in (("train", 4), ("test", 2)):
        for name in ("ant", "bee"):
            write_images(root / split / name, count, rng)
    return root
