"""Reference values for package stat. Usage: python golden.py > golden.json

Made with numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1 (Python 3.11). Nothing here is random beyond the seeds below; another
version of the libraries may differ in the last digits, which the tests' tolerances allow.
"""

import json
import math
import sys
from decimal import Decimal, getcontext

import numpy as np
from scipy import special, stats
from scipy.spatial.distance import jensenshannon
from scipy.stats import contingency
from sklearn import calibration, linear_model, metrics

SCALE = 1 << 30
getcontext().prec = 160


def num(x):
    """JSON has no infinities: they travel as strings."""
    x = float(x)
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "+Inf" if x > 0 else "-Inf"
    return x


def rows(f, *grids):
    """f over the product of the grids -> [[args..., value], ...]"""
    out = []
    for args in np.array(np.meshgrid(*grids, indexing="ij"), dtype=object).reshape(len(grids), -1).T:
        out.append([num(a) for a in args] + [num(f(*[float(a) for a in args]))])
    return out


P = [1e-300, 1e-100, 1e-16, 1e-9, 1e-4, 0.001, 0.02, 0.074, 0.076, 0.3, 0.4999, 0.5, 0.6, 0.9, 0.95, 0.999, 0.9999999, 1 - 1e-12]


def mixture(x, df, lam, upper):
    """Non-central chi-square tail as a Poisson mixture: a second opinion where scipy's own is unreliable."""
    mu = lam / 2
    lo = max(0, math.floor(mu - 40 * math.sqrt(mu) - 100))
    j = np.arange(lo, math.ceil(mu + 40 * math.sqrt(mu) + 100))
    t = special.gammaincc(df / 2 + j, x / 2) if upper else special.gammainc(df / 2 + j, x / 2)
    # scipy's own Poisson probabilities have lost ten digits at mu = 5e5; their ratios from the mode outwards have not.
    w = np.zeros(len(j))
    mode = int(mu) - lo
    w[mode + 1 :] = np.cumsum(np.log(mu / j[mode + 1 :]))
    w[:mode] = -np.cumsum(np.log(mu / j[mode:0:-1]))[::-1]
    w = np.exp(w)
    return math.fsum(w * t) / math.fsum(w)


def exact(x, df, lam):
    """Both tails in decimals, for even df: scipy's incomplete gamma is off by 3e-9 at a = 5e5 far from the mean."""
    y, mu, h = Decimal(x) / 2, Decimal(lam) / 2, df // 2
    peak = math.sqrt(lam * x) / 2
    j = int(max(peak, lam / 2) + 40 * math.sqrt(max(peak, lam / 2)) + 150)
    lo = max(0, int(min(peak, lam / 2) - 40 * math.sqrt(lam / 2) - 150))

    def log_factorial(n):
        if n < 2000:
            return Decimal(math.factorial(n)).ln()
        n, pi = Decimal(n), Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")
        tail = 1 / (12 * n) - 1 / (360 * n**3) + 1 / (1260 * n**5) - 1 / (1680 * n**7) + 1 / (1188 * n**9)
        return n * n.ln() - n + (2 * pi * n).ln() / 2 + tail

    a = h + j
    w = (j * mu.ln() - mu - log_factorial(j)).exp()
    t = (a * y.ln() - y - log_factorial(a)).exp()
    series = term = Decimal(1)
    i = 1
    while term > Decimal(10) ** -150:
        term *= y / (a + i)
        series += term
        i += 1
    tail, lower, total = t * series, Decimal(0), Decimal(0)
    while j >= lo:
        lower += w * tail
        total += w
        t *= Decimal(a) / y
        tail += t
        w *= j / mu
        j, a = j - 1, a - 1
    return [x, df, lam, num(lower), num(total - lower)]


def student(t, df):
    """scipy's stdtr loses digits near 0; the complementary incomplete beta doesn't."""
    if abs(t) < 1:
        return 0.5 + math.copysign(0.5, t) * special.betainc(0.5, df / 2, t * t / (df + t * t))
    return stats.t.cdf(t, df)


def distributions():
    ncx = []
    for df in (1, 2, 9, 19, 99):
        for lam in (0.01, 1, 5, 25, 250, 5e3, 1e5, 1e6):
            m, s = df + lam, math.sqrt(2 * (df + 2 * lam))
            for z in (-8, -4, -2, -1, -0.1, 0, 0.1, 1, 2, 4, 8):
                x = m + z * s
                if x > 0 and not (lam == 1e6 and abs(z) > 4):
                    ncx.append([x, df, lam, num(mixture(x, df, lam, False)), num(mixture(x, df, lam, True))])
    for df, lam in ((2, 5), (10, 250), (18, 1e5), (2, 1e6), (20, 1e6)):
        m, s = df + lam, math.sqrt(2 * (df + 2 * lam))
        ncx += [exact(x, df, lam) for x in (m - 20 * s, m - 8 * s, m + 8 * s, m + 20 * s) if x > 0 and not (x > m + 9 * s and lam > 1000)]
    ncx += [exact(1e-6, 2, 0.5), exact(0.01, 10, 30), exact(500, 4, 1)]
    binom = []
    for n, p in ((10, 0.5), (10, 1e-6), (1000, 0.003), (10**6, 0.5), (10**9, 1e-8), (10**9, 0.25)):
        for c in sorted({0, 1, n // 2, n, int(n * p), int(n * p + 5 * math.sqrt(n * p * (1 - p)) + 1), max(0, int(n * p - 5 * math.sqrt(n * p * (1 - p))))}):
            row = [stats.binom.pmf(c, n, p), stats.binom.cdf(c, n, p), stats.binom.sf(c, n, p)]
            if c <= 50:  # term by term in decimals: scipy is off by 5e-8 at n = 1e9
                d = Decimal(p)
                terms = [math.comb(n, i) * d**i * ((n - i) * (1 - d).ln()).exp() for i in range(c + 1)]
                row[0], row[1] = terms[-1], sum(terms)
                if n < 2000:
                    row[2] = sum((math.comb(n, i) * d**i * (1 - d) ** (n - i) for i in range(c + 1, n + 1)), Decimal(0))
                else:
                    row[2] = 1 - sum(terms)
            binom.append([c, n, p] + [num(v) for v in row])
    beta_ab = [(0.5, 0.5), (1, 1), (2, 5), (1e-3, 3), (30, 1), (1, 1e9), (5, 1e6), (3e5, 7e5), (1e9, 3e9), (1.5, 1e3)]
    beta = []
    for a, b in beta_ab:
        for p in (1e-12, 1e-6, 0.001, 0.05, 0.5, 0.9, 0.999, 1 - 1e-9):
            x = special.betaincinv(a, b, p)
            beta.append([p, a, b, num(x)])
    betacdf = []
    for a, b in beta_ab:
        m, s = a / (a + b), math.sqrt(a * b / (a + b) ** 2 / (a + b + 1))
        for z in (-8, -3, -1, 0, 1, 3, 8):
            x = m + z * s
            if 0 < x < 1:
                betacdf.append([x, a, b, num(special.betainc(a, b, x))])
    df = [1, 2, 3, 7, 9, 30, 99, 1000, 1e5, 1e6]
    return {
        "normal_cdf": rows(special.ndtr, [-37, -20, -8, -3, -1, -1e-3, 0, 1e-10, 0.5, 2, 5, 8, 9]),
        "normal_quantile": rows(special.ndtri, P),
        "chi2_cdf": rows(stats.chi2.cdf, [0, 1e-10, 1e-3, 0.1, 1, 2.9, 3.1, 9, 30, 99, 120, 1000, 1e5], df),
        "chi2_sf": rows(stats.chi2.sf, [0, 1e-10, 1e-3, 0.1, 1, 2.9, 3.1, 9, 30, 99, 120, 1000, 1e5], df),
        "chi2_quantile": [[p, d, num(stats.chi2.ppf(p, d))] for p in (1e-12, 1e-6, 0.001, 0.05, 0.5, 0.9, 0.999, 1 - 1e-9) for d in df],
        "ncx2": ncx,
        "ncx2_quantile": [
            [p, d, l, num(stats.ncx2.ppf(p, d, l))] for p in (1e-4, 0.05, 0.5, 0.95, 0.999, 1 - 1e-6) for d in (1, 9, 19, 99) for l in (0.01, 1, 25, 250, 5e3)
        ],
        "student_cdf": rows(student, [-1e6, -40, -6, -2, -0.5, -1e-6, 0, 0.3, 1, 5], [0.5, 1, 2, 7, 8.5, 30, 1e3, 1e6, 1e9]),
        "student_quantile": [
            [p, d, num(stats.t.ppf(p, d))] for p in (1e-12, 1e-6, 1e-3, 0.05, 0.3, 0.499, 0.5, 0.75, 0.99, 0.99999) for d in (0.5, 1, 2, 7, 8.5, 30, 1e3, 1e6, 1e9)
        ],
        "beta_cdf": betacdf,
        "beta_quantile": beta,
        "binomial": binom,
        "kolmogorov": rows(special.kolmogorov, [0, 0.03, 0.1, 0.2, 0.3, 0.5, 0.9, 0.999, 1.001, 1.2, 1.36, 2, 4, 8]),
    }


def merge(c, r):
    """Neighbours joined from the left until the smaller sample expects 5; written apart from the Go code."""
    c, r = np.asarray(c, float), np.asarray(r, float)
    n, m = c.sum(), r.sum()
    e = min(n, m) / (n + m) * (c + r)
    cuts, acc = [], 0.0
    for i, v in enumerate(e):
        acc += v
        if acc >= 5:
            cuts.append(i + 1)
            acc = 0.0
    if not cuts:
        return c.sum(keepdims=True), r.sum(keepdims=True)
    cuts[-1] = len(c)
    s = [0] + cuts[:-1]
    return np.add.reduceat(c, s), np.add.reduceat(r, s)


def distances():
    rng = np.random.default_rng(7)
    q10 = np.full(10, 0.1)
    tilt = q10 * np.exp(0.25 * stats.norm.ppf(np.arange(0.05, 1, 0.1)))
    tilt /= tilt.sum()
    cases = [
        ([1], [1]),
        ([1, 0], [0, 1]),
        ([0, 5, 0, 5], [0, 7, 3, 0]),
        ([3, 3, 3], [3, 3, 3]),
        ([1, 0, 0, 0, 0], [200, 200, 200, 200, 200]),
        ([800, 100, 100], [9000, 0, 1000]),
        ([10**9, 2 * 10**9, 10**9], [10**9, 2 * 10**9 + 10**5, 10**9 - 10**5]),
        ([0] * 30 + [500], [1] * 31),
    ]
    for n, m in ((50, 50), (100, 10**5), (10**4, 500), (10**6, 10**6), (10**9, 10**9)):
        cases.append((rng.multinomial(n, q10).tolist(), rng.multinomial(m, q10).tolist()))
        cases.append((rng.multinomial(n, tilt).tolist(), rng.multinomial(m, q10).tolist()))
        cases.append((rng.multinomial(n, [0.4, 0.001, 0.009, 0.59]).tolist(), rng.multinomial(m, [0.41, 0.002, 0, 0.588]).tolist()))
    out = []
    for c, r in cases:
        c, r = [int(v) for v in c], [int(v) for v in r]
        n, m, B = sum(c), sum(r), len(c)
        p, q = np.array(c) / n, np.array(r) / m
        pk, qk = (np.array(c) + 0.5) / (n + B / 2), (np.array(r) + 0.5) / (m + B / 2)
        N = n * m / (n + m)
        with np.errstate(divide="ignore", invalid="ignore"):
            phi2 = np.where(p == q, 0, (p - q) ** 2 / q).sum()
        mc, mr = merge(c, r)
        x2, df = (0.0, 0) if len(mc) < 2 else contingency.chi2_contingency(np.array([mc, mr]), correction=False)[0::2][:2]
        d = np.abs(np.cumsum(p) - np.cumsum(q)).max()
        mu = np.round(np.arange(B) ** 1.5 - 3, 6)
        s = math.sqrt(N)
        out.append(
            {
                "cur": c, "ref": r, "means": mu.tolist(),
                "psi": num(stats.entropy(pk, qk) + stats.entropy(qk, pk)),
                "phi2": num(phi2), "x2": num(x2), "df": len(mc) - 1,
                "ks": num(d), "ks_p": num(special.kolmogorov((s + 0.12 + 0.11 / s) * d)),
                "js": num(jensenshannon(p, q, 2)) if c != r else 0.0,
                "hellinger": num(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / math.sqrt(2)),
                "w1": num(stats.wasserstein_distance(mu, mu, np.array(c) / 1.0, np.array(r) / 1.0) / 2.5),
                "linf": num(np.abs(p - q).max()),
            }
        )
    return out


def judgements():
    """Minimum-effect and equivalence test on the merged cells."""
    rng = np.random.default_rng(13)
    out = []
    for n, m in ((20, 20), (100, 60000), (2000, 60000), (50000, 60000), (10**6, 10**6)):
        for shift in (0, 0.03, 0.1, 0.5):
            for B in (4, 10, 20):
                for deff, d0, alpha in ((1, 0.05, 0.05), (3, 0.2, 0.01), (1, 0, 0.05), (0.5, 0.1, 0.001)):
                    edges = stats.norm.ppf(np.arange(1, B) / B)
                    cut = lambda x: np.diff(np.concatenate([[0], stats.norm.cdf(edges - x), [1]]))
                    c, r = rng.multinomial(n, cut(shift)), rng.multinomial(m, cut(0))
                    mc, mr = merge(c, r)
                    k = len(mc) - 1
                    N = n * m / (n + m)
                    Ne = N / max(1, deff)
                    row = {"cur": c.tolist(), "ref": r.tolist(), "floor": d0 * d0, "deff": deff, "alpha": alpha, "df": k, "effective": Ne}
                    if k < 1:
                        row |= {"state": "undecided", "psi": "NaN", "psi_corrected": "NaN", "threshold": "NaN", "x2": "NaN"}
                    else:
                        pk, qk = (mc + 0.5) / (n + (k + 1) / 2), (mr + 0.5) / (m + (k + 1) / 2)
                        psi = stats.entropy(pk, qk) + stats.entropy(qk, pk)
                        x2 = contingency.chi2_contingency(np.array([mc, mr]), correction=False)[0]
                        law = stats.ncx2(k, Ne * d0 * d0) if d0 else stats.chi2(k)
                        limit = law.ppf(1 - alpha) / Ne
                        small = d0 > 0 and x2 / max(1, deff) < law.ppf(alpha) and law.ppf(alpha) > k
                        row |= {"state": "drift" if psi > limit else "equivalent" if small else "undecided", "psi": psi, "psi_corrected": psi - k / N, "threshold": limit, "x2": x2}
                    out.append(row)
    return out


def floors():
    out = []
    x = np.linspace(-30, 30, 600001)
    for d in (0, 1e-4, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 3, 10):
        p, q = stats.norm.pdf(x, -d / 2), stats.norm.pdf(x, d / 2)
        a = (p + q) / 2
        js = 0.5 * np.trapezoid(special.rel_entr(p, a) + special.rel_entr(q, a), x) / math.log(2)
        if d < 1e-2:  # the integral has no digits left
            js = d * d / (8 * math.log(2)) * (1 - d * d / 16)
        out.append([d, math.expm1(d * d), d * d, math.sqrt(js), math.sqrt(-math.expm1(-d * d / 8)), 2 * special.ndtr(d / 2) - 1, d])
    return out


def curve(s, y, bins, decision):
    """The sums of the reliability curve; scores are k/1024, so fixed point is exact."""
    s, y = np.asarray(s), np.asarray(y)
    fx = np.rint(s * SCALE).astype(object)
    fx2 = np.rint(s * s * SCALE).astype(object)
    b = bins(s)
    k = int(b.max()) + 1
    z = lambda w: [int(sum(w[b == i])) for i in range(k)]
    one = np.ones(len(s), dtype=object)
    yo = y.astype(object)
    dec = s >= decision
    tn, fp, fn, tp = metrics.confusion_matrix(y, dec, labels=[0, 1]).ravel().tolist()
    return {
        "N": z(one), "S": z(fx), "S2": z(fx2), "Labels": z(one), "Pos": z(yo), "LS": z(fx), "LS2": z(fx2), "PS": z(fx * yo),
        "TP": tp, "FP": fp, "FN": fn, "TN": tn,
    }  # fmt: skip


def ece_groups(s, y, bins, k):
    """Groups of whole bins: a group ends with the bin in which the running count reaches the next multiple of n/k."""
    b = bins(s)
    out, have, done = [], [], 0
    for i in np.unique(b):
        have.append(b == i)
        done += (b == i).sum()
        if done * k >= len(s) * (len(out) + 1):
            out.append(np.any(have, axis=0))
            have = []
    return out


def performance():
    rng = np.random.default_rng(11)
    out = []
    sets = {
        "small": (np.array([100, 300, 300, 512, 700, 900]), np.array([0, 0, 1, 1, 0, 1])),
        "calibrated": None, "overconfident": None, "rare": None, "coarse": None,
    }  # fmt: skip
    for name, data in sets.items():
        if data is None:
            n = {"calibrated": 5000, "overconfident": 3000, "rare": 20000, "coarse": 2000}[name]
            lg = rng.normal(-4 if name == "rare" else 0.3, 1.2, n)
            step = 128 if name == "coarse" else 1
            k = np.clip(np.rint(special.expit(lg) * 1024 / step) * step, step if step > 1 else 1, 1024 - step)
            p = special.expit(lg * (0.6 if name == "overconfident" else 1) + (0.2 if name == "overconfident" else 0))
            data = (k.astype(int), (rng.random(n) < p).astype(int))
        s, y = data[0] / 1024, data[1]
        for layout, bins in (("distinct", lambda s: np.unique(s, return_inverse=True)[1]), ("wide", lambda s: np.minimum((s * 20).astype(int), 19))):
            c = curve(s, y, bins, 0.5)
            dec = (s >= 0.5).astype(int)
            b = bins(s)
            sb = np.array([s[b == i].mean() for i in b])
            # AUC and map of the binned score; log loss with the mean score of the bin's positives or negatives
            sy = np.array([s[(b == i) & (y == v)].mean() for i, v in zip(b, y)]) if len(s) < 30000 else None
            prob, pred = calibration.calibration_curve(y, sb, n_bins=10)
            w = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], sb), minlength=10)
            w = w[w > 0] / len(s)
            g = ece_groups(s, y, bins, 10)
            mass = sum(m.sum() * abs(y[m].mean() - s[m].mean()) for m in g) / len(s)
            ok = [m for m in g if m.sum() > 1]
            wt = sum(m.sum() for m in ok)
            deb = sum(m.sum() * ((y[m].mean() - s[m].mean()) ** 2 - y[m].var(ddof=1) / m.sum()) for m in ok) / wt
            x = np.clip(special.logit(np.clip(sb, 1e-6, 1 - 1e-6)), -50, 50).reshape(-1, 1)
            lr = linear_model.LogisticRegression(C=np.inf, tol=1e-12, max_iter=10000, solver="newton-cholesky").fit(x, y)
            a, bt = float(lr.intercept_[0]), float(lr.coef_[0, 0])
            pr = lr.predict_proba(x)[:, 1]
            X = np.hstack([np.ones_like(x), x])
            cov = np.linalg.inv((X * (pr * (1 - pr))[:, None]).T @ X)
            cost = np.where(dec == 1, np.where(y == 1, -3.0, 2.0), np.where(y == 1, 10.0, 0.5))
            # DeLong by brute force over all pairs of positive and negative
            ps, ns = b[y == 1], b[y == 0]
            psi = (ps[:, None] > ns[None, :]) + 0.5 * (ps[:, None] == ns[None, :])
            se = math.sqrt(psi.mean(1).var(ddof=1) / len(ps) + psi.mean(0).var(ddof=1) / len(ns)) if len(ps) > 1 and len(ns) > 1 else math.nan
            base = y.mean()
            ob, fb = np.array([y[b == i].mean() for i in b]), sb
            out.append(
                {
                    "name": name + "/" + layout, "curve": c,
                    "brier": num(metrics.brier_score_loss(y, s)),
                    "rel": num(((fb - ob) ** 2).mean()), "res": num(((ob - base) ** 2).mean()), "unc": num(base * (1 - base)),
                    "wbv": num(((s - fb) ** 2).mean()), "wbc": num(2 * ((y - ob) * (s - fb)).mean()),
                    "log_loss": num(metrics.log_loss(y, sy)),
                    "auc": num(metrics.roc_auc_score(y, b)), "auc_se": num(se),
                    "ece_width": num((w * np.abs(prob - pred)).sum()), "ece_mass": num(mass), "ece_debiased": num(math.sqrt(max(0, deb))),
                    "mean_score": num(s.mean()), "mean_score_se": num(s.std() / math.sqrt(len(s))),
                    "label_rate": num(base), "bias": num((y - s).mean()), "bias_se": num((y - s).std() / math.sqrt(len(s))),
                    "accuracy": num(metrics.accuracy_score(y, dec)), "precision": num(metrics.precision_score(y, dec, zero_division=np.nan)),
                    "recall": num(metrics.recall_score(y, dec)), "specificity": num(metrics.recall_score(y, dec, pos_label=0)),
                    "f1": num(metrics.f1_score(y, dec)), "mcc": num(metrics.matthews_corrcoef(y, dec)),
                    "cost": num(cost.mean()), "cost_se": num(cost.std() / math.sqrt(len(cost))),
                    "z": num(((y - s) * (1 - 2 * s)).sum() / math.sqrt(((1 - 2 * s) ** 2 * s * (1 - s)).sum())),
                    "a": a, "b": bt, "se_a": num(math.sqrt(cov[0, 0])), "se_b": num(math.sqrt(cov[1, 1])), "cov": num(cov[0, 1]),
                }
            )  # fmt: skip
    return out


def limits():
    rng = np.random.default_rng(3)
    out = []
    for k in (8, 15, 60):
        w = rng.chisquare(9, k) / 9
        y = np.cbrt(w)
        t = y.mean() + stats.t.ppf(1 - 1 / 300, k - 1) * y.std(ddof=1) * math.sqrt(1 + 1 / k)
        out.append({"windows": w.tolist(), "alpha": 1 / 300, "limit": t**3})
    return out


def dispersions():
    rng = np.random.default_rng(5)
    out = []
    for k, rho, sd in ((40, 0, 1), (60, 0.8, 2), (9, 0.5, 1), (3, 0, 3)):
        e = rng.standard_normal(k)
        r = np.zeros(k)
        for i in range(k):
            r[i] = (rho * r[i - 1] if i else 0) + e[i]
        p, v = rng.uniform(10, 50, k), rng.uniform(5, 20, k)
        y = p + r * sd * np.sqrt(v)
        z = (y - p) / np.sqrt(v)
        d = z - z.mean()
        ac = [np.mean(d[j:] * d[:-j]) / z.var() for j in range(1, min(8, k // 4))]
        D = max(1, np.mean(z**2)) * max(1, 1 + 2 * sum(a for a in ac if a > 2 / math.sqrt(k)))
        out.append({"y": y.tolist(), "p": p.tolist(), "v": v.tolist(), "d": D})
    return out


def intervals():
    wil, katz = [], []
    for k, n in ((0, 1), (1, 1), (0, 20), (5, 20), (20, 20), (81, 263), (10**8, 10**9)):
        ci = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
        wil.append([k, n, num(ci.low), num(ci.high)])
    for a, m, b, n in ((0, 10, 3, 10), (10, 20, 15, 30), (10**6, 10**7, 2 * 10**6, 10**7)):
        se = math.sqrt(1 / (a + 0.5) - 1 / (m + 0.5) + 1 / (b + 0.5) - 1 / (n + 0.5))
        rr = ((a + 0.5) / (m + 0.5)) / ((b + 0.5) / (n + 0.5))
        z = stats.norm.ppf(0.975)
        katz.append([a, m, b, n, rr * math.exp(-z * se), rr * math.exp(z * se)])
    return {"wilson": wil, "katz": katz}


json.dump(
    {"distributions": distributions(), "distances": distances(), "judgements": judgements(), "floors": floors(), "performance": performance(), "limits": limits(), "dispersions": dispersions(), "intervals": intervals()},
    sys.stdout,
    separators=(",", ":"),
    allow_nan=False,
)
print()
