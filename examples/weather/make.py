"""Makes weather.csv.gz from the copy of the data that scikit-multiflow ships; README.md says what it holds.

    python3 -m venv /tmp/weather
    /tmp/weather/bin/pip install pandas==3.1.1 numpy==2.4.6 scikit-learn==1.7.2 setuptools==80.9.0
    /tmp/weather/bin/pip download --no-deps --no-binary :all: --no-build-isolation -d /tmp/weather scikit-multiflow==0.4.1
    /tmp/weather/bin/python examples/weather/make.py /tmp/weather/scikit-multiflow-0.4.1.tar.gz
"""

import gzip
import hashlib
import io
import pathlib
import sys
import tarfile

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

# What was read when weather.csv.gz was made: another archive would be another file.
SHA256 = "ed4f791107cb7f789f0bb0620c50e743a4d397905146a4d06c62eb98607aa101"
INPUTS = ["temperature", "dew_point", "pressure", "visibility", "wind", "max_wind", "warmest", "coldest"]

raw = pathlib.Path(sys.argv[1]).read_bytes()
if hashlib.sha256(raw).hexdigest() != SHA256:
    sys.exit(f"{sys.argv[1]}: not the archive that README.md names")
with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
    d = pd.read_csv(tar.extractfile("scikit-multiflow-0.4.1/src/skmultiflow/data/datasets/weather.csv"))
d.columns = [*INPUTS, "rain"]
d.insert(0, "at", pd.date_range("1949-01-01", periods=len(d)))

seen = d["at"] < "1959"
model = HistGradientBoostingClassifier(max_depth=3, max_iter=60, early_stopping=False, random_state=0)
model.fit(d.loc[seen, INPUTS], d.loc[seen, "rain"])
d.insert(len(d.columns) - 1, "score", model.predict_proba(d[INPUTS])[:, 1].round(3))

text = d.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")
path = pathlib.Path(__file__).with_name("weather.csv.gz")
with open(path, "wb") as f, gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=f, mtime=0) as z:
    z.write(text.encode())
print(f"{len(d)} rows, {path.stat().st_size} bytes")
