"""The sample claims, settled once, and the page that they make."""

import pytest

from tests.verify.report import document, sample
from verify import report


@pytest.fixture(scope="session")
def settled(tmp_path_factory):
    return sample.settled(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="session")
def page_file(settled, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    report.write(settled, path)
    return path


@pytest.fixture(scope="session")
def page(page_file):
    return document.parse(page_file.read_text(encoding="utf-8"))
