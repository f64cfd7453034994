package bus

// Whole joins the ranges of each partition into one, from the first one's From to the last one's To: what a role that keeps a
// state per partition moves over in one step, losses included. Order and Records stay; Lost is set only where all was lost.
func Whole(ranges []Range) []Range {
	var out []Range
	for _, g := range ranges {
		if n := len(out); n > 0 && out[n-1].Topic == g.Topic && out[n-1].Partition == g.Partition {
			out[n-1].To = g.To
			out[n-1].Records += g.Records
			out[n-1].Lost = out[n-1].Lost && g.Lost
			continue
		}
		out = append(out, g)
	}
	return out
}
