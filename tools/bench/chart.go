package bench

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// WriteChart draws the ratios of rows as horizontal bars, ours over the
// reference, with each promise as a mark, into an SVG file. Shorter is
// better for a bound "at most".
func WriteChart(file, module string, rows []Row) error {
	rows = withRatio(rows)
	if len(rows) == 0 {
		return nil
	}
	p := plot.New()
	p.Title.Text = module + ": ours / reference (the mark is the promised bound)"
	p.X.Min = 0

	bars, bounds, names := make(plotter.Values, len(rows)), plotter.XYs{}, make([]string, len(rows))
	for i, r := range rows {
		at := len(rows) - 1 - i // the first row on top
		bars[at], names[at] = r.Ratio, fmt.Sprintf("%s (%s)", r.Name, r.Reference)
		if r.Bound.Promised() {
			bounds = append(bounds, plotter.XY{X: r.Bound.limit, Y: float64(at)})
		}
	}
	chart, err := plotter.NewBarChart(bars, vg.Points(12))
	if err != nil {
		return err
	}
	chart.Horizontal = true
	chart.Color = color.RGBA{R: 0x4c, G: 0x78, B: 0xa8, A: 0xff}
	p.Add(chart)
	if len(bounds) > 0 {
		marks, err := plotter.NewScatter(bounds)
		if err != nil {
			return err
		}
		marks.Color = color.RGBA{R: 0xe4, G: 0x57, B: 0x56, A: 0xff}
		p.Add(marks)
	}
	p.NominalY(names...)
	return p.Save(24*vg.Centimeter, vg.Length(len(rows)+4)*0.8*vg.Centimeter, file)
}

func withRatio(rows []Row) (ratios []Row) {
	for _, r := range rows {
		if !math.IsNaN(r.Ratio) && !math.IsInf(r.Ratio, 0) {
			ratios = append(ratios, r)
		}
	}
	return ratios
}
