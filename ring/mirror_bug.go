//go:build mmring_bug_m0

package ring

func (m *memory) clearMirror() {}
