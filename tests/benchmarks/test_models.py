"""The figures in the table of models, as far as they are published."""

import pytest

from benchmarks.models import field
from cnnjax.models import build
from cnnjax.summary import summary

# Multiply-adds in millions, as torchvision gives them.
MILLIONS = {"vgg16": 15_470, "resnet50": 4_089, "mobilenet_v2": 301, "convnext": 4_456}


@pytest.mark.parametrize("name", MILLIONS)
def test_multiply_adds_are_the_published_ones(name):
    found = summary(build(name, classes=1000)).multiply_adds / 1e6
    assert found == pytest.approx(MILLIONS[name], rel=0.002)


def test_the_field_is_that_of_the_last_window():
    # Araujo, Norris and Sim (Distill 2019): 212 for VGG-16.
    assert field(build("vgg16", classes=10)) == 212
