"""Callbacks get every row, JSON lines hold each epoch once, TensorBoard's files are read back."""

import json
import struct

import pytest

from cnnjax.train import TrainConfig, fit
from cnnjax.train.callbacks import JsonLines, TensorBoard
from cnnjax.train.events import masked_crc32c


def quick():
    return TrainConfig(epochs=2, batch_size=16)


def test_rows_are_those_of_the_history_and_one_may_be_told_twice(toy, tmp_path):
    given, rows, log = (toy.plain(), toy.splits(), quick()), [], tmp_path / "log.jsonl"
    told = [rows.append, JsonLines(log)]
    result = fit(*given, out=tmp_path / "run", progress=False, callbacks=told)
    assert rows == list(result.history)
    assert [json.loads(line) for line in log.read_text().splitlines()] == rows
    fit(*given, out=tmp_path / "run", resume=True, progress=False, callbacks=told)
    assert rows == [*result.history, result.history[-1]]
    assert [json.loads(line) for line in log.read_text().splitlines()] == list(result.history)


def test_an_error_in_a_callback_loses_nothing(toy, tmp_path):
    given = (toy.plain(), toy.splits(), quick())
    with pytest.raises(ZeroDivisionError) as caught:
        fit(*given, out=tmp_path, progress=False, callbacks=[lambda row: 1 / 0])
    assert caught.value.__notes__ == [
        f"fit: in a callback after epoch 1; the run is saved in {tmp_path}"
    ]
    rows = []
    fit(*given, out=tmp_path, resume=True, progress=False, callbacks=[rows.append])
    assert [row["epoch"] for row in rows] == [1, 2]


def test_a_new_run_replaces_the_lines_of_an_old_one(tmp_path):
    log = JsonLines(tmp_path / "below" / "log.jsonl")
    for epoch in (1, 2, 3, 1, 2):
        log({"epoch": epoch, "loss": 0.5})
    assert [json.loads(line)["epoch"] for line in log.path.read_text().splitlines()] == [1, 2]


@pytest.mark.parametrize("content", ["a shopping list\n", "[1]\n", '{"loss": 1}\n'])
def test_a_file_of_something_else_is_left_as_it_is(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"notes.txt holds a line that is no row.*another file"):
        JsonLines(path)({"epoch": 1})
    assert path.read_text() == content


ROWS = [
    {"epoch": epoch, "step": 300 * epoch, "loss": 0.5 / epoch, "test_accuracy": 0.25}
    for epoch in (1, 2)
]


def records(content):
    """The events of a file, their checksums looked at (by the library's own function, which the
    published value for "123456789" tells right: its doctest)."""
    while content:
        head, content = content[:12], content[12:]
        assert masked_crc32c(head[:8]) == int.from_bytes(head[8:], "little")
        length = int.from_bytes(head[:8], "little")
        event, crc, content = content[:length], content[length : length + 4], content[length + 4 :]
        assert masked_crc32c(event) == int.from_bytes(crc, "little")
        yield event


def fields(message):
    """(number, value) of a protocol buffer: varints, 8 and 4 bytes, strings."""

    def varint():
        nonlocal message
        value, shift = 0, 0
        while True:
            byte, message = message[0], message[1:]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while message:
        number, kind = divmod(varint(), 8)
        if kind == 0:
            yield number, varint()
            continue
        size = {1: 8, 5: 4}.get(kind) or varint()
        value, message = message[:size], message[size:]
        yield number, value


def numbers(folder):
    """{(name, step): value}, as TensorBoard reads a folder: files in order, restarts respected."""
    found = {}
    for path in sorted(folder.iterdir()):
        for number, event in enumerate(records(path.read_bytes())):
            parts = dict(fields(event))
            assert 1e9 < struct.unpack("<d", parts[1])[0] < 1e10  # the time
            if number == 0:
                assert parts[3] == b"brain.Event:2"
            elif 7 in parts:
                assert dict(fields(parts[7])) == {
                    1: 1
                }  # a session starts: later steps are forgotten
                found = {key: v for key, v in found.items() if key[1] < parts[2]}
            else:
                for _, value in fields(parts[5]):
                    inner = dict(fields(value))
                    name = inner[1].decode()
                    found[name, parts[2]] = struct.unpack("<f", inner[2])[0]
    return found


def expected(rows):
    return {(name, row["step"]): row[name] for row in rows for name in ("loss", "test_accuracy")}


def test_tensorboard_files_hold_the_numbers_as_soon_as_they_are_told(tmp_path):
    log = TensorBoard(tmp_path)
    for number, row in enumerate(ROWS, 1):
        log(row)
        assert numbers(tmp_path) == expected(ROWS[:number])


def test_a_second_process_goes_on_in_a_file_of_its_own(tmp_path):
    first, second = TensorBoard(tmp_path), TensorBoard(tmp_path)
    for row in ROWS:
        first(row)
    second({**ROWS[1], "loss": 0.125})  # resumed: the last epoch once more
    assert len(list(tmp_path.iterdir())) == 2
    assert numbers(tmp_path) == expected([ROWS[0], {**ROWS[1], "loss": 0.125}])


def test_another_implementation_reads_the_same(tmp_path):
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    log = TensorBoard(tmp_path)
    for row in ROWS:
        log(row)
    (path,) = tmp_path.iterdir()
    events = [event_pb2.Event.FromString(event) for event in records(path.read_bytes())]
    assert events[1].session_log.status == event_pb2.SessionLog.START
    found = {(v.tag, e.step): v.simple_value for e in events for v in e.summary.value}
    assert found == expected(ROWS)
