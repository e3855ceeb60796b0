"""A table of image files and labels: forms that tables have, and the line of every fault."""

import numpy as np
import pytest

from cnnjax.data import DataError, load
from cnnjax.notices import Notice
from tests.cnnjax.data.conftest import write_images


@pytest.fixture
def table(tmp_path, rng):
    """Writes a table beside twelve images of 6x8; answers with its path."""
    write_images(tmp_path / "all", 12, rng)

    def write(text, encoding="utf-8"):
        (tmp_path / "table.csv").write_bytes(text.encode(encoding))
        return tmp_path / "table.csv"

    return write


def rows(separator=",", labels=("cat", "dog", "eel"), splits=None):
    lines = []
    for i in range(12):
        cells = [f"all/{i}.png", labels[i % len(labels)]] + ([splits[i]] if splits else [])
        lines.append(separator.join(cells))
    return "\n".join(lines) + "\n"


FORMS = {
    "no header": rows(),
    "a header": "file,label\n" + rows(),
    "other names and an empty line": "Image_Path,Class\n\n" + rows(),
    "semicolons": "filename;category\n" + rows(";"),
    "tabs and CRLF": ("path\tlabel\n" + rows("\t")).replace("\n", "\r\n"),
    "a byte-order mark": "\ufefffile,label\n" + rows(),
    "quotes": 'file,label\n' + rows().replace("cat", '"cat"'),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(table, form):
    splits = load(f"csv:{table(FORMS[form])}")
    assert splits.train.classes == ("cat", "dog", "eel")
    assert np.bincount(splits.train.labels).tolist() == [3, 3, 3]
    assert np.bincount(splits.test.labels).tolist() == [1, 1, 1]


def test_columns_may_come_in_any_order_among_others(table):
    lines = [f"{i},{'ab'[i % 2]},all/{i}.png,x" for i in range(12)]
    splits = load(f"csv:{table('id,y,img,note' + chr(10) + chr(10).join(lines))}")
    assert splits.train.classes == ("a", "b")


def test_a_split_column_is_kept_and_validation_left_alone(table):
    given = ["train"] * 6 + ["Test"] * 3 + ["val"] * 3
    text = "file,label,split\n" + rows(splits=given)
    with pytest.warns(Notice, match="3 images are for validation"):
        splits = load(f"csv:{table(text)}")
    assert (len(splits.train), len(splits.test)) == (6, 3)
    splits = load(f"csv:{table(text.replace('Test', 'train'))}")
    assert (len(splits.train), len(splits.test)) == (9, 3)


def test_numbers_are_in_the_order_of_numbers(table):
    splits = load(f"csv:{table(rows(labels=('10', '9', '2')))}")
    assert splits.train.classes == ("2", "9", "10")


def test_a_label_that_would_act_on_a_terminal_is_escaped(table):
    splits = load(f"csv:{table(rows(labels=('a', 'b' + chr(27) + '[2J')))}")
    assert splits.train.classes == ("a", "b\\x1b[2J")


FAULTS = {
    "a file that is not there": (rows() + "gone.png,cat\n", "line 13: .*gone.png does not exist"),
    "a file twice": (rows() + "all/3.png,cat\n", "line 13: all/3.png was already in line 4"),
    "an empty label": (rows() + "all/3.png,\n", "line 13: the label is empty"),
    "an empty file": (rows() + ",cat\n", "line 13: the file is empty"),
    "a folder": (rows() + "all,cat\n", "line 13: .*all is no regular file"),
    "a cell too few": (rows() + "cat\n", "line 13: has 1 columns, expected 2"),
    "an open quote": (rows() + '"all/3.png,cat\n', "not a table"),
    "no columns known": ("a,b\n1,2\n", r"line 1: a, b: expected the names of the columns"),
    "nothing": ("", "lists no images"),
    "a header alone": ("file,label\n", "lists no images"),
    "an unknown split": (rows(splits=["train"] * 11 + ["spare"]), "line 12: split 'spare'"),
    "nothing to test": (rows(splits=["train"] * 12), "no image is for testing"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_the_line_of_a_fault_is_named(table, kind):
    text, words = FAULTS[kind]
    with pytest.raises(DataError, match=words) as caught:
        load(f"csv:{table(text)}")
    assert "table.csv" in str(caught.value)


def test_another_encoding_is_named(table):
    with pytest.raises(DataError, match="not UTF-8"):
        load(f"csv:{table(rows(labels=('é', 'b')), 'latin-1')}")
