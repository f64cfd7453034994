package engine

import (
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// classJudged are the qualities judged of a multiclass model.
var classJudged = []Metric{
	{"accuracy", "performance", -1, "accuracy", classes(stat.Classes.Accuracy), false},
	{"macro_f1", "performance", -1, "macro F1", average(stat.Classes.F1, stat.Macro), false},
	{"brier", "performance", +1, "Brier score of all classes", classes(stat.Classes.Brier), false},
	{"ece", "calibration", +1, "calibration error of the predicted class", confidence(func(r stat.Reliability) (stat.Estimate, bool) { return r.ECEWidth(eceBins) }), false},
}

// classDescribed are further ones.
var classDescribed = []Metric{
	{"balanced_accuracy", "performance", -1, "balanced accuracy", classes(stat.Classes.BalancedAccuracy), false},
	{"macro_precision", "performance", -1, "macro precision", average(stat.Classes.Precision, stat.Macro), false},
	{"macro_recall", "performance", -1, "macro recall", average(stat.Classes.Recall, stat.Macro), false},
	{"micro_precision", "performance", -1, "micro precision", average(stat.Classes.Precision, stat.Micro), false},
	{"micro_recall", "performance", -1, "micro recall", average(stat.Classes.Recall, stat.Micro), false},
	{"micro_f1", "performance", -1, "micro F1", average(stat.Classes.F1, stat.Micro), false},
	{"weighted_precision", "performance", -1, "weighted precision", average(stat.Classes.Precision, stat.Weighted), false},
	{"weighted_recall", "performance", -1, "weighted recall", average(stat.Classes.Recall, stat.Weighted), false},
	{"weighted_f1", "performance", -1, "weighted F1", average(stat.Classes.F1, stat.Weighted), false},
	{"mcc", "performance", -1, "Matthews correlation", classes(stat.Classes.MCC), false},
	{"kappa", "performance", -1, "Cohen's kappa", classes(stat.Classes.Kappa), false},
	{"log_loss", "performance", +1, "log loss", classes(stat.Classes.LogLoss), false},
	{"classwise_ece", "calibration", +1, "calibration error of all classes", classes(func(c stat.Classes) (stat.Estimate, bool) { return c.ClasswiseECE(eceBins) }), false},
	{"top_2_accuracy", "performance", -1, "true class among the 2 likeliest", top(2), false},
	{"top_3_accuracy", "performance", -1, "true class among the 3 likeliest", top(3), false},
	{"top_5_accuracy", "performance", -1, "true class among the 5 likeliest", top(5), false},
}

// numberJudged are the qualities judged of a regression model.
var numberJudged = []Metric{
	{"mae", "performance", +1, "mean absolute error", numbers(stat.Residuals.MAE), true},
	{"rmse", "performance", +1, "root mean squared error", numbers(stat.Residuals.RMSE), true},
	{"bias", "calibration", 0, "mean error", numbers(stat.Residuals.Bias), true},
	{"interval_coverage", "calibration", 0, "intervals that held the truth", numbers(stat.Residuals.IntervalCoverage), false},
}

// numberDescribed are further ones.
var numberDescribed = []Metric{
	{"mape", "performance", +1, "mean absolute percentage error", numbers(stat.Residuals.MAPE), false},
	{"smape", "performance", +1, "symmetric mean absolute percentage error", numbers(stat.Residuals.SMAPE), false},
	{"median_ae", "performance", +1, "median absolute error", numbers(stat.Residuals.MedianAbsolute), true},
	{"r2", "performance", -1, "R squared", numbers(stat.Residuals.R2), false},
	{"quantile_loss_05", "performance", +1, "quantile loss at 0.05", pinball(0.05), true},
	{"quantile_loss_10", "performance", +1, "quantile loss at 0.1", pinball(0.1), true},
	{"quantile_loss_25", "performance", +1, "quantile loss at 0.25", pinball(0.25), true},
	{"quantile_loss_50", "performance", +1, "quantile loss at 0.5", pinball(0.5), true},
	{"quantile_loss_75", "performance", +1, "quantile loss at 0.75", pinball(0.75), true},
	{"quantile_loss_90", "performance", +1, "quantile loss at 0.9", pinball(0.9), true},
	{"quantile_loss_95", "performance", +1, "quantile loss at 0.95", pinball(0.95), true},
}

// classes is a metric of a multiclass model's counts.
func classes(of func(stat.Classes) (stat.Estimate, bool)) func(truth.Counts) (stat.Estimate, bool) {
	return func(c truth.Counts) (stat.Estimate, bool) {
		counted, ok := c.(*truth.Classes)
		if !ok {
			return stat.Estimate{}, false
		}
		return of(truth.Confusion(counted))
	}
}

func average(of func(stat.Classes, stat.Average) (stat.Estimate, bool), by stat.Average) func(truth.Counts) (stat.Estimate, bool) {
	return classes(func(c stat.Classes) (stat.Estimate, bool) { return of(c, by) })
}

// top is how often the class that turned out was among the k likeliest; with k classes and fewer it says nothing.
func top(k int) func(truth.Counts) (stat.Estimate, bool) {
	return classes(func(c stat.Classes) (stat.Estimate, bool) {
		if k >= c.K {
			return stat.Estimate{}, false
		}
		return c.TopK(k)
	})
}

// confidence is a metric of how sure the model was of the class it predicted, against whether it was right (Guo, Pleiss, Sun & Weinberger 2017).
func confidence(of func(stat.Reliability) (stat.Estimate, bool)) func(truth.Counts) (stat.Estimate, bool) {
	return func(c truth.Counts) (stat.Estimate, bool) {
		counted, ok := c.(*truth.Classes)
		if !ok {
			return stat.Estimate{}, false
		}
		return of(truth.Reliability(counted.Top))
	}
}

// numbers is a metric of a regression model's counts.
func numbers(of func(stat.Residuals) (stat.Estimate, bool)) func(truth.Counts) (stat.Estimate, bool) {
	return func(c truth.Counts) (stat.Estimate, bool) {
		counted, ok := c.(truth.Numbers)
		if !ok {
			return stat.Estimate{}, false
		}
		return of(truth.Residuals(counted.Errors))
	}
}

func pinball(q float64) func(truth.Counts) (stat.Estimate, bool) {
	return numbers(func(r stat.Residuals) (stat.Estimate, bool) { return r.Pinball(q) })
}
