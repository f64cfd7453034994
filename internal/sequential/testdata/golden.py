"""A second implementation of package sequential, and what it says of made-up streams. Usage: python golden.py DIR

Writes DIR/NAME.json.gz for each stream below: the hourly counts, and for every monitored pane the standardised prediction error z of
each channel and the evidence M of all its bets, the alarms and the recoveries. Needs numpy and scipy as in requirements.txt; another
version may differ in the last digits, which the test's tolerance allows. It shares nothing with the Go code but the formulas.
"""

import gzip
import json
import math
import sys

import numpy as np
from scipy import stats
from scipy.special import ndtr, ndtri

START = 20458 * 24  # hours since the Unix epoch: 2026-01-05, a Monday
THRESHOLD = 4 * 730.0
FLOOR = dict(location=0.05, scale=0.07, shape=0.01, omnibus=0.01, volume=0.1)
LAMBDA = (0.5, 1.0, 2.0)
BINS = 20
HISTORY = 28 * 24  # hours

# name: seed, events per hour, sd of the wander, its rho, swing of the mean, of the spread, of traffic, heavy tails and bursts,
# days monitored
STREAMS = dict(
    iid=(1, 1000, 0, 0, 0, 0, 0, False, 42),
    ar5=(2, 1000, 0.05, 0.5, 0, 0, 0, False, 42),
    ar9=(3, 3000, 0.05, 0.9, 0, 0, 0, False, 42),
    diurnal=(4, 2500, 0.05, 0.7, 0.3, 0.1, 0.8, False, 42),
    hostile=(5, 5000, 0.05, 0.7, 0.3, 0.1, 0.8, True, 42),
    quiet=(6, 40, 0.02, 0.5, 0.2, 0.1, 0.8, False, 56),
    low=(7, 2, 0, 0, 0, 0, 0.8, False, 40),
)


def make(seed, rate, tau, rho, swing, width, traffic, wild, days):
    """Hourly counts of 28 days and of what is monitored, with two changes planted in it."""
    rng = np.random.default_rng(seed)
    hours = HISTORY + days * 24
    t = np.arange(hours)
    day, week = 2 * np.pi * t / 24, 2 * np.pi * t / 168

    def wander():
        noise = rng.standard_t(3, hours) / math.sqrt(3) if wild else rng.standard_normal(hours)
        out, u = np.zeros(hours), rng.standard_normal()
        for i in range(hours):
            u = rho * u + math.sqrt(1 - rho * rho) * noise[i]
            out[i] = tau * u
        return out

    mu = wander() + swing * np.sin(day + 1) + 0.3 * swing * np.sin(2 * day + 2) + (swing > 0) * 0.1 * np.sin(week)
    log_sd = 0.6 * wander() + width * np.sin(day + 3)
    n = rate * (1 + traffic * np.sin(day - 2)) * np.where((t // 24) % 7 >= 5, 0.6 if traffic else 1, 1)
    if wild:
        n *= rng.lognormal(-0.125, 0.5, hours)
    n = rng.poisson(n)
    after = t - HISTORY
    end = days * 24
    mu = mu + 0.4 * ((after >= 0.3 * end) & (after < 0.5 * end))
    edges = ndtri(np.arange(1, BINS) / BINS)
    p = np.diff(ndtr((edges - mu[:, None]) * np.exp(-log_sd)[:, None]), axis=1, prepend=0.0, append=1.0)
    base = np.array([0.5, 0.25, 0.15, 0.07, 0.03])
    logit = np.log(base) + np.stack([wander(), 0 * t, wander(), 0 * t, 0 * t], 1)
    k = np.exp(logit) / np.exp(logit).sum(1, keepdims=True)
    late = (after >= 0.65 * end) & (after < 0.75 * end)
    k[late] = 0.8 * k[late] + 0.2 * np.eye(5)[3]
    rows = []
    for i in range(hours):
        missing = rng.binomial(n[i], 0.001 if not late[i] else 0.05)
        x = rng.multinomial(n[i] - missing, p[i])
        c = rng.multinomial(n[i], k[i])
        rows.append(
            dict(
                n=int(n[i]),
                x=x.tolist(),
                missing=int(missing),
                below=int(rng.binomial(x[0], 0.002)),
                above=int(rng.binomial(x[-1], 0.002)),
                k=c.tolist(),
                new=int(rng.binomial(c[-1], 0.002)),
                hits=int(rng.binomial(n[i], 0.2)) + 0.5 * int(n[i] > 0 and n[i] % 2),
            )
        )
        rows[-1]["hits"] = min(rows[-1]["hits"], n[i])
    return rows


# --------------------------------------------------------------------------------------------- panes


def season(hour):
    out = [1.0]
    for period, harmonics in ((24, 4), (168, 2), (8766, 2)):
        phase = 2 * math.pi * (hour % period) / period
        for j in range(1, harmonics + 1):
            out += [math.sin(j * phase), math.cos(j * phase)]
    return np.array(out)


def gather(rows, first):
    """A pane ends at 200 events, or after 24 hours with 30, or where the history ends."""
    panes, run = [], []
    for i, r in enumerate(rows):
        run.append((first + i, r))
        n = sum(q["n"] for _, q in run)
        if n >= 200 or (len(run) >= 24 and n >= 30) or i == HISTORY - 1:
            weight = [max(q["n"], 1e-9) for _, q in run]
            h = sum(w * season(at) for w, (at, _) in zip(weight, run)) / sum(weight)
            add = lambda key: np.sum([q[key] for _, q in run], axis=0)
            panes.append(dict(hours=float(len(run)), h=h, start=run[0][0], end=run[-1][0] + 1, **{key: add(key) for key in run[0][1]}))
            run = []
    return panes


def terms(count, hours):
    per_day, use = count / (hours / 24), [0]
    for j in (1, 2, 3, 4):
        if per_day >= 2 * j + 1 and count >= 8 * (2 * j + 1):
            use += [2 * j - 1, 2 * j]
    if hours >= 504 and count >= 60 and per_day >= 1:
        use += [9, 10] + ([11, 12] if count >= 100 else [])
    return use


# --------------------------------------------------------------------------------------------- channels


def scores(q):
    z = ndtri(np.clip(np.cumsum(q)[:-1], 1e-12, 1 - 1e-12))
    phi = np.concatenate([[0], stats.norm.pdf(z), [0]])
    zphi = np.concatenate([[0], z * stats.norm.pdf(z), [0]])
    a = -np.diff(phi) / q
    a -= q @ a
    a /= math.sqrt(q @ a**2)
    g = 1 - np.diff(zphi) / q
    g -= q @ g
    g -= (q @ (g * a)) * a
    return z, a, g / math.sqrt(q @ g**2)


def neighbours(q, n):
    group, run = [], 0.0
    k = 0
    for b in range(len(q)):
        group.append(k)
        run += q[b] * n
        if run >= 5 and b < len(q) - 1 and q[b + 1 :].sum() * n >= 5:
            k, run = k + 1, 0.0
    return np.array(group)


def rare_groups(q, n):
    keep = [b for b in range(len(q)) if q[b] * n >= 5]
    group = np.full(len(q), -1)
    for k, b in enumerate(keep):
        group[b] = k
    rest = q[group < 0].sum()
    if (group < 0).any():
        small = rest * n < 5 and keep
        group[group < 0] = group[min(keep, key=lambda b: q[b])] if small else len(keep)
    return group


def cube_root(p, e, n, group, lost):
    k = group.max() + 1
    d, w = np.bincount(group, p - e, k), np.bincount(group, e, k)
    return (n * (d * d / w).sum() / (k - lost)) ** (1 / 3)


def moments(score, bins):
    n = bins.sum()
    if n < 2:
        return 0.0, 1.0
    m = bins @ score / n
    return m, (bins @ score**2 / n - m * m) * n / (n - 1)


def cohen(c, n, q):
    return 2 * (math.asin(math.sqrt((c + 0.375) / (n + 0.75))) - math.asin(math.sqrt(q)))


class Channel:
    """values x with sampling variances, or counts of a rare kind"""

    def __init__(self, stream, name, bin_=0, two=True, floor=0.05):
        self.stream, self.name, self.bin, self.two, self.floor = stream, name, bin_, two, floor
        self.event = self.q = self.d = None
        self.least = -math.inf
        self.rare = False


def channels(panes, h):
    out = []
    n = np.array([p["n"] for p in panes], float)

    def share(stream, name, c, of, two=True, bin_=0, tight=False):
        ch = Channel(stream, name, bin_, two)
        k0, n0 = c[:h].sum(), of[:h].sum()
        ch.q, ch.c, ch.n = k0 / n0, c, of
        if min(ch.q, 1 - ch.q) * np.median(of[:h]) < 5:
            ch.rare = True
            ch.interval(k0, n0, h, 0.001 if tight else 0.005)
        else:
            ch.x = np.array([cohen(a, b, ch.q) for a, b in zip(c, of)])
            ch.v, ch.least = 1 / np.maximum(of, 1), 0.005
        out.append(ch)

    col = lambda key: np.array([p[key] for p in panes], float)
    # numeric
    bins = np.stack([p["x"] for p in panes])
    size = bins.sum(1).astype(float)
    q = (bins[:h].sum(0) + 0.5) / (bins[:h].sum() + 0.5 * BINS)
    share("x", "missing", col("missing"), n)
    z, a, g = scores(q)
    loc = [moments(a, b) for b in bins]
    width = [(0.0, 1.0) if b.sum() < 2 else moments(g, b) for b in bins]
    scale = [0.0 if b.sum() < 2 else w[0] - (l[0] ** 2 - l[1] / b.sum()) / math.sqrt(2) for b, l, w in zip(bins, loc, width)]
    for name, x, e in (("location", [l[0] for l in loc], [l[1] for l in loc]), ("scale", scale, [w[1] for w in width])):
        ch = Channel("x", name, floor=FLOOR[name])
        ch.x, ch.event, ch.n = np.array(x), np.array(e), size
        out.append(ch)
    group = neighbours(q, np.median(size[:h]))
    if group.max() + 1 > 4:
        ch = Channel("x", "shape", two=False, floor=FLOOR["shape"])
        ch.d, ch.n, ch.x = group.max() - 2, size, np.ones(len(panes))
        for i, b in enumerate(bins):
            if b.sum() < 2:
                continue
            sd = math.sqrt(min(max(1 + math.sqrt(2) * scale[i], 0.2), 5))
            e = np.diff(ndtr((z - loc[i][0]) / sd), prepend=0.0, append=1.0)
            ch.x[i] = cube_root(b / b.sum(), np.maximum(e, 0.01 / BINS), b.sum(), group, 3)
        ch.v = np.full(len(panes), 2 / (9 * ch.d))
        out.append(ch)
    share("x", "below", col("below"), n - col("missing"), False, tight=True)
    share("x", "above", col("above"), n - col("missing"), False, tight=True)
    # categorical
    bins = np.stack([p["k"] for p in panes])
    size = bins.sum(1).astype(float)
    q = (bins[:h].sum(0) + 0.5) / (bins[:h].sum() + 0.5 * bins.shape[1])
    share("k", "missing", 0 * n, n)
    for b in range(bins.shape[1]):
        share("k", "category", bins[:, b].astype(float), size, bin_=b)
    group = rare_groups(q, np.median(size[:h]))
    if group.max() + 1 > 2:
        ch = Channel("k", "omnibus", two=False, floor=FLOOR["omnibus"])
        ch.d, ch.n = group.max(), size
        ch.x = np.array([cube_root(b / b.sum(), q, b.sum(), group, 1) if b.sum() > 1 else 1.0 for b in bins])
        ch.v = np.full(len(panes), 2 / (9 * ch.d))
        out.append(ch)
    share("k", "new", col("new"), n, False, tight=True)
    share("label", "share", col("hits"), n)
    ch = Channel("volume", "volume", floor=FLOOR["volume"])
    ch.n, ch.x, ch.v = n, np.log((n + 0.5) / col("hours")), 1 / np.maximum(n, 1)
    out.append(ch)
    return out


def interval(self, k0, n0, h, pp):
    self.flip = k0 > n0 / 2
    c = self.n - self.c if self.flip else self.c
    k0 = n0 - k0 if self.flip else k0
    q = k0 / n0
    expected = self.n[:h] * q
    d = max(1.0, ((c[:h] - expected) ** 2).sum() / expected.sum()) if k0 >= 5 else 1.0
    if k0 >= 5 and self.two:
        d *= lasting(((c[:h] - expected) / np.sqrt(np.maximum(expected, 1e-300)))[expected > 0])
    k, n = k0 / d, n0 / d
    s = math.asin(math.sqrt(q))
    hi = max(stats.beta.ppf(0.999, k + 1, n - k), math.sin(min(s + 0.025, math.pi / 2)) ** 2, q + pp)
    lo = min(stats.beta.ppf(0.001, k, n - k + 1) if k > 0 else 0, math.sin(max(s - 0.025, 0)) ** 2, q - pp)
    self.lnl, self.use = np.zeros((len(c), 6)), np.zeros(6, bool)
    for j, step in enumerate((0.1, 0.25, 0.6)):
        for side, p0, ok in ((0, hi, hi < 1), (1, lo, lo > 0 and self.two)):
            if not ok:
                continue
            at = math.asin(math.sqrt(p0)) + (step / 2 if side == 0 else -step / 2)
            p1 = math.sin(min(max(at, 1e-3), math.pi / 2 - 1e-3)) ** 2
            if (p1 > p0) if side == 0 else (p1 < p0):
                self.use[3 * side + j] = True
                self.lnl[:, 3 * side + j] = (c * math.log(p1 / p0) + (self.n - c) * math.log((1 - p1) / (1 - p0))) / d
    lo = max(lo, 0)
    self.lnl = np.minimum(self.lnl, 5.5)
    self.home, self.band = c / np.maximum(self.n, 1) - (hi + lo) / 2, (hi - lo) / 2 + 1e-9


def lasting(r):
    if not r.any():
        return 1.0
    total, h = 1.0, len(r)
    for lag in range(1, (h + 3) // 4):
        excess = (r[lag:] * r[:-lag]).mean() / (r**2).mean() - 2 / math.sqrt(h)
        if excess <= 0:
            break
        total += 2 * excess
    return total


Channel.interval = interval

# --------------------------------------------------------------------------------------------- null


def likelihood(r, v, rho, tau2):
    m, p, q, logs = 0.0, tau2, 0.0, 0.0
    for t in range(len(r)):
        m *= rho
        if t:
            p = rho * rho * p + tau2 * (1 - rho * rho)
        s = p + v[t]
        d = r[t] - m
        q += d * d / s
        logs += math.log(s)
        m += p / s * d
        p -= p * p / s
    s2 = max(q / len(r), 1.0)
    return -0.5 * (len(r) * math.log(s2) + q / s2 + logs), s2


def wander(r, v, p):
    h, noise = len(r), v.mean()
    excess = max(r.var() * h / max(h - p, h / 3) - noise, 0)
    grid = []
    for m in (0, 0.25, 0.5, 0.75, 1, 1.3, 2):
        for rho in (0, 0.25, 0.45, 0.62, 0.75, 0.85, 0.92, 0.97):
            if excess * m == 0 and rho > 0:
                continue
            ll, s2 = likelihood(r, v, rho, excess * m)
            grid.append((ll, s2 * (excess * m * (1 + rho) / (1 - rho) + noise), rho, excess * m))
    top = max(g[0] for g in grid)
    return *max((g for g in grid if g[0] >= top - 3), key=lambda g: g[1])[2:], top - grid[0][0]


def persistence(z):
    most, h = 1.0, len(z)
    for b in (6, 12, 24, 48, 96):
        if h < 4 * b:
            break
        sums = np.convolve(z, np.ones(b), "valid")
        most = max(most, (sums**2).mean() / b / (z**2).mean() / (1 + math.sqrt(b / (3 * h))))
    return most


class Filter:
    def __init__(self, p, rho, tau2, x, spread):
        self.rho, self.tau2, self.m, self.p, self.t = rho, tau2, 0.0, tau2, 0
        self.mx, self.beta, self.cov = np.zeros(p), np.zeros(p), 10 * spread * np.eye(p)
        self.beta[0] = x
        self.cov[0, 0] *= 1e3

    def step(self, x, v, h, frozen=False):
        away = x - h @ self.beta
        self.m *= self.rho
        self.mx = self.rho * self.mx
        if self.t:
            self.p = self.rho**2 * self.p + self.tau2 * (1 - self.rho**2)
        self.t += 1
        s = self.p + v
        gain = self.p / s
        e, ex = x - self.m, h - self.mx
        self.m += gain * e
        self.mx = self.mx + gain * ex
        self.p *= 1 - gain
        u = ex / math.sqrt(s)
        lean = self.cov @ u
        var = 1 + u @ lean
        inn = e / math.sqrt(s) - u @ self.beta
        if not frozen:
            self.beta = self.beta + lean * inn / var
            self.cov = self.cov - np.outer(lean, lean) / var
        return inn / math.sqrt(var), away

    def rest(self):
        self.m, self.mx, self.p = 0.0, np.zeros_like(self.mx), self.tau2


def learn(ch, design, h, burn, recovery):
    if ch.rare:
        return
    p = design.shape[1]
    ridge = np.eye(p) * (1e-3 * h if h > 8 * p else 1.0)
    ridge[0, 0] = 0
    gram = design[:h].T @ design[:h] + ridge
    fit = np.linalg.solve(gram, design[:h].T @ ch.x[:h])
    if ch.event is not None:
        ch.v = np.maximum(design @ np.linalg.solve(gram, design[:h].T @ ch.event[:h]), 0.3) / np.maximum(ch.n, 1)
    r = ch.x - design @ fit
    ch.rho, ch.tau2, ch.gain = wander(r[:h], ch.v[:h], p)
    ch.home = r
    if ch.d is not None:
        excess = ch.d * (ch.x**3 - 1) / np.maximum(ch.n, 1)
        ch.home = ch.excess = excess - excess[:h].mean()
    width = min(recovery, max(h // 4, 1))
    rolled = np.convolve(ch.home[:h], np.ones(width) / width, "valid")
    ch.band = max(ch.floor, 2 * rolled.std())


def long_run(ch):
    return ch.tau2 * (1 + ch.rho) / (1 - ch.rho)


def learn_together(chs):
    """Categories share a quarter of the largest wander that is surely there."""
    own = [c for c in chs if c.name == "category" and not c.rare]
    sure = [c for c in own if c.gain > 6]
    if not sure:
        return
    largest = max(sure, key=long_run)
    rho, tau2, most = largest.rho, largest.tau2 / 4, long_run(largest) / 4
    for c in own:
        if long_run(c) < most:
            c.rho, c.tau2 = rho, tau2


def learn_filter(ch, design, h, burn):
    if ch.rare:
        return
    ch.filter = Filter(design.shape[1], ch.rho, ch.tau2, ch.x[0], ch.x[:h].var() + 1e-12)
    z = np.array([ch.filter.step(ch.x[t], ch.v[t], design[t])[0] for t in range(h)])[burn:]
    ch.sigma = math.sqrt(max((z**2).mean(), 1.0) * persistence(z))
    z /= ch.sigma
    ch.tails = np.array([np.exp(s * lam * np.clip(z, -30, 30)).sum() for s in (1, -1) for lam in LAMBDA])


# --------------------------------------------------------------------------------------------- run


def run(rows):
    panes = gather(rows, START)
    h = sum(p["end"] <= START + HISTORY for p in panes)
    use = terms(h, float(HISTORY))
    design = np.stack([p["h"][use] for p in panes])
    burn = min(2 * len(use), h // 3)
    length = h - burn
    recovery = int(max(3, math.ceil(24 / np.median([p["hours"] for p in panes[:h]]))))
    chs = channels(panes, h)
    for ch in chs:
        learn(ch, design, h, burn, recovery)
    learn_together(chs)
    for ch in chs:
        learn_filter(ch, design, h, burn)
    names = ["x", "k", "label", "volume"]
    weight = dict(x=0.4, k=0.3, label=0.2, volume=0.1)
    shaky = any(c.name in ("category", "omnibus") and not c.rare and c.gain > 6 for c in chs)
    betting = [c for c in chs if not (c.name == "omnibus" and shaky)]
    lc = math.log(THRESHOLD * len(betting) * 6)
    long = [2 * lc / lam**2 for lam in LAMBDA]
    ok = np.array([t <= length for t in long])
    if not ok.any():
        ok[-1] = True
    pen = np.array([lam**2 * min(t, 4 * length) / (2 * length) for lam, t in zip(LAMBDA, long)])
    for ch in chs:
        own = (ch in betting) * weight[ch.stream] / sum(c.stream == ch.stream for c in betting)
        use6 = ch.use if ch.rare else np.concatenate([ok, ok & ch.two])
        ch.w = own * use6 / max(use6.sum(), 1)
        ch.m, ch.cusum, ch.sx, ch.sg, ch.sn = (np.zeros(6) for _ in range(5))
        ch.since = np.zeros(6, int)
        ch.mark = None
    sign = np.array([1, 1, 1, -1, -1, -1.0])
    lam6 = np.array(LAMBDA * 2)
    gauss = np.exp(lam6**2 / 2)
    opened, zs, ms, alarms, closed = {}, [], [], [], []

    def relevant(ch):
        n = np.maximum(ch.sn, 1)
        return (ch.sn > 0) & ((ch.sx / n >= ch.floor) if not ch.rare else True) & (ch.sg / n >= ch.least)

    def gated(ch):
        return np.where(relevant(ch), ch.m, 0)

    def dated(ch):
        """The bet that dates the change: of those that have won about as much, the one that began last."""
        best = -1
        for i in np.flatnonzero(relevant(ch)):
            if ch.m[i // 3 * 3 : i // 3 * 3 + 3].max() <= 0:
                continue
            w, v = ch.cusum[i], ch.cusum[best]
            if best < 0 or (w > v if min(w, v) < max(w, v) / 2 else (ch.since[i], w) > (ch.since[best], v)):
                best = i
        return max(best, 0)

    def clear(name):
        for ch in chs:
            if ch.stream == name:
                for a in (ch.m, ch.cusum, ch.sx, ch.sg, ch.sn):
                    a[:] = 0

    for t in range(h, len(panes)):
        zrow = []
        for ch in chs:
            is_open = ch.stream in opened
            eff = gap = 0.0
            if ch.rare:
                zrow.append(0.0)
                lnl = ch.lnl[t]
            else:
                z, eff = ch.filter.step(ch.x[t], ch.v[t], design[t], frozen=is_open)
                z /= ch.sigma
                zrow.append(z)
                nu = max(length - 1, 5)
                if nu < 300:
                    z = math.copysign(-ndtri(max(stats.t.sf(abs(z), nu), 1e-200)), z)
                e = np.exp(sign * lam6 * np.clip(z / math.sqrt(1.15), -30, 30))
                lnl = np.minimum(np.log(e / np.maximum((ch.tails + e) / (length + 1), gauss)), 5.5) - np.tile(pen, 2)
                if ch.d is not None:
                    eff = ch.excess[t]
                if ch.q is not None:
                    gap = math.sin(min(max(math.asin(math.sqrt(ch.q)) + eff / 2, 0), math.pi / 2)) ** 2 - ch.q
            if is_open:
                continue
            made = ch.w > 0
            ch.m = np.where(made, np.minimum((ch.m + ch.w * panes[t]["hours"]) * np.exp(lnl), 1e15), 0)
            ch.cusum = np.maximum(ch.cusum + lnl, 0)
            live = ch.cusum > 0
            ch.since = np.where(live & (ch.sn == 0), panes[t]["start"], ch.since)
            ch.sx = np.where(live, ch.sx + sign * eff, 0)
            ch.sg = np.where(live, ch.sg + sign * gap, 0)
            ch.sn = np.where(live, ch.sn + 1, 0)
        zs.append(zrow)
        ms.append([float(ch.m.sum()) for ch in chs])
        for name in [s for s in names if s in opened]:
            t0, marked = opened[name]
            if t + 1 - t0 >= recovery and all(abs(ch.home[t + 1 - recovery : t + 1].mean()) <= ch.band for ch in marked):
                del opened[name]
                for ch in chs:
                    if ch.stream == name and not ch.rare:
                        ch.filter.rest()
                closed.append([name, panes[t]["end"] - START])
        held = {}

        def raise_alarm(name, best, joint):
            b = dated(best)
            alarms.append([name, best.name, best.bin, panes[t]["end"] - START, int(best.since[b]) - START, joint])
            opened[name] = (t, [best])
            clear(name)

        for name in [s for s in names if s not in opened]:
            own = [ch for ch in chs if ch.stream == name]
            sums = [gated(ch).sum() for ch in own]
            best = own[int(np.argmax(sums))]
            if sum(sums) >= THRESHOLD:
                raise_alarm(name, best, False)
            else:
                held[name] = (sum(sums), best)
        if sum(v for v, _ in held.values()) >= THRESHOLD:
            least = min(0.05 * THRESHOLD, max(v for v, _ in held.values()))
            for name, (v, best) in held.items():
                if v >= least:
                    raise_alarm(name, best, True)
                elif v > 0:
                    clear(name)
    return h, [c.name for c in chs], zs, ms, alarms, closed


if __name__ == "__main__":
    for name, how in STREAMS.items():
        rows = make(*how)
        h, names, zs, ms, alarms, closed = run(rows)
        digits = lambda table: [[float("%.13g" % v) for v in row] for row in table]
        flat = [[r["n"], r["missing"], r["below"], r["above"], r["new"], r["hits"], *r["x"], *r["k"]] for r in rows]
        doc = dict(start=START, history=h, hours=flat, channels=names, z=digits(zs), m=digits(ms), alarms=alarms, recovered=closed)
        raw = json.dumps(doc, separators=(",", ":"), default=float).encode()
        with open(f"{sys.argv[1]}/{name}.json.gz", "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", compresslevel=9, mtime=0, filename="") as g:
            g.write(raw)
        print(name, h, len(zs), names, alarms, closed, len(raw))
