"""A model of one's own, as the README shows it, trains, is saved and comes back."""

import re
from pathlib import Path

import numpy as np
import pytest

from cnnjax import data, models
from cnnjax.checkpoint import load_model
from cnnjax.train import TrainConfig, fit

README = Path(models.__file__).with_name("README.md")


@pytest.mark.parametrize("image", [(10, 10, 3), (11, 14, 3), (9, 9, 3)])
def test_the_model_in_the_readme_trains_and_comes_back(image, tmp_path, monkeypatch):
    monkeypatch.setitem(models.MODELS, "mine", None)  # which is as before after the test
    [snippet] = re.findall(r"^```python own\n(.*?)^```$", README.read_text("utf-8"), re.M | re.S)
    namespace = {}
    exec(compile(snippet, str(README), "exec"), namespace)
    splits = data.load("patterns", size=image[:2], limit=40)
    model = namespace["mine"](classes=len(splits.train.classes), image=image)
    result = fit(model, splits, TrainConfig(epochs=1, batch_size=8), out=tmp_path, progress=False)
    images = result.preprocessing(splits.test.images[:3])
    assert set(model.features(result.params, images)) == {"conv", "dense"}
    back = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(
        back.model.apply(back.params, images), model.apply(result.params, images)
    )
