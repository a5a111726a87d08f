package instructions

import "errors"

// Perform performs a turn of every call and returns how many marks each of them made.
func Perform(dir string) (marks map[string]int, err error) {
	marks = map[string]int{}
	for _, c := range calls() {
		s, err := newStage(dir, c.rare, func() { marks[c.name]++ })
		if err != nil {
			return nil, err
		}
		if err := errors.Join(c.turn(s), s.close()); err != nil {
			return nil, err
		}
	}
	return marks, nil
}
