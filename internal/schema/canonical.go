package schema

import "strconv"

// emptyFingerprint is the CRC-64-AVRO fingerprint of no bytes, and the polynomial (Avro specification, "Schema
// Fingerprints"; Rabin 1981).
const emptyFingerprint = 0xc15d213aa4d7a795

var fingerprintTable = func() (table [256]uint64) {
	for i := range table {
		fp := uint64(i)
		for range 8 {
			fp = fp>>1 ^ emptyFingerprint&-(fp&1)
		}
		table[i] = fp
	}
	return table
}()

func rabin(b []byte) uint64 {
	fp := uint64(emptyFingerprint)
	for _, c := range b {
		fp = fp>>8 ^ fingerprintTable[byte(fp)^c]
	}
	return fp
}

// Fingerprint is the CRC-64-AVRO fingerprint of a schema's Parsing Canonical Form, as the Avro specification has it.
func Fingerprint(schema string) (uint64, error) {
	t, err := parse(schema)
	if err != nil {
		return 0, err
	}
	return rabin(canonical(t, false)), nil
}

// Fingerprints lists the fingerprints under which single-object events may name a schema: the specification's first; then,
// where it differs, that of goavro, which keeps a primitive's object form where it knows its logical type.
func Fingerprints(schema string) ([]uint64, error) {
	t, err := parse(schema)
	if err != nil {
		return nil, err
	}
	all := []uint64{rabin(canonical(t, false))}
	if kept := rabin(canonical(t, true)); kept != all[0] {
		all = append(all, kept)
	}
	return all, nil
}

// canonical writes t's Parsing Canonical Form. With keep, a primitive stays the object it was written as, as goavro
// has it.
func canonical(t *avroType, keep bool) []byte {
	w := canonicalWriter{keep: keep, seen: map[*avroType]bool{}, decimals: map[[2]int]bool{}}
	w.typ(t)
	return w.out
}

type canonicalWriter struct {
	out      []byte
	keep     bool
	seen     map[*avroType]bool
	decimals map[[2]int]bool // precision and scale of those written
}

func (w *canonicalWriter) text(s string) { w.out = append(w.out, s...) }

// quoted writes s as it is: the canonical form has no escapes.
func (w *canonicalWriter) quoted(s string) {
	w.out = append(w.out, '"')
	w.out = append(w.out, s...)
	w.out = append(w.out, '"')
}

func (w *canonicalWriter) typ(t *avroType) {
	if t.name != "" {
		if w.seen[t] {
			w.quoted(t.name)
			return
		}
		w.seen[t] = true
	}
	switch t.kind {
	case kindRecord:
		w.text(`{"name":`)
		w.quoted(t.name)
		w.text(`,"type":"record","fields":[`)
		for i, f := range t.fields {
			if i > 0 {
				w.text(",")
			}
			w.text(`{"name":`)
			w.quoted(f.name)
			w.text(`,"type":`)
			w.typ(f.typ)
			w.text("}")
		}
		w.text("]}")
	case kindEnum:
		w.text(`{"name":`)
		w.quoted(t.name)
		w.text(`,"type":"enum","symbols":[`)
		for i, s := range t.symbols {
			if i > 0 {
				w.text(",")
			}
			w.quoted(s)
		}
		w.text("]}")
	case kindFixed:
		w.text(`{"name":`)
		w.quoted(t.name)
		w.text(`,"type":"fixed","size":`)
		w.text(strconv.Itoa(t.size))
		w.text("}")
	case kindArray:
		w.text(`{"type":"array","items":`)
		w.typ(t.elem)
		w.text("}")
	case kindMap:
		w.text(`{"type":"map","values":`)
		w.typ(t.elem)
		w.text("}")
	case kindUnion:
		w.text("[")
		for i, b := range t.branches {
			if i > 0 {
				w.text(",")
			}
			w.typ(b)
		}
		w.text("]")
	default:
		w.primitive(t)
	}
}

func (w *canonicalWriter) primitive(t *avroType) {
	switch {
	case !w.keep || !t.wrapped:
		w.quoted(t.kind.String())
	case t.logical == logicalDecimal && !w.decimals[[2]int{t.precision, t.scale}]:
		w.decimals[[2]int{t.precision, t.scale}] = true
		w.text(`{"name":"bytes.decimal","type":"bytes"}`) // goavro names the first of each precision and scale
	default:
		w.text(`{"type":`)
		w.quoted(t.kind.String())
		w.text("}")
	}
}
