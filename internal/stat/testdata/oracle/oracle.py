"""What scikit-learn, fairlearn and scipy say of the rows that fit.py wrote. Usage, with what requirements.txt names installed:

  python oracle.py          reads DIR/*.csv, writes DIR/oracle.json (DIR is the folder of this file)
  python oracle.py --check  fits the models again and computes the values again; exit code 1 if either differs from what is committed: a score by
                            more than 2^-10, any value by more than 1e-9 of itself

Where a library has the metric it is asked; where none has (classification of calibration, bias, Spiegelhalter's z and the like) the definition is
written out over rows. Standard errors are the delta method's, by differentiating the library's metric numerically in the weights of the
rows: no formula of package stat is used.
"""

import csv
import json
import math
import pathlib
import sys
import tempfile
import warnings

import fit
import numpy as np
from fairlearn import metrics as fair
from scipy import optimize, special, stats
from sklearn import calibration, metrics

HERE = pathlib.Path(__file__).resolve().parent
LEAST = 2.0**-31
COSTS = dict(fp=40.0, fn=90.0, tp=-10.0, tn=0.5)


def read(name, folder=HERE):
    with open(folder / f"{name}.csv", newline="") as f:
        rows = csv.reader(f)
        header = next(rows)
        columns = np.array([[int(v) for v in r] for r in rows]).T
    return dict(zip(header, columns))


def delta(metric, a, b):
    """metric(a, b, weights of the rows) and its standard error: rows that are alike are one with their number as weight, and the derivative by
    each weight is taken numerically."""
    cells, counts = np.unique(np.stack([a, b], axis=1), axis=0, return_counts=True)
    counts = counts.astype(float)
    grad = np.zeros(len(cells))

    def at(i, h):
        w = counts.copy()
        w[i] += h
        return metric(cells[:, 0], cells[:, 1], w)

    for i in range(len(cells)):
        h = 1e-3
        grad[i] = (8 * (at(i, h) - at(i, -h)) - (at(i, 2 * h) - at(i, -2 * h))) / (12 * h)
    mean = counts @ grad / counts.sum()
    return math.sqrt(counts @ (grad - mean) ** 2)


def both(metric, a, b):
    return [float(metric(a, b, np.ones(len(a)))), delta(metric, a, b)]


def decisions(y, d):
    """Metrics of decisions, and their standard errors."""
    table = dict(
        accuracy=lambda y, d, w: metrics.accuracy_score(y, d, sample_weight=w),
        balanced_accuracy=lambda y, d, w: metrics.balanced_accuracy_score(y, d, sample_weight=w),
        precision=lambda y, d, w: metrics.precision_score(y, d, sample_weight=w),
        recall=lambda y, d, w: metrics.recall_score(y, d, sample_weight=w),
        specificity=lambda y, d, w: metrics.recall_score(y, d, pos_label=0, sample_weight=w),
        npv=lambda y, d, w: metrics.precision_score(y, d, pos_label=0, sample_weight=w),
        false_omission_rate=lambda y, d, w: 1 - metrics.precision_score(y, d, pos_label=0, sample_weight=w),
        false_positive_rate=lambda y, d, w: fair.false_positive_rate(y, d, sample_weight=w),
        false_negative_rate=lambda y, d, w: fair.false_negative_rate(y, d, sample_weight=w),
        positive_rate=lambda y, d, w: fair.selection_rate(y, d, sample_weight=w),
        f1=lambda y, d, w: metrics.f1_score(y, d, sample_weight=w),
        f2=lambda y, d, w: metrics.fbeta_score(y, d, beta=2, sample_weight=w),
        f05=lambda y, d, w: metrics.fbeta_score(y, d, beta=0.5, sample_weight=w),
        mcc=lambda y, d, w: metrics.matthews_corrcoef(y, d, sample_weight=w),
    )
    return {name: both(f, y, d) for name, f in table.items()}


def delong(y, s):
    a, b = s[y == 1], s[y == 0]
    wins = (a[:, None] > b[None, :]) + (a[:, None] == b[None, :]) / 2
    return math.sqrt(wins.mean(axis=1).var(ddof=1) / len(a) + wins.mean(axis=0).var(ddof=1) / len(b))


def binned(s):
    """64 bins of one width, closed on the right."""
    return np.clip(np.ceil(s * 64).astype(int) - 1, 0, 63)


def mass_groups(s, k):
    """At most k groups of whole distinct scores: one closes with the score that takes the count to its share."""
    groups, open_, done = [], [], 0
    for v in np.unique(s):
        at = np.flatnonzero(s == v)
        open_.append(at)
        done += len(at)
        if done * k >= len(s) * (len(groups) + 1):
            groups.append(np.concatenate(open_))
            open_ = []
    return groups


def calibrate(y, s):
    x = special.logit(np.clip(s, 1e-6, 1 - 1e-6))

    def loss(t):
        u = t[0] + t[1] * x
        return np.sum(np.logaddexp(0, np.where(y == 1, -u, u)))

    def gradient(t):
        r = special.expit(t[0] + t[1] * x) - y
        return np.array([r.sum(), r @ x])

    def hessian(t):
        p = special.expit(t[0] + t[1] * x)
        w = p * (1 - p)
        return np.array([[w.sum(), w @ x], [w @ x, w @ (x * x)]])

    t = np.array([0.0, 1.0])
    t = optimize.minimize(loss, t, jac=gradient, hess=hessian, method="trust-exact", options=dict(gtol=1e-10)).x
    for _ in range(3):
        t = t - np.linalg.solve(hessian(t), gradient(t))
    r = y - special.expit(t[0] + t[1] * x)
    scores = np.stack([r, r * x])
    bread = np.linalg.inv(hessian(t))
    cov = bread @ (scores @ scores.T) @ bread
    return t, np.sqrt(np.diag(cov))


def score_metrics(y, s):
    """Metrics of a score, over all thresholds."""
    n = len(y)
    clipped = np.clip(s, LEAST, 1 - LEAST)
    out = {}
    out["roc_auc"] = [metrics.roc_auc_score(y, s), delong(y, s)]
    out["pr_auc"] = [metrics.average_precision_score(y, s), None]
    loss = np.where(y == 1, -np.log(clipped), -np.log1p(-clipped))
    out["log_loss"] = [metrics.log_loss(y, clipped), loss.std() / math.sqrt(n)]
    out["brier"] = [metrics.brier_score_loss(y, s), ((y - s) ** 2).std() / math.sqrt(n)]
    out["calibration_bias"] = [float((y - s).mean()), (y - s).std() / math.sqrt(n)]
    out["label_rate"] = [float(y.mean()), y.std() / math.sqrt(n)]
    true, told = calibration.calibration_curve(y, s, n_bins=10, strategy="uniform")
    sizes = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], s), minlength=10)
    out["ece"] = [float(np.abs(true - told) @ sizes[sizes > 0] / n), None]
    gap, squares, weight = 0.0, 0.0, 0
    for at in mass_groups(s, 10):
        g = y[at].mean() - s[at].mean()
        gap += len(at) * abs(g)
        if len(at) > 1:
            squares += len(at) * (g * g - y[at].var(ddof=1) / len(at))
            weight += len(at)
    out["ece_equal_mass"] = [gap / n, None]
    out["ece_debiased"] = [math.sqrt(max(0, squares / weight)), None]
    z = ((y - s) * (1 - 2 * s)).sum() / math.sqrt(((1 - 2 * s) ** 2 * s * (1 - s)).sum())
    out["spiegelhalter_z"] = [z, None]
    (a, b), (sa, sb) = calibrate(y, s)
    out["calibration_intercept"] = [a, sa]
    out["calibration_slope"] = [b, sb]
    base = y.mean()
    rel = res = wbv = wbc = 0.0
    bins = binned(s)
    for b in np.unique(bins):
        at = bins == b
        w = at.mean()
        rel += w * (y[at].mean() - s[at].mean()) ** 2
        res += w * (y[at].mean() - base) ** 2
        wbv += w * s[at].var()
        wbc += w * 2 * np.mean((s[at] - s[at].mean()) * (y[at] - y[at].mean()))
    parts = dict(reliability=rel, resolution=res, uncertainty=base * (1 - base), within_variance=wbv, within_covariance=wbc)
    assert abs(rel - res + parts["uncertainty"] + wbv - wbc - out["brier"][0]) < 1e-9
    return out, {k: float(v) for k, v in parts.items()}


def cost(y, d):
    c = np.where(d == 1, np.where(y == 1, COSTS["tp"], COSTS["fp"]), np.where(y == 1, COSTS["fn"], COSTS["tn"]))
    return [float(c.mean()), c.std() / math.sqrt(len(c))]


def edges(y, s):
    """Every threshold at an edge of 64 bins: decisions and costs."""
    bins = binned(s)
    costs, f1 = [], []
    for e in range(65):
        d = (bins >= e).astype(int)
        costs.append(cost(y, d))
        f1.append(metrics.f1_score(y, d, zero_division=0))
    pair = np.where(y == 1, COSTS["fn"] - COSTS["tp"], COSTS["tn"] - COSTS["fp"]) * ((bins >= 20) & (bins < 40))
    return dict(cost=costs, f1=f1, between=[float(pair.mean()), pair.std() / math.sqrt(len(y))])


def binary(name, rows):
    y, s = rows["label"], rows["score"] / fit.UNIT
    d = rows.get("decision", (rows["score"] >= fit.UNIT // 2).astype(int))
    over, parts = score_metrics(y, s)
    bins = binned(s)
    tied = dict(
        roc_auc=[metrics.roc_auc_score(y, bins), delong(y, bins)],
        pr_auc=both(lambda y, b, w: metrics.average_precision_score(y, b, sample_weight=w), y, bins),
    )
    return dict(metrics={**decisions(y, d), **over}, binned=tied, parts=parts, cost=cost(y, d), edges=edges(y, s))


def several(rows):
    y = rows["label"]
    k = len(rows) - 1
    p = np.stack([rows[f"s{i}"] for i in range(k)], axis=1) / fit.UNIT
    d = p.argmax(axis=1)
    labels = list(range(k))
    table = dict(
        accuracy=lambda y, d, w: metrics.accuracy_score(y, d, sample_weight=w),
        balanced_accuracy=lambda y, d, w: metrics.balanced_accuracy_score(y, d, sample_weight=w),
        mcc=lambda y, d, w: metrics.matthews_corrcoef(y, d, sample_weight=w),
        kappa=lambda y, d, w: metrics.cohen_kappa_score(y, d, sample_weight=w),
    )
    for average in ("macro", "micro", "weighted"):
        for of, f in dict(precision=metrics.precision_score, recall=metrics.recall_score, f1=metrics.f1_score).items():
            table[f"{average}_{of}"] = lambda y, d, w, f=f, a=average: f(y, d, average=a, sample_weight=w, zero_division=0)
    out = {m: both(f, y, d) for m, f in table.items()}
    own = -np.log(np.clip(p[np.arange(len(y)), y], LEAST, 1 - LEAST))
    out["log_loss"] = [metrics.log_loss(y, np.clip(p, LEAST, 1 - LEAST), labels=labels), own.std() / math.sqrt(len(y))]
    squares = ((p - np.eye(k)[y]) ** 2).sum(axis=1)
    out["brier"] = [metrics.brier_score_loss(y, p, labels=labels, scale_by_half=False), squares.std() / math.sqrt(len(y))]
    ece = [score_metrics((y == i).astype(int), p[:, i])[0]["ece"][0] for i in labels]
    out["ece"] = [float(np.mean(ece)), None]
    top = [metrics.top_k_accuracy_score(y, p, k=j, labels=labels) for j in range(1, k)]
    per = metrics.precision_recall_fscore_support(y, d, labels=labels, zero_division=0)
    return dict(metrics=out, top=top, classes=[[float(v) for v in row[:3]] for row in zip(*per)])


def numbers(rows):
    p, y = rows["predicted"] / 1024, rows["actual"] / 1024
    low, high = rows["low"] / 1024, rows["high"] / 1024
    e = p - y
    n = len(e)

    def mean(v):
        return [float(v.mean()), v.std() / math.sqrt(n)]

    out = dict(
        mae=[metrics.mean_absolute_error(y, p), np.abs(e).std() / math.sqrt(n)],
        rmse=[metrics.root_mean_squared_error(y, p), (e * e).std() / math.sqrt(n) / 2 / math.sqrt((e * e).mean())],
        bias=mean(e),
        mape=[metrics.mean_absolute_percentage_error(y[y != 0], p[y != 0]), None],
        smape=[float(np.mean(2 * np.abs(e) / (np.abs(p) + np.abs(y)))), None],
        r2=[metrics.r2_score(y, p), None],
        median_absolute_error=[metrics.median_absolute_error(y, p), None],
        interval_coverage=mean((low <= y) & (y <= high)),
        below_share=mean(y <= p),
    )
    for q in (0.1, 0.5, 0.9):
        loss = np.where(e > 0, (1 - q) * e, -q * e)
        out[f"pinball_{q}"] = [metrics.mean_pinball_loss(y, p, alpha=q), loss.std() / math.sqrt(n)]
    return dict(metrics=out)


def extremes(y, d, group):
    def spread(metric):
        frame = fair.MetricFrame(metrics=metric, y_true=y, y_pred=d, sensitive_features=group)
        return [float(frame.difference()), float(frame.ratio())]

    return dict(
        demographic_parity=[fair.demographic_parity_difference(y, d, sensitive_features=group), fair.demographic_parity_ratio(y, d, sensitive_features=group)],
        equal_opportunity=[fair.equal_opportunity_difference(y, d, sensitive_features=group), fair.equal_opportunity_ratio(y, d, sensitive_features=group)],
        equalized_odds=[fair.equalized_odds_difference(y, d, sensitive_features=group), fair.equalized_odds_ratio(y, d, sensitive_features=group)],
        false_positive_rate=spread(fair.false_positive_rate),
        predictive_parity=spread(lambda y, d: metrics.precision_score(y, d, zero_division=0)),
        false_omission=spread(lambda y, d: 1 - metrics.precision_score(y, d, pos_label=0)),
        accuracy=spread(metrics.accuracy_score),
    )


def groups(rows):
    y, d, s = rows["label"], rows["decision"], rows["score"] / fit.UNIT
    out = {}
    for attribute in ("sex", "race"):
        g = rows[attribute]
        rates = {}
        # fairlearn counts a share of nothing as 0; package stat leaves such a group out. Here only groups with positives and negatives, both decided and turned out, are compared.
        whole = [v for v in np.unique(g) if min(np.bincount(y[g == v], minlength=2).min(), np.bincount(d[g == v], minlength=2).min()) > 0]
        kept = np.isin(g, whole)
        for name, f in dict(demographic_parity=fair.selection_rate, equal_opportunity=fair.true_positive_rate, false_positive_rate=fair.false_positive_rate).items():
            frame = fair.MetricFrame(metrics=f, y_true=y[kept], y_pred=d[kept], sensitive_features=g[kept])
            rates[name] = [float(v) for v in frame.by_group.sort_index()]
        out[attribute] = dict(extremes=extremes(y[kept], d[kept], g[kept]), rates=rates)
    a, b = s[rows["sex"] == 0], s[rows["sex"] == 1]
    out["scores"] = dict(ks=float(stats.ks_2samp(a, b).statistic), w1=float(stats.wasserstein_distance(a, b)))
    out["information"] = dict(
        education=float(metrics.mutual_info_score(rows["sex"], rows["education"])),
        marital_status=float(metrics.mutual_info_score(rows["sex"], rows["marital_status"])),
    )
    # Of each stratum the number of selected in the first group, given all margins, is hypergeometric.
    observed = expected = variance = common = weight = 0.0
    for v in np.unique(rows["marital_status"]):
        at = rows["marital_status"] == v
        first = at & (rows["sex"] == 0)
        n, m = first.sum(), (at & (rows["sex"] == 1)).sum()
        if n == 0 or m == 0:
            continue
        law = stats.hypergeom(at.sum(), d[at].sum(), n)
        observed += d[first].sum()
        expected += law.mean()
        variance += law.var()
        w = n * m / at.sum()
        weight += w
        common += w * (d[first].mean() - d[at & (rows["sex"] == 1)].mean())
    chi = (observed - expected) ** 2 / variance
    out["strata"] = dict(chi_square=float(chi), p=float(stats.chi2.sf(chi, 1)), common=float(common / weight))
    return out


def plain(v):
    """Numbers to 13 digits: the last ones are not the same on every processor."""
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    if v is None:
        return None
    return float(f"{float(v):.13g}")


def measure(folder):
    warnings.simplefilter("error")
    out = {}
    for name in ("breast", "census", "price"):
        out[name] = binary(name, read(name, folder))
    for name in ("digits", "wine"):
        out[name] = several(read(name, folder))
    for name in ("diabetes", "demand"):
        out[name] = numbers(read(name, folder))
    out["groups"] = groups(read("census", folder))
    return plain(out)


def differences(a, b, at=""):
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return [d for k in a for d in differences(a[k], b[k], f"{at}/{k}")]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [d for i, (x, y) in enumerate(zip(a, b)) for d in differences(x, y, f"{at}/{i}")]
    if a is None and b is None:
        return []
    if isinstance(a, float) and isinstance(b, (int, float)) and abs(a - b) <= 1e-9 * max(1e-3, abs(a), abs(b)):
        return []
    return [f"{at}: committed {b}, computed {a}"]


def check():
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        again = pathlib.Path(folder)
        fit.main(again)
        for name in fit.SETS:
            old, new = read(name), read(name, again)
            if old.keys() != new.keys() or any(len(old[c]) != len(new[c]) for c in old):
                wrong.append(f"{name}.csv: other columns or rows")
                continue
            for c in old:
                off = int(np.abs(old[c] - new[c]).max())
                scored = c == "score" or (c.startswith("s") and c[1:].isdigit())
                allowed = fit.UNIT >> 10 if scored else 1 if c in ("predicted", "low", "high") else 0
                if off > allowed:
                    wrong.append(f"{name}.csv: column {c} is off by {off}, allowed {allowed}")
    wrong += differences(measure(HERE), json.loads((HERE / "oracle.json").read_text()))
    for w in wrong:
        print(w, file=sys.stderr)
    print(f"{len(fit.SETS)} data sets fitted and measured again: {len(wrong)} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(check())
    (HERE / "oracle.json").write_text(json.dumps(measure(HERE), indent=1) + "\n")
