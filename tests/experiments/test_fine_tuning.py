"""The experiment on fine-tuning: whose images it takes, and that all ways are measured."""

import dataclasses
import json

import numpy as np

from cnnjax.data import Dataset, Splits
from experiments.fine_tuning import BEGIN, END, HERE, RESULTS, SETTINGS, both, line, measure


def made_up(each, seed):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4, dtype=np.int32), each)
    images = rng.integers(0, 60, (4 * each, 12, 12, 1)) + 40 * labels[:, None, None, None]
    return Dataset(images.astype(np.uint8), labels, tuple("abcd"), "made up")


def test_the_task_has_few_images_of_its_classes_alone():
    splits = Splits(made_up(9, 0), made_up(5, 1))
    task = both(splits, (2, 3), 4, seed=0)
    assert task.train.classes == ("c", "d")
    assert np.bincount(task.train.labels).tolist() == [4, 4]
    assert np.bincount(task.test.labels).tolist() == [5, 5]
    for image, label in zip(task.train.images, task.train.labels, strict=True):
        assert splits.train.labels[(splits.train.images == image).all((1, 2, 3))] == label + 2


def test_every_way_is_measured():
    settings = dataclasses.replace(
        SETTINGS["fashion"], each=4, seeds=(0,),
        past=dataclasses.replace(SETTINGS["fashion"].past, epochs=1, batch_size=8),
        task=dataclasses.replace(SETTINGS["fashion"].task, epochs=1, batch_size=4),
    )  # fmt: skip
    record = measure(settings, Splits(made_up(9, 0), made_up(5, 1)))
    assert {way: len(found) for way, found in record["accuracy"].items()} == {
        "from scratch": 1, "fine-tuned": 1, "head alone": 1,
    }  # fmt: skip
    assert (record["past_images"], record["images"], record["test_images"]) == (18, 8, 10)


def test_the_table_is_that_of_the_records():
    table = (HERE / "README.md").read_text("utf-8").split(BEGIN)[1].split(END)[0]
    records = {path.stem: json.loads(path.read_text("utf-8")) for path in RESULTS.glob("*.json")}
    assert set(records) == set(SETTINGS)
    for name, record in records.items():
        assert line(name, record) in table
