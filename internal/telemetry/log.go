package telemetry

import (
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// NewLogger returns a logger that writes messages of level (debug, info, warn or error) and above to w, one line each, as
// format says: json, or console for people. Times are UTC. Writers need not be safe for concurrent use.
//
// Each message is counted in plumbline_log_messages_total{level} of reg, which must not have that counter yet; a nil reg
// keeps the counts to itself.
func NewLogger(w io.Writer, level, format string, reg prometheus.Registerer) (*zap.Logger, error) {
	least, err := zapcore.ParseLevel(level)
	if err != nil || least > zapcore.ErrorLevel {
		return nil, fmt.Errorf("make logger: read level %q, want debug, info, warn or error", level)
	}
	conf := zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", NameKey: "logger", MessageKey: "message", StacktraceKey: "stack",
		EncodeTime: encodeTime, EncodeLevel: zapcore.LowercaseLevelEncoder, EncodeDuration: zapcore.StringDurationEncoder,
		EncodeCaller: zapcore.ShortCallerEncoder, EncodeName: zapcore.FullNameEncoder,
	}
	var encoder zapcore.Encoder
	switch format {
	case "json":
		encoder = zapcore.NewJSONEncoder(conf)
	case "console":
		encoder = zapcore.NewConsoleEncoder(conf)
	default:
		return nil, fmt.Errorf("make logger: read format %q, want json or console", format)
	}
	out := zapcore.Lock(zapcore.AddSync(w))
	core := zapcore.RegisterHooks(zapcore.NewCore(encoder, out, least), countMessages(reg))
	return zap.New(core, zap.ErrorOutput(out)), nil
}

// encodeTime writes RFC 3339 in UTC with milliseconds: lines of one width, which sort as text.
func encodeTime(t time.Time, enc zapcore.PrimitiveArrayEncoder) {
	enc.AppendString(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// countMessages returns a hook that counts by level. The counters are looked up once: the hook runs with every message.
func countMessages(reg prometheus.Registerer) func(zapcore.Entry) error {
	total := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "plumbline_log_messages_total",
		Help: "Messages logged, by level.",
	}, []string{"level"})
	counters := map[zapcore.Level]prometheus.Counter{}
	for level := zapcore.DebugLevel; level <= zapcore.FatalLevel; level++ {
		counters[level] = total.WithLabelValues(level.String())
	}
	return func(entry zapcore.Entry) error {
		if counter, known := counters[entry.Level]; known {
			counter.Inc()
		}
		return nil
	}
}
