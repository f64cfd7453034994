package contract_test

import (
	"errors"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/contract"
)

// FuzzParse: no panic; problems lie within the text and say something; what parses has digests, and the same ones twice.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"good/*.yaml", "bad/*.yaml"} {
		for _, path := range files(f, pattern) {
			f.Add(read(f, path))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := contract.Parse("f", data)
		if err != nil {
			var invalid *contract.InvalidError
			if !errors.As(err, &invalid) || len(invalid.Problems) == 0 || len(invalid.Problems) > 201 {
				t.Fatalf("%v", err)
			}
			for _, p := range invalid.Problems {
				if p.Line < 1 || p.Line > len(data)+1 || p.Col < 1 || p.Message == "" || p.File != "f" {
					t.Fatalf("%+v", p)
				}
			}
			return
		}
		again, err := contract.Parse("g", data)
		if err != nil || c.Digest == "" || c.Policy == "" || again.Digest != c.Digest || again.Policy != c.Policy {
			t.Fatalf("%v: %s %s, then %+v", err, c.Digest, c.Policy, again)
		}
		for _, v := range c.Columns() {
			if v.Name == "" {
				t.Fatalf("a column without a name: %+v", c.Columns())
			}
		}
	})
}
