package contract

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// seal computes the digests. What is hashed is the JSON of the parsed contract, with defaults filled in: formatting, comments,
// the order of keys and the spelling of a value ("1%" or 0.01, 24h or 1d) don't count; the order of inputs, derived columns,
// rules, slices, promises and routes does.
func (c *Contract) seal() {
	whole := *c
	whole.Digest, whole.Policy, whole.Learns = "", "", ""
	whole.Promises = slices.Clone(c.Promises)
	for i := range whole.Promises {
		whole.Promises[i].Line = 0
	}
	whole.Protected = slices.Clone(c.Protected)
	slices.SortFunc(whole.Protected, func(a, b Protected) int { return cmp.Compare(a.Attribute, b.Attribute) })
	policy := struct {
		Owners      map[string]string
		Costs       *Costs
		Decision    Decision
		Promises    []Promise
		Notify      []Route
		Retrain     *Retrain
		Runbooks    map[string]string
		FalseAlarms FalseAlarms
	}{c.Owners, c.Costs, c.Decision, whole.Promises, c.Notify, c.Retrain, c.Runbooks, c.Watch.FalseAlarms}
	learns := whole
	learns.Metadata.Description, learns.Metadata.Tags = "", nil
	learns.Owners, learns.Promises, learns.Notify, learns.Retrain, learns.Runbooks = nil, nil, nil, nil, nil
	learns.Watch.FalseAlarms = FalseAlarms{}
	if !c.Decision.Cheapest {
		learns.Costs = nil
	}
	c.Digest, c.Policy, c.Learns = digest(whole), digest(policy), digest(learns)
}

// digest is "sha256:" and the hash of v's JSON, in which encoding/json sorts the keys of maps.
func digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "" // unreachable: a parsed contract holds no NaN, infinity, channel or function
	}
	sum := sha256.Sum256(append([]byte(apiVersion+"\n"), b...))
	return "sha256:" + hex.EncodeToString(sum[:])
}
