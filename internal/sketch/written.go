package sketch

// Written is a cell as a fragment takes it: what its Set would write, without the Set.
type Written struct {
	Key  Key
	Rows int64

	of *Counter
	at int
}

// writtenColumn is what Column.append writes of one column for every cell, in the order of the cells' numbers.
type writtenColumn struct {
	bytes []byte
	ends  []int // by cell: where in bytes its column ends
}

// Written writes the cells counted since the last Reset and hands them out by key. They are the counter's own until Reset, or until
// something is counted.
//
// All cells of a column are written before the next column is looked at, in the order in which they lie in memory, and then put together
// cell by cell. To go through one cell after another would fetch a few lines out of each of as many arrays as there are columns.
func (c *Counter) Written() []Written {
	c.write()
	out := make([]Written, len(c.keys))
	for i, at := range c.sorted() {
		out[i] = Written{Key: c.keys[at], Rows: int64(c.rows[at]), of: c, at: int(at)}
	}
	return out
}

// AppendBinary writes what Set.AppendBinary would.
func (w Written) AppendBinary(b []byte) []byte {
	c := w.of
	s := c.scratch()
	s.Rows = w.Rows
	c.odds(s, w.at)
	b = s.appendHead(b)
	for i := range c.written {
		column, from := &c.written[i], 0
		if w.at > 0 {
			from = column.ends[w.at-1]
		}
		b = append(b, column.bytes[from:column.ends[w.at]]...)
	}
	at := len(b)
	b = s.appendOdds(b)
	if s.Scored > 0 {
		b[at] |= setScores
		b = c.score.append(b, w.at)
	}
	return b
}

func (c *Counter) write() {
	columns := c.scratch().Columns
	if c.written == nil {
		c.written = make([]writtenColumn, len(columns))
	}
	c.eachPlanned(func(n columnOfPlan) {
		w, scratch := &c.written[n.place()], &columns[n.place()]
		w.bytes, w.ends = w.bytes[:0], w.ends[:0]
		for cell, n32 := range c.rows[:len(c.keys)] {
			rows := int64(n32)
			bins := n.read(scratch, cell, rows)
			mask := scratch.mask(rows)
			w.bytes = scratch.appendCounters(w.bytes, mask)
			if valid := scratch.Valid(); valid > 0 && len(bins) > 0 {
				w.bytes = appendCounted(w.bytes, bins, valid)
			}
			w.bytes = scratch.appendSums(w.bytes, mask)
			w.ends = append(w.ends, len(w.bytes))
		}
	})
}

// scratch is a set that lives no longer than a call.
func (c *Counter) scratch() *Set {
	if c.single == nil {
		c.single = NewSet(c.plan)
	}
	return c.single
}

// reset keeps what an ordinary epoch takes.
func (w *writtenColumn) reset() {
	const ordinary = 64 // bytes of a column and a cell
	w.bytes, w.ends = kept(w.bytes, keptCells*ordinary), kept(w.ends, keptCells)
}
