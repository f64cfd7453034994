package census

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Model is a logistic regression: the weights of the intercept and of each feature, in the order of features.
type Model struct {
	Weights []float64 `json:"weights"`
}

// weights is how many there are.
const weights = 13

// features are what the model makes of a row; get gives a column's text, number a column as a number.
func features(get func(string) string, number func(string) float64) []float64 {
	is := func(column string, values ...string) float64 {
		if slices.Contains(values, get(column)) {
			return 1
		}
		return 0
	}
	return []float64{
		1,
		number("age") / 10,
		number(Column),
		number("dividends") / 1000,
		number("capital_gains") / 1000,
		number("capital_losses") / 1000,
		number("num_employers"),
		schooling[get("education")],
		is("occupation", "Executive admin and managerial"),
		is("occupation", "Professional specialty"),
		is("occupation", "Sales", "Precision production craft & repair", "Technicians and related support", "Protective services"),
		is("marital_status", "Married-civilian spouse present"),
		is("class_of_worker", "Self-employed-incorporated"),
	}
}

// schooling is the years of it.
var schooling = map[string]float64{
	"1st 2nd 3rd or 4th grade": 3, "5th or 6th grade": 6, "7th and 8th grade": 8, "9th grade": 9, "10th grade": 10, "11th grade": 11,
	"12th grade no diploma": 12, "High school graduate": 12, "Some college but no degree": 13, "Associates degree-occup /vocational": 14,
	"Associates degree-academic program": 14, "Bachelors degree(BA AB BS)": 16, "Masters degree(MA MS MEng MEd MSW MBA)": 18,
	"Prof school degree (MD DDS DVM LLB JD)": 20, "Doctorate degree(PhD EdD)": 21,
}

// OpenModel reads the model that is embedded.
func OpenModel() (*Model, error) {
	b, err := FS.ReadFile(ModelFile)
	if err != nil {
		return nil, err
	}
	m := new(Model)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("read %s: %w", ModelFile, err)
	}
	if len(m.Weights) != weights {
		return nil, fmt.Errorf("read %s: %d weights, want %d", ModelFile, len(m.Weights), weights)
	}
	return m, nil
}

// score is the probability of an income above 50,000 dollars.
func (m *Model) score(x []float64) float64 {
	z := 0.0
	for i := range x {
		z += m.Weights[i] * x[i]
	}
	return 1 / (1 + math.Exp(-z))
}
