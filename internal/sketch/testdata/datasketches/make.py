"""Writes digests by Apache DataSketches, and digests.json with what is true of the values in them.

    python3 -m venv v && v/bin/pip install datasketches==5.2.0 numpy==2.4.6 && v/bin/python make.py

Bounds are exact quantiles of the values a little below and above each q: a reader's quantile must lie between them.
"""

import json

import datasketches
import numpy as np

rng = np.random.default_rng(7)
STREAMS = {
    "empty": np.array([]),
    "one": np.array([3.5]),
    "three": np.array([2.0, -1.0, 2.0]),
    "sorted": np.arange(20000.0),
    "reversed": np.arange(20000.0)[::-1],
    "constant": np.full(5000, 7.25),
    "two_points": np.repeat([0.0, 1.0], [7000, 3000]),
    "normal": rng.standard_normal(50000),
    "pareto": rng.pareto(1.0, 50000) + 1,
    "offset": 1e9 + rng.integers(-1, 2, 20000).astype(float),
}
SLACK = {0.01: 0.002, 0.1: 0.005, 0.5: 0.006, 0.9: 0.005, 0.99: 0.002}

out = {}
for name, values in STREAMS.items():
    for kind, make, dtype in (("double", datasketches.tdigest_double, np.float64), ("float", datasketches.tdigest_float, np.float32)):
        for k in (100, 200):
            if kind == "float" and name == "offset":
                continue  # a float doesn't tell its values apart
            kept = values.astype(dtype).astype(np.float64)
            digest = make(k)
            for v in kept:
                digest.update(v)
            file = f"{name}-{k}.{kind}"
            with open(file, "wb") as f:
                f.write(digest.serialize())
            entry = {"N": len(kept), "Min": 0.0, "Max": 0.0, "Bounds": {}}
            if len(kept):
                entry["Min"], entry["Max"] = kept.min(), kept.max()
                slack = {q: s * 200 / k + 2 / len(kept) for q, s in SLACK.items()}
                for q, s in slack.items():
                    low, high = np.quantile(kept, [max(q - s, 0), min(q + s, 1)], method="inverted_cdf")
                    entry["Bounds"][f"q{q}"] = {"Q": q, "Low": low, "High": high}
            out[file] = entry
with open("digests.json", "w") as f:
    json.dump(out, f, indent=1)
    f.write("\n")
