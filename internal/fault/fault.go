// Package fault recognises accesses to mapped memory that is gone: a file cut short, a failing disk, a full one.
//
// A goroutine that has called debug.SetPanicOnFault(true) gets a panic instead of the end of its process. The switch
// belongs to the goroutine alone and is not inherited by those it starts.
package fault

// Addr returns the address whose access made the recovered panic value r, and whether r is such a panic at all. The
// address is somewhere in the access, not always its first byte: copies may run backwards.
func Addr(r any) (addr uintptr, ok bool) {
	e, ok := r.(interface {
		error
		Addr() uintptr
	})
	if !ok {
		return 0, false
	}
	return e.Addr(), true
}
