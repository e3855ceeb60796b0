"""The process in which a user's functions are called: `python -P child.py FOLDER`.

Run as a file, so that nothing is imported from the current folder. The folder holds the task, and
gets the answer: a file that is renamed into its place once it is whole, which a function can
neither close nor print into. The process then ends at once, whatever was left to be done at exit.
"""

from __future__ import annotations

import json
import os
import sys
import threading


def _end_with_parent(pipe: int) -> None:
    """Waits for the parent's end of the pipe to be closed."""
    try:
        os.read(pipe, 1)
    except OSError:  # somebody closed this end
        return
    os._exit(1)


def _no_input() -> int:
    """Takes the parent's pipe out of the functions' reach: they find an empty standard input."""
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return pipe


def main(folder: str) -> None:
    watch = threading.Thread(target=_end_with_parent, args=(_no_input(),), daemon=True)
    watch.start()
    with open(os.path.join(folder, "task.json"), encoding="utf-8") as file:
        task = json.load(file)
    sys.path[:] = task["path"]
    sys.argv[:] = ["verify"]
    from verify.cli.tasks import perform

    answer = perform(task["command"], task["options"])
    unfinished = os.path.join(folder, "answer.unfinished")
    with open(unfinished, "w", encoding="utf-8") as file:
        json.dump(vars(answer), file)
    os.replace(unfinished, os.path.join(folder, "answer.json"))
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
