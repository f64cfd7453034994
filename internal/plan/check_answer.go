package plan

import (
	"errors"
	"fmt"
	"slices"
)

// MostClasses is how many classes a multiclass plan names at most; one more stands for all others.
const MostClasses = 255

// checkKinds holds what counters rely on: decisions and labels are of the kind that the task has.
func (p *Plan) checkKinds() error {
	decision, label := Number, String
	if p.Score != nil {
		switch p.Score.Task {
		case TwoClasses:
		case Classes:
			decision = String
		case Numbers:
			label = Number
		default:
			return fmt.Errorf("its task is %q; this build knows binary, %s and %s", p.Score.Task, Classes, Numbers)
		}
	}
	if err := p.Prediction.kindOf("decision", "prediction", p.Prediction.Roles.Decision, decision); err != nil {
		return err
	}
	if p.Outcome == nil {
		return nil
	}
	return p.Outcome.kindOf("label", "outcome", p.Outcome.Roles.Label, label)
}

func (p *Projection) kindOf(role, stream string, at int, kind Kind) error {
	if at < -1 || at >= len(p.Fields) {
		return fmt.Errorf("the %s of the %s stream is field %d of %d", role, stream, at, len(p.Fields))
	}
	if at >= 0 && p.Fields[at].Kind != kind {
		f := p.Fields[at]
		return fmt.Errorf("the %s of the %s stream is field %s of kind %s; it must be a %s", role, stream, f.Name, f.Kind, kind)
	}
	return nil
}

// checkAnswer holds what is relied on where answers are read and counted.
func (p *Plan) checkAnswer() error {
	s, r := p.Score, &p.Prediction.Roles
	switch {
	case s.Task == Classes:
		return p.checkClasses()
	case len(s.Classes) > 0 || len(s.Each) > 0:
		return errors.New("it names classes, and is no plan of several classes")
	case r.Score < 0:
		return errors.New("it counts scores, and the prediction stream has none")
	case s.Own && r.Decision < 0:
		return errors.New("the event's own decision counts, and the prediction stream has none")
	}
	if s.Interval == nil {
		return nil
	}
	if s.Task != Numbers {
		return errors.New("it reads an interval, and predicts no number")
	}
	return p.checkNumbers("bound of the interval", s.Interval[:])
}

func (p *Plan) checkClasses() error {
	s := p.Score
	seen := slices.Clone(s.Classes)
	slices.Sort(seen)
	switch {
	case len(s.Classes) < 2 || len(s.Classes) > MostClasses:
		return fmt.Errorf("it names %d classes; there are between 2 and %d", len(s.Classes), MostClasses)
	case len(slices.Compact(seen)) < len(s.Classes):
		return errors.New("it names a class twice")
	case s.Interval != nil:
		return errors.New("it reads an interval, and predicts no number")
	case len(s.Each) > 0 && len(s.Each) != len(s.Classes):
		return fmt.Errorf("it reads %d probabilities of %d classes", len(s.Each), len(s.Classes))
	case p.Prediction.Roles.Decision < 0 && len(s.Each) == 0:
		return errors.New("nothing says which class was predicted: the prediction stream has no decision and no probability of each class")
	}
	return p.checkNumbers("probability of a class", s.Each)
}

func (p *Plan) checkNumbers(what string, fields []int) error {
	for _, at := range fields {
		if at < 0 || at >= len(p.Prediction.Fields) {
			return fmt.Errorf("a %s is field %d of %d", what, at, len(p.Prediction.Fields))
		}
		if f := p.Prediction.Fields[at]; f.Kind != Number {
			return fmt.Errorf("a %s is field %s of kind %s; it must be a number", what, f.Name, f.Kind)
		}
	}
	return nil
}
