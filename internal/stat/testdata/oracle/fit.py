"""Rows of real data with what fitted models say of them. Usage: python fit.py DIR (default: the folder of this file)

Writes one CSV per data set. Scores are whole numbers of 2^-20, so that sums in fixed point lose nothing; predictions of a number and
what they are held against are whole numbers of 2^-10. Seeds and folds are fixed. Fitting uses floating point that another processor may
round otherwise: `oracle.py --check` allows scores a distance of 2^-10, and nothing else.

  breast  569 tumours (W. N. Street, W. H. Wolberg, O. L. Mangasarian 1993), as shipped with scikit-learn; logistic regression, 5 folds
  digits  1,797 handwritten digits (E. Alpaydin, C. Kaynak 1998), as shipped with scikit-learn; logistic regression, 5 folds
  wine    178 wines of three growers (M. Forina et al. 1991), as shipped with scikit-learn; naive Bayes, 5 folds
  diabetes 442 patients (B. Efron et al. 2004), as shipped with scikit-learn; linear and quantile regression, 5 folds
  census  every 20th row of examples/census with its own score and decision, and four columns as numbers
  price   every 9th row of examples/electricity with its own score
  demand  the demand in New South Wales of every 9th half-hour of examples/electricity, told from the half-hour before
"""

import csv
import gzip
import pathlib
import sys

import numpy as np
from sklearn import datasets, linear_model, model_selection, naive_bayes, pipeline, preprocessing

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parents[3] / "examples"
UNIT = 1 << 20


def fixed(p):
    return np.rint(np.asarray(p) * UNIT).astype(int)


def proportions(p):
    """Whole numbers of 2^-20 that add up to 1: what rounding leaves goes to the largest."""
    out = fixed(p)
    rows = np.arange(len(out))
    out[rows, out.argmax(axis=1)] += UNIT - out.sum(axis=1)
    return out


def folds(stratified):
    kind = model_selection.StratifiedKFold if stratified else model_selection.KFold
    return kind(n_splits=5, shuffle=True, random_state=7)


def logistic():
    return pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression(C=0.1, solver="newton-cholesky", tol=1e-8, max_iter=100))


def outside(model, data, target, method, stratified=True):
    return model_selection.cross_val_predict(model, data, target, cv=folds(stratified), method=method)


def breast():
    x, y = datasets.load_breast_cancer(return_X_y=True)
    p = outside(logistic(), x, y, "predict_proba")[:, 1]
    return ["score", "label"], zip(fixed(p), y)


def several(load, model):
    x, y = load(return_X_y=True)
    p = proportions(outside(model, x, y, "predict_proba"))
    return ["label"] + [f"s{i}" for i in range(p.shape[1])], ([label, *row] for label, row in zip(y, p))


def digits():
    return several(datasets.load_digits, logistic())


def wine():
    return several(datasets.load_wine, naive_bayes.GaussianNB(var_smoothing=1e-2))


def thousandths(v):
    return np.rint(np.asarray(v) * 1024).astype(int)


def diabetes():
    x, y = datasets.load_diabetes(return_X_y=True)
    middle = outside(linear_model.LinearRegression(), x, y, "predict", False)
    low, high = (outside(linear_model.QuantileRegressor(quantile=q, alpha=0.01), x, y, "predict", False) for q in (0.1, 0.9))
    return ["predicted", "low", "high", "actual"], zip(*(thousandths(v) for v in (middle, low, high, y)))


def table(name):
    with gzip.open(EXAMPLES / name / f"{name}.csv.gz", "rt", newline="") as f:
        return list(csv.DictReader(f))


def census():
    rows = table("census")[::20]
    names = ["sex", "race", "marital_status", "education"]
    codes = {name: {v: i for i, v in enumerate(sorted({r[name] for r in rows}))} for name in names}
    out = ([fixed(float(r["score"])), r["decision"], r["label"]] + [codes[name][r[name]] for name in names] for r in rows)
    return ["score", "decision", "label"] + names, out


def price():
    rows = table("electricity")[::9]
    return ["score", "label"], ([fixed(float(r["score"])), r["up"]] for r in rows)


def demand():
    rows = table("electricity")
    at = range(9, len(rows), 9)
    value = [thousandths(100 * float(r["nswdemand"])) for r in rows]
    half = thousandths(4)
    return ["predicted", "low", "high", "actual"], ([value[i - 1], value[i - 1] - half, value[i - 1] + half, value[i]] for i in at)


SETS = dict(breast=breast, digits=digits, wine=wine, diabetes=diabetes, census=census, price=price, demand=demand)


def main(folder):
    for name, make in SETS.items():
        header, rows = make()
        with open(folder / f"{name}.csv", "w", newline="") as f:
            out = csv.writer(f, lineterminator="\n")
            out.writerow(header)
            out.writerows(rows)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
