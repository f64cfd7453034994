"""Shows the raw data behind each incident of an example, for those who judge them: incidents.py STREAM REPORT. How it is
run is in incidents.md.

It shares nothing with the engine but the onset, the end of the pane that decided and the columns that were named. What a column
did between these two is held against all stretches of that length that the reference has: their smallest and largest mean and
standard deviation. Weather has seasons: there it is the same days of each year of the reference, twice: by the file's calendar,
and with the days counted in that are missing from the file; "rank" is among all years of the file. Beside the stretch itself
stand the last pane, which a title's figures are of, and the time after it; for a divergence also how far the shape is from the
reference's, against how far one of its years is from the others.
"""

import json
import sys

import numpy as np
import pandas as pd

REFERENCE = {"electricity": ("1996-11-03", "1997-02-17"), "flights": ("2013-02-01", "2013-03-10"), "weather": ("1959-01-01", "1969-01-01")}
SEEN = {"flights": [("2013-02-08", "2013-02-11")]}  # declared odd in the contract
YEAR = 365.2425
# Rows of weather from which on so many days are missing in front of them; the likelihood below finds both.
MISSING = [("1983-09-03", 65), ("1993-03-27", 36)]

name, report = sys.argv[1], json.load(open(sys.argv[2]))
data = pd.read_csv(f"examples/{name}/{name}.csv.gz", keep_default_na=False, na_values=[""])
data.index = pd.DatetimeIndex(pd.to_datetime(data["ts" if name == "electricity" else "at"], utc=True)).tz_localize(None)
label = {"electricity": "up", "flights": "late", "weather": "rain"}[name]
begin, end = (pd.Timestamp(t) for t in REFERENCE[name])
reference = data[(data.index >= begin) & (data.index < end)]
for a, b in SEEN.get(name, []):
    reference = reference[(reference.index < a) | (reference.index >= b)]


def between(rows, a, b):
    return rows[(rows.index >= a) & (rows.index < b)]


def of(rows, slice_):
    for k, v in slice_.items():
        rows = rows[(np.where(rows["period"] < 0.34, "night", "day") if k == "daypart" else rows[k]) == v]
    return rows


def stretches(ref, n, a, b):
    """The reference's stretches as long as a to b, a day apart."""
    for first in pd.date_range(begin, end - (b - a), freq="D"):
        part = between(ref, first, first + (b - a))
        if len(part) > 0.7 * n:
            yield part


def value(column, bin_of, seen):
    if bin_of is not None:
        return (column == bin_of).astype(float)
    if not pd.api.types.is_numeric_dtype(column):
        return (~column.isin(seen)).astype(float)
    return column


def show(subject, a, b, words, bin_of=None, slice_={}):
    ref = of(reference, slice_)
    seen = reference[subject].unique()  # of the whole, as the engine has it
    now = value(of(between(data, a, b), slice_)[subject], bin_of, seen)
    past = [value(p[subject], bin_of, seen) for p in stretches(ref, len(now), a, b)]
    line = f"   {subject:9s} {words:22s} {slice_ or ''} {a:%Y-%m-%d %H} to {b:%Y-%m-%d %H}"
    for what, f in (("mean", lambda x: x.mean()), ("sd", lambda x: x.std())):
        all_ = [f(p) for p in past]
        if all_:
            line += f"; {what} {f(now):.4g} (reference {min(all_):.4g} to {max(all_):.4g})"
    if bin_of is None and pd.api.types.is_numeric_dtype(data[subject]):
        line += f"; {100 * (now > ref[subject].max()).mean():.1f} % above all of the reference, {100 * (now < ref[subject].min()).mean():.1f} % below"
    print(line)


def outcomes(a, b, slice_):
    """Share of positives less mean score: a to b, and the reference's stretches of that many days."""
    rows = of(data[data[label].notna() & data["score"].notna()], slice_)
    days = rows.groupby(rows.index.floor("D")).agg(share=(label, "mean"), score=("score", "mean"))
    n = max(1, (b - a).days)
    gap = (days["share"] - days["score"]).rolling(n).mean()
    past = gap[(gap.index >= begin + pd.Timedelta(days=n - 1)) & (gap.index < end)]
    now = between(days, a, b).mean()
    print(f"   outcomes  {slice_ or 'all'} {a:%Y-%m-%d}, {n} d: share {now['share']:.3f}, mean score {now['score']:.3f}, apart {now['share'] - now['score']:+.3f} (reference {past.min():+.3f} to {past.max():+.3f})")


def missing_days():
    out = np.zeros(len(data), int)
    for day, n in MISSING:
        out[data.index >= day] += n
    return out


def measure(subject, words):
    """What is said of a column, as a function of its values."""
    if words == "sd_relative_change":
        return np.std
    if words == "above_reference_share_change":
        return lambda x: 100 * (x > reference[subject].max()).mean()
    if words == "below_reference_share_change":
        return lambda x: 100 * (x < reference[subject].min()).mean()
    return np.mean


def shape(subject, a, b):
    """Half the chi-square distance in tenths of the reference: of a to b, and of each of its years, from the other years."""
    edges = np.quantile(reference[subject], np.linspace(0, 1, 11)[1:-1])
    share = lambda x: np.bincount(np.searchsorted(edges, x, side="right"), minlength=10) / len(x)
    far = lambda h, e: ((h - e) ** 2 / np.maximum(h + e, 1e-9)).sum()
    x, i, j = data[subject].to_numpy(), data.index.searchsorted(a), data.index.searchsorted(b)
    starts = [i + round(k * YEAR) for k in range(-50, 51) if k]
    past = [share(x[s : s + j - i]) for s in starts if data.index.searchsorted(begin) <= s and s + j - i <= data.index.searchsorted(end)]
    own = [far(h, (sum(past) - h) / (len(past) - 1)) for h in past]
    print(f"   {subject:11s} shape {far(share(x[i:j]), sum(past) / len(past)):.3f}; the reference's years {min(own):.3f} to {max(own):.3f}")


def aside(subject, a, b):
    """The reference's stretches that begin at most 15 days earlier or later in the year."""
    x, i, j = data[subject].to_numpy(), data.index.searchsorted(a), data.index.searchsorted(b)
    first, last = data.index.searchsorted(begin), data.index.searchsorted(end)
    starts = [i + round(k * YEAR) + d for k in range(-50, 51) if k for d in range(-15, 16)]
    past = [(int(x[s : s + j - i].sum()), str(data.index[s].date())) for s in starts if first <= s and s + j - i <= last]
    print(f"   {subject:11s} {x[i:j].sum()} of {j - i} days; two weeks aside {min(past)} to {max(past)} in the reference")


def season(subject, a, b, words, tag=""):
    f = measure(subject, words)
    x, rows = data[subject].to_numpy(), np.arange(len(data))
    i, j = data.index.searchsorted(a), data.index.searchsorted(b)
    now, line = f(x[i:j]), ""
    for calendar, days in (("by the file", rows), ("by the season", rows + missing_days())):
        past, years = [], []
        for year in range(1949, 1999):
            first = days[i] + round((year - data.index[i].year) * YEAR)
            if (days[i] == first) or not (0 <= first and first + j - i <= days[-1] + 1):
                continue
            part = x[(days >= first) & (days < first + j - i)]
            if len(part) > 0.9 * (j - i):
                years.append(f(part))
                start = pd.Timestamp("1949-01-01") + pd.Timedelta(days=first)
                if begin <= start and start + (b - a) <= end:
                    past.append(f(part))
        line += f"; {calendar} {min(past):.5g} to {max(past):.5g} in the reference"
        if calendar == "by the season":
            line += f", rank {1 + sum(y < now for y in years)} of {len(years) + 1}"
    print(f"   {subject:11s} {tag:9s} {words:22s} {a:%Y-%m-%d} to {b:%Y-%m-%d}: {now:.5g}{line}")


def incidents():
    found = {f["id"]: f for f in report["findings"]}
    for n in report["incidents"]:
        print(f"{n['opened_at'][:10]} {n['severity']}: {n['title']}; until {(n['resolved_at'] or 'the end')[:10]}")
        print("   said:", "; ".join(f"{x['name']} {x['now']:.4g}" for x in n["numbers"]))
        told = set()
        for f in (found[i] for i in n["findings"]):
            subject = label if f["metric"] == "positive_share_change" else f["subject"]
            key = subject, f["metric"] if subject != "outcome" else "", f["onset"], json.dumps(f["slice"])
            if f["verdict"] not in ("drift", "fault") or key in told:
                continue
            told.add(key)
            a, b = pd.Timestamp(f["onset"][:19]), pd.Timestamp(f["at"][:19])
            if subject == "outcome":
                outcomes(a, b, f["slice"])
            elif subject not in data:
                print("  ", subject, f["metric"])
            elif name == "weather":
                season(subject, a, b, f["metric"])
                pane = pd.Timestamp(f["window"]["start"][:19])
                if "share_change" in f["metric"] and subject != label:
                    season(subject, a, b, "mean")
                if pane > a:
                    season(subject, pane, b, f["metric"], "last pane")
                if b + (b - a) < data.index[-1]:
                    season(subject, b, b + (b - a), f["metric"], "after")
                if f["metric"] == "chi2_divergence":
                    shape(subject, a, b)
                if subject == label:
                    aside(subject, a, b)
                    aside(subject, pane, b)
                    outcomes(a, b, {})
            else:
                name_ = f["numbers"][0]["name"]
                bin_of = name_.split('"')[1] if name_.startswith("share of") else None
                show(subject, a, b, f["metric"], bin_of, f["slice"])
                if n["resolved_at"]:
                    show(subject, a, pd.Timestamp(n["resolved_at"][:19]), "until it was resolved", bin_of, f["slice"])


def facts():
    """What is said of the streams beside their incidents."""
    if name == "flights":
        week = data.index.to_period("W").start_time
        print(data.groupby(week).agg(n=("hour", "size"), distance=("distance", "mean"), air_time=("air_time", "mean"), dep_delay=("dep_delay", "mean"), cancelled=("dep_delay", lambda x: x.isna().mean()),
                                     score=("score", "mean"), late=("late", "mean")).round(3).to_string())
        for column in ("origin", "carrier"):
            t = pd.crosstab(week, data[column], normalize="index")
            print((100 * t).round(1).to_string())
        for origin, column, which in (("EWR", "dest", ["BWI", "DCA"]), ("EWR", "carrier", ["VX", "MQ"]), ("LGA", "carrier", ["9E", "EV", "DL"])):
            rows = data["origin"] == origin
            t = pd.crosstab(week[rows], data[column][rows], normalize="index")[which]
            print(origin, column, data[rows].groupby(column)["at"].min()[which].to_dict(), (100 * t).round(2).to_string(), sep="\n")
        high = data[data["score"] > 0.5]  # where many of its flights have no label
        without = high.groupby(high.index.floor("D"))["late"].agg(n="size", unlabelled=lambda x: x.isna().sum())
        without["share"] = without["unlabelled"] / without["n"]
        print(without.sort_values("share").tail(12).round(3).to_string())
        new = data[~data["dest"].isin(reference["dest"].unique())]
        print(new.groupby("dest").agg(flights=("hour", "size"), first=("at", "min"), last=("at", "max")).to_string())
    elif name == "electricity":
        print(data.groupby(data.index.to_period("M"))[["nswprice", "nswdemand", "score", "up"]].agg(["mean", "std"]).round(4).to_string())
        day = data.groupby(data.index.floor("D"))[["nswprice", "nswdemand", "score", "up"]].mean()
        day["above"] = (data["nswdemand"] > reference["nswdemand"].max()).groupby(data.index.floor("D")).mean()
        print(day.round(3).to_string())
        said = data["score"] >= 0.5
        cost = pd.Series(np.select([said & (data["up"] == 1), said, data["up"] == 1], [-10, 40, 90], 0), data.index)  # of the contract
        print("cost per decision by weeks:", cost.groupby(data.index.to_period("W").start_time).mean().round(1).to_string(), sep="\n")
        for a, b in (("1996-06-01", "1996-09-01"), ("1996-11-03", "1997-02-17"), ("1997-06-01", "1997-09-01"), ("1997-11-03", "1998-02-17"), ("1997-11-26", "1998-03-26"), ("1998-06-01", "1998-09-01")):
            part = between(data, a, b)["nswdemand"]
            print(f"demand {a} to {b}: {part.mean():.3f}, {100 * (part > reference['nswdemand'].max()).mean():.1f} % above all of the reference")
        print("days of the reference:", reference.groupby(reference.index.floor("D"))["nswprice"].agg(["mean", "std"]).agg(["min", "max"]).round(4).to_dict())
    else:
        print(data.groupby(data.index.year)[["visibility", "wind", "max_wind", "score", "rain"]].agg(["mean", "std"]).round(2).to_string())
        print("visibility from September 1995 on", round(data[data.index >= "1995-09-01"]["visibility"].mean(), 2), "reference", reference["visibility"].agg(["mean", "std"]).round(2).to_dict())
        season("wind", pd.Timestamp("1986-02-01"), pd.Timestamp("1986-07-01"), "mean")
        season("visibility", pd.Timestamp("1992-05-30"), pd.Timestamp("1992-08-28"), "mean")
        aside(label, pd.Timestamp("1973-01-10"), pd.Timestamp("1973-06-09"))
        print("wind by months of 1986", data["wind"]["1986":"1986"].groupby(data.index[data.index.year == 1986].month).mean().round(1).to_list())
        print("hazy days of August 1986", (between(data, "1986-07-31", "1986-08-30")["visibility"] <= 8).sum())
        dry = (data[label] != 0).cumsum()[data[label] == 0]
        runs = dry.groupby(dry).agg(days="size", first=lambda x: x.index[0].date(), last=lambda x: x.index[-1].date())
        print("dry spells", runs.nlargest(6, "days").to_string(), sep="\n")
        knots = data["max_wind"].round(1)
        print("max_wind that is written", pd.DataFrame({v: (knots == v).groupby(data.index.year).sum() for v in (11.8, 12.0)}).loc[1970:1986].to_string(), sep="\n")
        for first, last, known in ((1981, 1986, 0), (1991, 1996, MISSING[0][1])):
            print("missing days, the row from which on, and log likelihood over the best without:", *likelihood(first, last, known), sep="\n   ")


def likelihood(first, last, known):
    """The season's phase: for so many more missing days than known, the row from which on the season fits best."""
    x = np.arange(len(data))
    turn = lambda d: np.stack([np.ones(len(d)), *(g(2 * np.pi * k * d / YEAR) for k in (1, 2) for g in (np.cos, np.sin))], 1)
    learnt = data.index < "1976"

    def fits(days):
        out = np.zeros(len(x))
        for c in ("warmest", "coldest", "dew_point"):
            v = data[c].to_numpy()
            beta = np.linalg.lstsq(turn(x[learnt]), v[learnt], rcond=None)[0]
            left = np.abs(v[learnt] - turn(x[learnt]) @ beta)
            sd = 1.25 * turn(x + days) @ np.linalg.lstsq(turn(x[learnt]), left, rcond=None)[0]
            out += -0.5 * ((v - turn(x + days) @ beta) / sd) ** 2 - np.log(sd)
        return out

    base, all_ = fits(known), []
    i, j = (data.index.searchsorted(f"{y}-01-01") for y in (first, last))
    for n in range(20, 91):
        gain = (fits(known + n) - base)[i:j][::-1].cumsum()[::-1]
        all_.append((round(gain.max()), n, str(data.index[i + gain.argmax()].date())))
    return [f"{n} days, {day}: {g}" for g, n, day in sorted(all_, reverse=True)[:3]]


incidents()
facts()
