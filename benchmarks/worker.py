"""One contender in a process of its own: allocator, threads and peak memory are nobody else's.

    python -m benchmarks.worker '{"peer": "lax", "network": "notes", "training": true, "batch": 32}'

Answers each line of standard input with a line of JSON: at the start {"first": seconds of the
first call, compilation and all}; for "go" {"wall": ms, "cpu": ms} of a call, the mean of as many as
fill a moment, after one that does not count: threads that have slept are slow to spread over the
cores; for "end" the peak memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

_MOMENT = 0.3  # seconds


def main() -> None:
    job = json.loads(sys.argv[1])
    from benchmarks.peers import Job, build

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=out, flush=True)

    out = sys.stdout
    sys.stdout = sys.stderr  # libraries may print
    try:
        call = build(Job(**job))
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        call()
        answer(first=time.perf_counter() - start)
        call()
    except Exception as error:  # a peer that is not installed, or cannot do this job
        answer(error=f"{type(error).__name__}: {error}".splitlines()[0][:200])
        return
    for line in sys.stdin:
        if line.strip() == "end":
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            answer(peak_mb=peak / 1024, before_mb=base / 1024)
            return
        call()
        worked, started = time.process_time(), time.perf_counter()
        calls, wall = 0, 0.0
        while wall < _MOMENT:
            call()
            calls, wall = calls + 1, time.perf_counter() - started
        cpu = time.process_time() - worked
        answer(wall=1e3 * wall / calls, cpu=1e3 * cpu / calls)


if __name__ == "__main__":
    main()
