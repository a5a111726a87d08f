// Package house is nothing but tests: of the rules in CONTRIBUTING.md that a compiler does not enforce, of the systems
// that have to build or to refuse, and of the scripts behind make.
package house
