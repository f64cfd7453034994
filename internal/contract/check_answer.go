package contract

// checkAnswer checks what the task says of scores, and the stream of intervals.
func (k *checker) checkAnswer(task *value) {
	t := k.c.Task
	fields := k.root.at("streams").at("prediction").at("fields")
	shape := task.at("score")
	switch {
	case shape != nil && t.Type != Multiclass:
		k.refuse(shape, "only a multiclass task says what its score holds; remove it")
	case shape.readable() && fields != nil && fields.at("score") == nil:
		k.refuse(shape, "the prediction stream names no score field; add streams.prediction.fields.score")
	case shape.readable() && t.Score == ScoreVector && len(t.Classes) > MaxComponents:
		k.refuse(shape, "a vector holds the probabilities of %d classes at most; this task has %d: write map, or top", MaxComponents, len(t.Classes))
	}
	low, high := fields.at("low"), fields.at("high")
	for _, bound := range []struct {
		v, other *value
		want     string
	}{{low, high, "high"}, {high, low, "low"}} {
		switch {
		case bound.v == nil:
		case t.Type != Regression:
			k.refuse(bound.v, "only a regression task predicts intervals; remove it")
		case bound.other == nil:
			k.refuse(bound.v, "an interval has two bounds; add streams.prediction.fields.%s", bound.want)
		}
	}
	if low != nil && fields.at("score") == nil && t.Type == Regression {
		k.refuse(low, "an interval needs the number it is about; add streams.prediction.fields.score")
	}
}
