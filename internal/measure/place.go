package measure

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
)

// Place is where a measurement runs.
type Place struct {
	Dir       string   // for files that both sides map
	Near, Far int      // processors
	All       []int    // those this process may use
	Again     []string // the arguments with which this program is the far side: see Far
}

// FindPlace chooses two of the processors that this process may use, unless they are named (not negative). Where there is
// only one, both sides take turns on it.
func FindPlace(dir string, near, far int) (Place, error) {
	all, err := affinity()
	if err != nil {
		return Place{}, err
	}
	p := Place{Dir: dir, Near: all[0], Far: all[min(1, len(all)-1)], All: all}
	if near >= 0 {
		p.Near = near
	}
	if far >= 0 {
		p.Far = far
	}
	for _, cpu := range [...]int{p.Near, p.Far} {
		if !slices.Contains(all, cpu) {
			return Place{}, fmt.Errorf("processor %d: this process may use %v", cpu, all)
		}
	}
	return p, nil
}

// both are the place's processors.
func (p Place) both() []int {
	if p.Alone() {
		return []int{p.Near}
	}
	return []int{p.Near, p.Far}
}

// Alone reports whether both sides share a processor.
func (p Place) Alone() bool { return p.Near == p.Far }

// Take pins this process to the near processor and keeps the garbage collector out of what is measured from here on; the
// function it returns undoes both.
func (p Place) Take() (leave func() error, err error) {
	percent := quiet()
	if err := pin(p.Near); err != nil {
		return nil, err
	}
	return func() error {
		debug.SetGCPercent(percent)
		return pin(p.All...)
	}, nil
}

// quiet stops the garbage collector. Naming the number of processors keeps the runtime from changing it when the process
// is pinned.
func quiet() (percent int) {
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	return debug.SetGCPercent(-1)
}
