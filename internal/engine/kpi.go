package engine

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/expr"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// metricOf is what a promise is made on: a metric of this build, or the contract's own, in CEL over these.
func metricOf(p *plan.Plan, pr *plan.Promise) (Metric, bool) {
	if pr.Expr == "" {
		return Find(taskOf(p), pr.Metric)
	}
	m, err := kpi(p, pr)
	return m, err == nil
}

// taskOf is what a model does; one without a score decides between two classes, as far as anybody can tell.
func taskOf(p *plan.Plan) plan.Task {
	if p.Score == nil {
		return plan.TwoClasses
	}
	return p.Score.Task
}

// contractTask is the contract's word for it.
func contractTask(t plan.Task) contract.TaskType {
	switch t {
	case plan.Classes:
		return contract.Multiclass
	case plan.Numbers:
		return contract.Regression
	default:
		return contract.Binary
	}
}

// kpi compiles a promise's own metric. Its value is that of the expression over the metrics of the counts; without a value where one that it
// needs has none.
func kpi(p *plan.Plan, pr *plan.Promise) (Metric, error) {
	task, costs := taskOf(p), p.Policy.Costs
	vars := contract.KPIVars(contractTask(task))
	prog, err := expr.Compile(pr.Expr, vars, expr.Number)
	if err != nil {
		return Metric{}, fmt.Errorf("compile %s: %w", pr.Metric, err)
	}
	of := make([]Metric, len(vars))
	for _, i := range prog.Vars() {
		m, ok := Find(task, vars[i].Name)
		if !ok {
			return Metric{}, fmt.Errorf("compile %s: %s is no metric of outcomes", pr.Metric, vars[i].Name)
		}
		of[i] = m
	}
	value := func(c truth.Counts) (stat.Estimate, bool) {
		v, err := prog.Eval(func(i int) expr.Value {
			x, ok := of[i].Value(c, costs)
			if !ok {
				return expr.Null()
			}
			return expr.Num(x)
		})
		return stat.Estimate{Value: v.Num, SE: math.NaN(), N: c.Labels()}, err == nil && v.Kind == expr.KindNumber
	}
	return Metric{Name: pr.Metric, Channel: "performance", Words: pr.Metric, value: value}, nil
}
