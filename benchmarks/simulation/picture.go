package simulation

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// pictureOn is where the picture's delays and false incidents are taken from, and of which change.
const (
	pictureProcess = "diurnal"
	pictureRate    = "n=1000"
	pictureChange  = "mean .25 sd"
)

// Picture draws every method as a point: to the right the later it finds a shift of a quarter of a standard deviation, upwards the more
// often it is wrong. Good is the lower left.
func Picture(w io.Writer, rows []Row) {
	const width, height, left, top, right, bottom = 760, 420, 70, 40, 20, 50
	process := pictureProcess + ", " + pictureRate
	x := func(hours float64) float64 { // the square root gives the first days room
		return left + (width-left-right)*math.Sqrt(hours/horizonHours)
	}
	y := func(perMonth float64) float64 {
		return height - bottom - (height-top-bottom)*math.Log1p(perMonth)/math.Log1p(1000)
	}
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(w, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	for _, v := range []float64{0, 1, 10, 100, 1000} {
		fmt.Fprintf(w, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", left, y(v), width-right, y(v), left-8, y(v)+4, v)
	}
	for _, v := range []float64{1, 12, 24, 72, 168, 336} {
		fmt.Fprintf(w, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%g h</text>`+"\n", x(v), top, x(v), height-bottom, x(v), height-bottom+18, v)
	}
	fmt.Fprintf(w, `<text x="%d" y="20">False incidents per month (100 columns, no drift) against hours to find a shift of .25 sd</text>`+"\n", left)
	fmt.Fprintf(w, `<text x="%d" y="%d" fill="#666">%s, 1,000 events an hour; what is not found in 14 days counts 336 h</text>`+"\n", left, height-8, pictureProcess)
	var placed []float64
	for _, m := range methods {
		wrong, ok := Find(rows, FalseRow, process, m)
		delay, found := Find(rows, DelayRow+pictureChange, process, m)
		if !ok || m == Grouped {
			continue
		}
		before, _ := Find(rows, BeforeRow+pictureChange, process, m)
		px, py := x(delay.Value), y(wrong.Value)
		label, colour := m, "#999"
		switch {
		case !found: // no column was out of alarm when the drift began
			label += " (always in alarm)"
		case before.Value > 0.05:
			label += fmt.Sprintf(" (in alarm before: %.0f %%)", 100*before.Value)
		}
		if m == Engine {
			colour = "#c00"
		}
		at := py + 4
		for again := true; again; { // labels give way downwards
			again = false
			for _, taken := range placed {
				if math.Abs(taken-at) < 14 {
					at, again = taken+14, true
				}
			}
		}
		placed = append(placed, at)
		anchor, shift := "start", 9.
		if px > width/2 {
			anchor, shift = "end", -9
		}
		fmt.Fprintf(w, `<circle cx="%.1f" cy="%.1f" r="5" fill="%s"/><text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", px, py, colour, px+shift, at, anchor, escape(label))
	}
	fmt.Fprintln(w, "</svg>")
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
