package baseline

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// AttributeSource is a Source that has the attributes' stream, too.
type AttributeSource interface {
	Attributes(visit func(*plan.Batch) error) error
}

// attribute is a record of protected attributes of an id of the reference: its values, by plan.Attributes.Joined.
type attribute struct {
	id    outcome.ID
	place outcome.Place
	rows  *plan.Batch // of all of them
	at    int         // its row
}

// attributes reads what the attributes' stream says of the reference's ids, and lists the groups: values that as many ids have as make a category, by
// the latest record of each.
func attributes(p *plan.Plan, rows *plan.Batch, src Source) ([]attribute, error) {
	from, has := src.(AttributeSource)
	if p.Attributes == nil || !has || p.Outcome == nil {
		return nil, nil
	}
	hash := outcome.NewHasher(p)
	wanted := make(map[outcome.ID]bool, rows.N)
	for i := range rows.N {
		wanted[hash.ID(rows.Cols[p.Prediction.Roles.ID].Str[i])] = true
	}
	proj := &p.Attributes.Projection
	var out []attribute
	kept := plan.NewBatch(proj, 0)
	latest := map[outcome.ID]int{}
	place := int64(0)
	err := from.Attributes(func(b *plan.Batch) error {
		for i := range b.N {
			place++
			id := hash.ID(b.Cols[proj.Roles.ID].Str[i])
			if !wanted[id] {
				continue
			}
			a := attribute{id: id, place: outcome.Place{Time: b.Cols[proj.Roles.Time].Int[i], Offset: place}, rows: kept, at: kept.N}
			kept.Append(b, i)
			if at, ok := latest[id]; !ok || out[at].place.Compare(a.place) < 0 {
				latest[id] = len(out)
			}
			out = append(out, a)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the attributes of the reference of %s: %w", p.Model, err)
	}
	all := plan.NewBatch(proj, len(latest))
	for i := range out {
		if latest[out[i].id] == i {
			all.Append(kept, out[i].at)
		}
	}
	for _, j := range p.Attributes.Joined {
		p.Slices[j.Dim].Values = dictionary(&all.Cols[j.Field])
	}
	if all.N == 0 {
		p.Unjudged = append(p.Unjudged, fmt.Sprintf("nothing is known of the groups of %s: no record of their stream has an id of the reference", names(p)))
	}
	return out, nil
}

func names(p *plan.Plan) (out string) {
	for i, j := range p.Attributes.Joined {
		if i > 0 {
			out += ", "
		}
		out += p.Slices[j.Dim].Name
	}
	return out
}

// joinGroups joins them.
func joinGroups(p *plan.Plan, states map[outcome.ID]*outcome.State, given []attribute) {
	for i := range given {
		a := &given[i]
		if s := states[a.id]; s != nil {
			s.Fold(&outcome.Row{Groups: &outcome.Groups{Place: a.place, Plan: p.Digest(), Codes: string(p.AppendGroups(nil, a.rows, a.at))}})
		}
	}
}
