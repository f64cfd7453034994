"""Reads our digests and writes its own: exchange.py FOLDER.

For every NAME.values (float64, little endian) in the folder it reads NAME.double and NAME.float, which we wrote, says what it sees in
them in NAME.json, and writes its own digests of the values to NAME.their-double and NAME.their-float.
"""

import json
import pathlib
import sys

import datasketches
import numpy as np

SHARES = [0.01, 0.1, 0.5, 0.9, 0.99]

for path in pathlib.Path(sys.argv[1]).glob("*.values"):
    values = np.fromfile(path, dtype="<f8")
    seen = {}
    for kind, of in (("double", datasketches.tdigest_double), ("float", datasketches.tdigest_float)):
        digest = of.deserialize(path.with_suffix("." + kind).read_bytes())
        said = {"N": digest.get_total_weight(), "K": digest.k}
        if not digest.is_empty():
            said |= {"Min": digest.get_min_value(), "Max": digest.get_max_value(), "Quantiles": [digest.get_quantile(q) for q in SHARES]}
            more = of(200)
            more.merge(digest)  # it can work with what it read
            said["Merged"] = more.get_total_weight()
        seen[kind] = said
        theirs = of(200)
        for v in values:
            theirs.update(v)
        path.with_suffix(".their-" + kind).write_bytes(theirs.serialize())
    path.with_suffix(".json").write_text(json.dumps(seen))
