package main

import (
	"fmt"
	"math"
	"strings"
)

type point struct{ x, y float64 }

type series struct {
	name string
	at   []point
}

// plot is a drawing with logarithmic axes, on which linear growth rises one decade of y for each decade of x.
type plot struct {
	title, x, y string
	series      []series
}

func (p *plot) add(name string, x, y float64) {
	for i := range p.series {
		if p.series[i].name == name {
			p.series[i].at = append(p.series[i].at, point{x, y})
			return
		}
	}
	p.series = append(p.series, series{name, []point{{x, y}}})
}

const (
	plotWidth, plotHeight = 720, 420
	plotLeft, plotTop     = 64, 40
	plotRight, plotBottom = 150, 48
)

// axis maps values to coordinates.
type axis struct{ lo, hi, from, to float64 }

func (a axis) at(v float64) float64 {
	return a.from + (a.to-a.from)*(math.Log(v)-math.Log(a.lo))/(math.Log(a.hi)-math.Log(a.lo))
}

// ticks returns 1, 2 and 5 times the powers of ten.
func (a axis) ticks() []float64 {
	var all []float64
	for decade := math.Pow(10, math.Floor(math.Log10(a.lo))); decade <= a.hi; decade *= 10 {
		for _, f := range []float64{1, 2, 5} {
			if v := f * decade; v >= a.lo && v <= a.hi {
				all = append(all, v)
			}
		}
	}
	return all
}

func (p *plot) axes() (x, y axis) {
	x = axis{math.Inf(1), 0, plotLeft, plotWidth - plotRight}
	y = axis{math.Inf(1), 0, plotHeight - plotBottom, plotTop}
	for _, s := range p.series {
		for _, pt := range s.at {
			x.lo, x.hi = min(x.lo, pt.x), max(x.hi, pt.x)
			y.lo, y.hi = min(y.lo, pt.y), max(y.hi, pt.y)
		}
	}
	y.lo, y.hi = y.lo/1.3, y.hi*1.3
	return x, y
}

// svg returns the drawing. The colours can be told apart on a light page and on a dark page, and each line has its name
// at its end.
func (p *plot) svg() string {
	colours := []string{"#d62728", "#7f7f7f", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e"}
	x, y := p.axes()
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#808080">`+"\n",
		plotWidth, plotHeight)
	fmt.Fprintf(&s, `<text x="%d" y="22" font-size="15">%s: %s against %s</text>`+"\n", plotLeft, p.title, p.y, p.x)
	for _, v := range x.ticks() {
		fmt.Fprintf(&s, `<path d="M%.1f %dV%d" stroke="#808080" stroke-opacity=".25"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n",
			x.at(v), plotTop, plotHeight-plotBottom, x.at(v), plotHeight-plotBottom+18, v)
	}
	for _, v := range y.ticks() {
		fmt.Fprintf(&s, `<path d="M%d %.1fH%d" stroke="#808080" stroke-opacity=".25"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			plotLeft, y.at(v), plotWidth-plotRight, plotLeft-6, y.at(v)+4, v)
	}
	last := math.Inf(-1) // position of the previous name
	for _, i := range p.fromTop(y) {
		line, colour := p.series[i], colours[i%len(colours)]
		var d strings.Builder
		for j, pt := range line.at {
			fmt.Fprintf(&d, "%c%.1f %.1f", "ML"[min(j, 1)], x.at(pt.x), y.at(pt.y))
		}
		end := line.at[len(line.at)-1]
		last = max(last+14, y.at(end.y)+4)
		fmt.Fprintf(&s, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/><text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n",
			d.String(), colour, x.at(end.x)+8, last, colour, line.name)
	}
	s.WriteString("</svg>\n")
	return s.String()
}

// fromTop returns the indexes of the lines, ordered by the height of their ends, the highest first. In this order, svg
// can move overlapping names apart.
func (p *plot) fromTop(y axis) []int {
	order := make([]int, 0, len(p.series))
	height := func(i int) float64 { at := p.series[i].at; return y.at(at[len(at)-1].y) }
	for i := range p.series {
		j := len(order)
		order = append(order, i)
		for ; j > 0 && height(order[j-1]) > height(i); j-- {
			order[j] = order[j-1]
		}
		order[j] = i
	}
	return order
}
