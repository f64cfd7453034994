package change

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// runEvent is what is read of a RunEvent (OpenLineage 2-0-2): the job, its source version, and the columns it writes.
type runEvent struct {
	EventType string    `json:"eventType"`
	EventTime time.Time `json:"eventTime"`
	Run       struct {
		RunID string `json:"runId"`
	} `json:"run"`
	Job struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
		Facets    struct {
			Source struct {
				Version string `json:"version"`
				Tag     string `json:"tag"`
				URL     string `json:"url"`
			} `json:"sourceCodeLocation"`
		} `json:"facets"`
	} `json:"job"`
	Outputs []struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
		Facets    struct {
			Schema struct {
				Fields []struct {
					Name string `json:"name"`
				} `json:"fields"`
			} `json:"schema"`
			Lineage struct {
				Fields map[string]json.RawMessage `json:"fields"`
			} `json:"columnLineage"`
		} `json:"facets"`
	} `json:"outputs"`
}

// readRun makes a change of a RunEvent. Its columns are those of the column lineage of its outputs, or else of their schemas.
func readRun(body []byte) (Event, error) {
	var r runEvent
	if err := json.Unmarshal(body, &r); err != nil {
		return Event{}, fmt.Errorf("%w: of OpenLineage: %w", ErrEvent, err)
	}
	e := Event{
		KindName: Kind, ID: "openlineage " + r.Run.RunID + " " + r.EventType, At: r.EventTime, What: ETL, Name: r.Job.Name, URL: r.Job.Facets.Source.URL, Run: true,
		Version: r.Job.Facets.Source.Version,
	}
	if e.Version == "" {
		e.Version = r.Job.Facets.Source.Tag
	}
	if r.Job.Namespace != "" {
		e.Name = r.Job.Namespace + "/" + r.Job.Name
	}
	switch {
	case r.Run.RunID == "" || r.Job.Name == "":
		return Event{}, fmt.Errorf("%w: of OpenLineage: it lacks run.runId or job.name", ErrEvent)
	case r.EventType == "FAIL" || r.EventType == "ABORT":
		e.Run, e.Comment = false, "the run failed"
	}
	for _, out := range r.Outputs {
		e.Topics = append(e.Topics, out.Name)
		if len(out.Facets.Lineage.Fields) > 0 {
			for name := range out.Facets.Lineage.Fields {
				e.Fields = append(e.Fields, name)
			}
			continue
		}
		for _, f := range out.Facets.Schema.Fields {
			e.Fields = append(e.Fields, f.Name)
		}
	}
	slices.Sort(e.Fields)
	e.Fields = slices.Compact(e.Fields)
	return e, e.check()
}
