"""The independent count: a batch job over the source topics, and its comparison with what Plumbline says it counted.

It shares no code with Plumbline. The rules are those of docs/architecture.md; from Plumbline it takes the plans (frozen bin edges,
dictionaries, lengths of panes) and the output of `plumbline panes --json`. What the contracts say in CEL is said again here.

    count.py --brokers HOST:PORT,... --registry URL --panes FOLDER      FOLDER holds MODEL.jsonl for every model

It prints one JSON object; `differences` is 0 where everything agrees.
"""

import argparse
import bisect
import collections
import io
import json
import math
import os
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone

import fastavro
from confluent_kafka import Consumer, KafkaError, TopicPartition

# Derived columns, rules and filters of the contracts, by model.
DERIVED = {"size": lambda e: "large" if e["amount"] > 50.0 else "small"}
RULES = {"amount-positive": lambda e: e["amount"] > 0.0}
WHERE = {"loan-north": lambda e: e["region"] == "north"}

problems = []
numbers = 0


def problem(text):
    problems.append(text)


def read(brokers, topic):
    """Every committed record of a topic, by partition and offset, from the start to the end of now."""
    consumer = Consumer({
        "bootstrap.servers": brokers, "group.id": "chaos-count", "enable.auto.commit": False, "isolation.level": "read_committed",
        "enable.partition.eof": True, "auto.offset.reset": "error",
    })
    meta = consumer.list_topics(topic, timeout=30).topics[topic]
    if meta.error:
        sys.exit(f"{topic}: {meta.error}")
    starts = []
    for p in meta.partitions:
        low, _ = consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=30)
        starts.append(TopicPartition(topic, p, low))
    consumer.assign(starts)
    out, open_ = [], set(meta.partitions)
    while open_:
        for m in consumer.consume(5000, 1.0):
            if m.error():
                if m.error().code() == KafkaError._PARTITION_EOF:
                    open_.discard(m.partition())
                    continue
                sys.exit(f"{topic}: {m.error()}")
            out.append(m)
    consumer.close()
    out.sort(key=lambda m: (m.partition(), m.offset()))
    return out


class Registry:
    def __init__(self, url):
        self.url, self.known = url, {}

    def schema(self, id_):
        if id_ not in self.known:
            self.known[id_] = self.ask(id_)
        return self.known[id_]

    def ask(self, id_):
        for left in reversed(range(5)):
            try:
                with urllib.request.urlopen(f"{self.url}/schemas/ids/{id_}", timeout=30) as r:
                    return fastavro.parse_schema(plain(json.loads(json.loads(r.read())["schema"])))
            except urllib.error.HTTPError as e:
                if e.code == 404:
                    return None
                if left == 0:
                    raise
            except OSError as e:  # a connection that ended without an answer is one too
                if left == 0:
                    raise
                print(f"schema {id_}: {e}; asking again", file=sys.stderr)
            time.sleep(1)


def plain(schema):
    """The schema without logical types: times stay integers."""
    if isinstance(schema, dict):
        return {k: plain(v) for k, v in schema.items() if k != "logicalType"}
    if isinstance(schema, list):
        return [plain(v) for v in schema]
    return schema


def decode(registry, value):
    """The event, or None if nobody can read it."""
    if value is None or len(value) < 5 or value[0] != 0:
        return None
    schema = registry.schema(int.from_bytes(value[1:5], "big"))
    if schema is None:
        return None
    body = io.BytesIO(value[5:])
    try:
        event = fastavro.schemaless_reader(body, schema, None)
    except (EOFError, IndexError, ValueError, UnicodeDecodeError, OverflowError, MemoryError):
        return None
    return event if body.tell() == len(value) - 5 else None


HOUR = 3_600_000_000


class Watermark:
    """How far a partition has come: the largest event time, but one that lies further ahead than a bound counts only once ten in
    a row do, or two that lie further apart than the bound."""

    def __init__(self):
        self.at, self.run = None, []

    def see(self, us, ahead):
        if self.at is None or us - self.at <= ahead:
            self.at, self.run = us if self.at is None else max(self.at, us), []
            return
        self.run.append(us)
        if len(self.run) == 10 or max(self.run) - min(self.run) > ahead:
            self.at, self.run = min(self.run), []


class Stream:
    """One source topic: its events in order, what can't be read, and how far each partition has come."""

    def __init__(self, brokers, registry, topic, ahead):
        self.topic, self.events, self.unreadable = topic, [], set()
        self.records = collections.Counter()  # by partition
        self.last = {}
        self.watermark = collections.defaultdict(Watermark)
        self.latest = 0
        for m in read(brokers, topic):
            p, o = m.partition(), m.offset()
            self.records[p] += 1
            self.last[p] = o
            e = decode(registry, m.value())
            if e is None:
                self.unreadable.add((topic, p, o))
                continue
            self.watermark[p].see(e["at"], ahead)
            self.latest = max(self.latest, self.watermark[p].at - e["at"])
            self.events.append((p, o, e))

    def low(self):
        return min(w.at for w in self.watermark.values())


def micros(nanoseconds):
    return nanoseconds // 1000


def absent(v):
    return v is None or isinstance(v, float) and not math.isfinite(v)


def fixed(v):
    """v in units of 2^-40, to nearest, ties to even: exact integers from here on."""
    n, d = v.as_integer_ratio()
    return ratio(n << 40, d)


def ratio(n, d):
    q, r = divmod(n, d)
    if 2 * r > d or 2 * r == d and q & 1:
        q += 1
    return q


def squared(v):
    n, d = v.as_integer_ratio()
    return ratio(n * n << 40, d * d)


class Column:
    def __init__(self, plan):
        self.plan = plan
        layout = plan["layout"]
        self.edges, self.categories = layout.get("edges") or [], layout.get("categories") or []
        self.categorical, self.empty = layout.get("categorical", False), layout.get("empty", False)
        bins = 0 if self.empty else (len(self.categories) if self.categorical else len(self.edges)) + 1
        self.n = collections.Counter()
        self.bins = [0] * bins

    def add(self, v):
        n, plan, layout = self.n, self.plan, self.plan["layout"]
        n["rows"] += 1
        if v is None:
            n["missing"] += 1
        elif absent(v):
            n["invalid"] += 1
        elif self.categorical:
            if plan.get("values") and v not in plan["values"]:
                n["broken"] += 1
            if self.empty:
                return
            if v in self.categories:
                self.bins[self.categories.index(v)] += 1
                return
            self.bins[-1] += 1
            if v not in (layout.get("known") or []) and not layout.get("open"):
                n["new"] += 1
        else:
            if plan.get("range") and not plan["range"][0] <= v <= plan["range"][1]:
                n["broken"] += 1
            if self.empty:
                return
            self.bins[bisect.bisect_left(self.edges, v)] += 1
            n["below"] += v < layout["lo"]
            n["above"] += v > layout["hi"]
            n["integral"] += v == math.trunc(v)
            n["zero"] += v == 0
            n["negative"] += v < 0
            if abs(v) >= 2.0**35:
                n["overflow"] += 1
            else:
                n["sum"] += fixed(v)
                n["sum_squares"] += squared(v)

    def json(self):
        n = self.n
        out = {k: n[k] for k in (
            "rows", "missing", "invalid", "below", "above", "new", "broken", "integral", "zero", "negative", "overflow")}
        return out | {"name": self.plan["name"], "bins": self.bins, "sum": n["sum"] / 2**40, "sum_squares": n["sum_squares"] / 2**40}


class Cell:
    """One cell of a test pane."""

    def __init__(self, plan):
        self.rows = 0
        self.columns = [Column(c) for c in plan["columns"]]
        self.rules = {r["name"]: 0 for r in plan.get("rules") or []}
        self.scores = collections.Counter()
        self.bins = [0] * (len(plan["score"]["edges"]) + 1)


class Curve:
    def __init__(self, plan):
        bins = len(plan["score"]["edges"]) + 1
        self.labels, self.positives, self.decided = [0] * bins, [0] * bins, collections.Counter()

    def add(self, bin_, decision, positive):
        self.labels[bin_] += 1
        self.positives[bin_] += positive
        self.decided[("fn", "tp")[decision] if positive else ("tn", "fp")[decision]] += 1

    def json(self):
        return {"labels": self.labels, "positives": self.positives} | {k: self.decided[k] for k in ("tp", "fp", "fn", "tn")}


class Model:
    """The batch count of one model."""

    def __init__(self, plan, predictions, outcomes):
        self.plan, self.predictions, self.outcomes = plan, predictions, outcomes
        self.name = plan["model"]
        self.fields = [f["name"] for f in plan["prediction"]["fields"]]
        self.pane, self.test = micros(plan["pane"]), micros(plan["test_pane"])
        self.lateness, self.mature_after, self.keep = (micros(plan[k]) for k in ("lateness", "mature_after", "keep"))
        for s in (predictions, outcomes):
            if s.latest > self.lateness:
                sys.exit(f"{s.topic}: an event is {s.latest} us late within its partition: the source is wrong")
        self.panes, self.cohorts = {}, {}
        self.count()
        self.join()

    def slice(self, e):
        out = []
        for d in self.plan.get("slices") or []:
            v = e[self.fields[d["field"]]]
            out.append((d["name"], "missing" if v is None else v if v in d["values"] else "other"))
        return tuple(sorted(out))

    def key(self, e):
        version = e["version"] if self.plan["prediction"]["roles"]["version"] >= 0 else ""
        return version, self.slice(e)

    def mine(self):
        where = WHERE.get(self.name)
        if bool(where) != bool(self.plan["prediction"].get("where")):
            sys.exit(f"{self.name}: the contract's filter is not the one known here")
        for p, o, e in self.predictions.events:
            if where is None or where(e):
                yield p, o, e | {k: f(e) for k, f in DERIVED.items()}

    def count(self):
        ended = self.predictions.low() - self.lateness
        for _, _, e in self.mine():
            start = e["at"] - e["at"] % self.test
            if start + self.test > ended:
                continue
            cell = self.panes.setdefault((start, *self.key(e)), None) or Cell(self.plan)
            self.panes[(start, *self.key(e))] = cell
            cell.rows += 1
            for c in cell.columns:
                c.add(e[c.plan["name"]])
            for r in cell.rules:
                cell.rules[r] += not RULES[r](e)
            s = e["score"]
            if s is None:
                continue
            if not 0 <= s <= 1:
                cell.scores["invalid"] += 1
                continue
            cell.scores["scored"] += 1
            cell.scores["decided"] += 1
            cell.scores["positive"] += s >= self.plan["score"]["threshold"]
            cell.bins[bisect.bisect_left(self.plan["score"]["edges"], s)] += 1

    def join(self):
        first = {}
        for p, o, e in self.mine():
            if e["score"] is None or not 0 <= e["score"] <= 1:
                continue
            place = (e["at"], p, o)
            if e["id"] not in first or place < first[e["id"]][0]:
                first[e["id"]] = (place, e)
        outcomes = collections.defaultdict(list)
        for p, o, e in self.outcomes.events:
            if e["label"] is not None:
                outcomes[e["id"]].append(((e["at"], p, o), e["label"] == self.plan["positive"]))
        mature = min(self.predictions.low(), self.outcomes.low()) - self.lateness - self.mature_after
        for id_, (place, e) in first.items():
            start = e["at"] - e["at"] % self.test
            if start + self.test > mature:
                continue
            cut = e["at"] - e["at"] % self.pane + self.pane + self.mature_after
            known = [o for o in outcomes[id_] if abs(o[0][0] - place[0]) <= self.keep]
            for which, among in (("all", known), ("on_time", [o for o in known if o[0][0] < cut])):
                if not among:
                    continue
                cell = self.cohorts.setdefault((start, *self.key(e)), {})
                curve = cell.setdefault(which, Curve(self.plan))
                curve.add(bisect.bisect_left(self.plan["score"]["edges"], e["score"]), e["score"] >= self.plan["score"]["threshold"], max(among)[1])

    def expected(self):
        out = {}
        for (start, version, slice_), c in self.panes.items():
            scores = {k: c.scores[k] for k in ("scored", "invalid", "decided", "positive")} | {"bins": c.bins}
            cell = {"rows": c.rows, "columns": [x.json() for x in c.columns], "scores": scores}
            if c.rules:
                cell["rules"] = c.rules
            out["test", start, version, slice_] = cell
        for (start, version, slice_), c in self.cohorts.items():
            out["cohort", start, version, slice_] = {k: v.json() for k, v in c.items()}
        return out


def instant(text):
    t = datetime.fromisoformat(text.replace("Z", "+00:00"))
    delta = t - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds


def exported(model, file):
    out = {}
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            c = json.loads(line)
            key = c["kind"], instant(c["start"]), c["version"], tuple(sorted(c["slice"].items()))
            if key in out:
                problem(f"{model} {label(key)}: there twice")
            if instant(c["end"]) - key[1] != TESTS[model]:
                problem(f"{model} {label(key)}: ends at {c['end']}")
            out[key] = {k: v for k, v in c.items() if k not in ("kind", "model", "plan", "start", "end", "version", "slice")}
    return out


TESTS = {}


def label(key):
    kind, start, version, slice_ = key
    at = datetime.fromtimestamp(start / 1e6, timezone.utc).strftime("%Y-%m-%dT%H:%M")
    return f"{kind} {at} {version or '-'} " + ",".join(f"{k}={v}" for k, v in slice_)


def compare(where, want, got):
    """Every number of want and got, counted; each difference is a problem."""
    global numbers
    if isinstance(want, dict) and isinstance(got, dict):
        for k in sorted(want.keys() | got.keys()):
            if k not in want or k not in got:
                problem(f"{where}.{k}: {'unexpected' if k in got else 'missing'}")
            else:
                compare(f"{where}.{k}", want[k], got[k])
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for i, (w, g) in enumerate(zip(want, got)):
            compare(f"{where}[{i}]", w, g)
    else:
        numbers += 1
        if isinstance(want, float) and isinstance(got, int):
            got = float(got)  # JSON: the nearest float64, however it is written
        if want != got:
            problem(f"{where}: counted {got}, should be {want}")


class Wire:
    """The varint codec of the binary records."""

    def __init__(self, b):
        self.b, self.at = b, 0

    def uint(self):
        v = shift = 0
        while True:
            c = self.b[self.at]
            self.at += 1
            v |= (c & 0x7F) << shift
            shift += 7
            if c < 0x80:
                return v

    def int(self):
        v = self.uint()
        return (v >> 1) ^ -(v & 1)

    def bytes(self):
        n = self.uint()
        self.at += n
        return self.b[self.at - n:self.at]


def coverage(value):
    """The coverage of a fragment: (topic, partition, from, to, records, idle or lost)."""
    w = Wire(value)
    w.uint()  # format
    w.int()
    out = []
    for _ in range(w.uint()):
        topic = w.bytes().decode()
        w.at += 16
        partition, _ = w.int(), w.int()
        start, end, _, records, flags = w.int(), w.int(), w.int(), w.int(), w.uint()
        out.append((topic, partition, start, end, records, flags))
    return out


def check_fragments(brokers, streams, joins):
    """Coverage follows on without gap or overlap in every fragments partition, and accounts for every committed record."""
    reached, records = collections.defaultdict(int), collections.Counter()
    partitions = set()
    for m in read(brokers, "plumbline.fragments"):
        partitions.add(m.partition())
        for topic, p, start, end, n, flags in coverage(m.value()):
            at = (m.partition(), topic, p)
            if start != reached[at]:
                problem(f"fragments {m.partition()} at {m.offset()}: {topic}/{p} goes on at {start}, should be {reached[at]}")
            if flags & 2:
                problem(f"fragments {m.partition()} at {m.offset()}: {topic}/{p} lost [{start}, {end})")
            reached[at] = end
            records[at] += n
    sources = {("plumbline.joins", p): (n, last) for p, (n, last) in joins.items()}
    for s in streams:
        for p in s.last:
            sources[s.topic, p] = (s.records[p], s.last[p])
    for f in partitions:
        for (topic, p), (n, last) in sources.items():
            compare(f"fragments {f}: records of {topic}/{p}", n, records[f, topic, p])
            if reached[f, topic, p] <= last:
                problem(f"fragments {f}: {topic}/{p} is read up to {reached[f, topic, p]}, there is an event at {last}")


def check_quarantine(brokers, streams):
    want = collections.Counter()
    for s in streams:
        want.update(s.unreadable)
    got = collections.Counter()
    for m in read(brokers, "plumbline.quarantine"):
        h = {k: (v or b"").decode() for k, v in m.headers() or []}
        got[h["plumbline-topic"], int(h["plumbline-partition"]), int(h["plumbline-offset"])] += 1
    for at in want.keys() | got.keys():
        compare(f"quarantine {at}", want[at], got[at])
    return sum(want.values())


def check_findings(brokers):
    ids = collections.Counter()
    for m in read(brokers, "plumbline.findings"):
        f = json.loads(m.value())
        ids[f["id"]] += 1
        data = f.get("data", f)
        if data.get("channel") == "coverage":
            problem(f"finding {f['id']}: {data.get('subject')} {data.get('metric')}")
    for id_, n in ids.items():
        compare(f"finding {id_}: times", 1, n)
    return len(ids)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--brokers", required=True)
    args.add_argument("--registry", required=True)
    args.add_argument("--panes", required=True)
    args = args.parse_args()
    registry, streams, panes, cells, outcomes_joined = Registry(args.registry), {}, set(), 0, 0
    plans = {}
    for m in read(args.brokers, "plumbline.plans"):
        if m.value():
            p = json.loads(m.value())
            plans[p["model"]] = p
    ahead = collections.Counter()
    for plan in plans.values():
        for topic in (plan["prediction"]["topic"], plan["outcome"]["topic"]):
            ahead[topic] = max(ahead[topic], HOUR, micros(plan["lateness"]))
    for topic in ahead:
        streams[topic] = Stream(args.brokers, registry, topic, ahead[topic])
    for model, plan in sorted(plans.items()):
        TESTS[model] = micros(plan["test_pane"])
        want = Model(plan, streams[plan["prediction"]["topic"]], streams[plan["outcome"]["topic"]]).expected()
        got = exported(model, os.path.join(args.panes, model + ".jsonl"))
        for key in sorted(want.keys() | got.keys()):
            if key not in got:
                problem(f"{model} {label(key)}: missing")
            elif key not in want:
                problem(f"{model} {label(key)}: unexpected")
            else:
                compare(f"{model} {label(key)}", want[key], got[key])
        cells += len(want)
        panes.update((model, kind, start) for kind, start, _, _ in want)
        outcomes_joined += sum(sum(c["all"]["labels"]) for c in want.values() if "all" in c)
    joins = {}
    for m in read(args.brokers, "plumbline.joins"):
        n, _ = joins.get(m.partition(), (0, 0))
        joins[m.partition()] = (n + 1, m.offset())
    check_fragments(args.brokers, streams.values(), joins)
    unreadable = check_quarantine(args.brokers, streams.values())
    findings = check_findings(args.brokers)
    json.dump({
        "events": sum(sum(s.records.values()) for s in streams.values()), "panes": len(panes), "cells": cells, "numbers": numbers,
        "joined": outcomes_joined, "unreadable": unreadable, "findings": findings,
        "differences": len(problems), "details": problems[:40],
    }, sys.stdout)


if __name__ == "__main__":
    main()
