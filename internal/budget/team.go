package budget

import (
	"maps"
	"slices"
)

// roles are the owners by whose team a model is counted, the first that there is.
var roles = []string{"model", "platform", "data", "business", "risk", "legal"}

// Team is the team that a model is counted with, given its contract's owners (role to team): that of the role model, else of platform,
// data, business, risk, legal, else of the first other role by name; "" without owners.
func Team(owners map[string]string) string {
	for _, role := range slices.Concat(roles, slices.Sorted(maps.Keys(owners))) {
		if team := owners[role]; team != "" {
			return team
		}
	}
	return ""
}
