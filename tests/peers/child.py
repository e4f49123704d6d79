"""A contestant that is a Python library: loads the network, then runs clips.

Its argument is a JSON object, the spec. The first line that it writes is an
object with what the first clip gave; for each line "run N" that it reads it
writes one with what N calls took. So does p3dc/main.go.
"""

import importlib
import itertools
import json
import os
import sys
import threading
import time

BEGIN = time.perf_counter()


def measure(streams, n):
    """Runs n calls over all streams, each of which takes the next when it is done with its last."""
    ms, taken = [0.0] * n, itertools.count()

    def work(run):
        while (i := next(taken)) < n:
            begin = time.perf_counter()
            run()
            ms[i] = 1e3 * (time.perf_counter() - begin)

    begin = time.perf_counter()
    if len(streams) == 1:
        work(streams[0])
    else:
        threads = [threading.Thread(target=work, args=(run,)) for run in streams]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    return {"ms": ms, "wall_ms": 1e3 * (time.perf_counter() - begin)}


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not mix with answers
    spec = json.loads(sys.argv[1])
    library = importlib.import_module("with_" + spec["library"])
    imported = time.perf_counter()
    streams = library.load(spec)
    loaded = time.perf_counter()
    logits = [row.tolist() for run in streams for row in run()]
    ready = {
        "versions": library.versions(),
        "logits": logits,
        "layout": getattr(streams[0], "layout", ""),
        "import_ms": 1e3 * (imported - BEGIN),
        "load_ms": 1e3 * (loaded - imported),
        "first_ms": 1e3 * (time.perf_counter() - loaded),
    }
    print(json.dumps(ready), file=answers)
    for line in sys.stdin:
        print(json.dumps(measure(streams, int(line.split()[1]))), file=answers)


if __name__ == "__main__":
    main()
