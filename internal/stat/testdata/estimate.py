"""What NannyML's CBPE estimates on the repository's own tables: the oracle of estimate.go.

    python3 -m venv /tmp/nannyml && /tmp/nannyml/bin/pip install -r internal/stat/testdata/requirements-estimate.txt
    /tmp/nannyml/bin/python internal/stat/testdata/estimate.py > internal/stat/testdata/estimate.json

A table's first `reference` rows teach, the rest is estimated in chunks of `chunk` rows. The test reads the same rows. No outcome of a chunk is
shown to either; `realized` is what they came to.
"""

import json
import os
import pathlib
import sys
import warnings

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # it would tell its makers

import nannyml  # noqa: E402
import pandas  # noqa: E402

warnings.filterwarnings("ignore")
EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "examples"
TABLES = [  # name, table, score, label, threshold, rows before, reference, chunk
    ("electricity", "electricity", "score", "up", 0.5, 8640, 5088, 1008),
    ("electricity-challenger", "electricity", "challenger", "up", 0.5, 8640, 5088, 1008),
    ("census", "census", "score", "label", 0.3, 0, 50_000, 10_000),
    ("covtype", "covtype", "score", "label", 0.5, 0, 40_000, 10_000),
]
METRICS = ["roc_auc", "f1", "precision", "recall", "specificity", "accuracy"]


def main():
    out = {"nannyml": nannyml.__version__, "tables": []}
    for name, table, score, label, threshold, skip, reference, chunk in TABLES:
        rows = pandas.read_csv(EXAMPLES / table / f"{table}.csv.gz", usecols=[score, label]).iloc[skip:].reset_index(drop=True)
        rows = rows.rename(columns={score: "p", label: "y"})
        rows["d"] = (rows.p >= threshold).astype(int)
        cbpe = nannyml.CBPE(metrics=METRICS, y_pred_proba="p", y_pred="d", y_true="y", problem_type="classification_binary", chunk_size=chunk)
        cbpe.fit(rows.iloc[:reference])
        rest = rows.iloc[reference:].reset_index(drop=True)
        rest = rest.iloc[: len(rest) // chunk * chunk]
        got = cbpe.estimate(rest.drop(columns="y")).filter(period="analysis").to_df()
        true = nannyml.PerformanceCalculator(metrics=METRICS, y_pred_proba="p", y_pred="d", y_true="y", problem_type="classification_binary", chunk_size=chunk)
        real = true.fit(rows.iloc[:reference]).calculate(rest).filter(period="analysis").to_df()
        out["tables"].append({
            "name": name, "table": table, "score": score, "label": label, "threshold": threshold, "skip": skip, "reference": reference, "chunk": chunk,
            "recalibrated": bool(cbpe.needs_calibration) if hasattr(cbpe, "needs_calibration") else None,
            "estimated": {m: [round(float(v), 9) for v in got[m]["value"]] for m in METRICS},
            "realized": {m: [round(float(v), 9) for v in real[m]["value"]] for m in METRICS},
        })
    json.dump(out, sys.stdout, indent=1)
    print()


main()
