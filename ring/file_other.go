//go:build !linux

package ring

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

const supported = false

func openFile(string, bool) (*os.File, error)         { return nil, errors.ErrUnsupported }
func reopenFile(f *os.File, _ bool) (*os.File, error) { return nil, errors.ErrUnsupported }
func memoryFile(string, Config, int64, []byte) (*os.File, error) {
	return nil, errors.ErrUnsupported
}
func checkFS(*os.File) error                    { return errors.ErrUnsupported }
func checkOwner(fs.FileInfo) error              { return errors.ErrUnsupported }
func linked(fs.FileInfo) bool                   { return true }
func placeOf(*os.File) (place, error)           { return place{}, errors.ErrUnsupported }
func takeGlimpse(*os.File) (glimpse, bool)      { return glimpse{}, false }
func fillHoles(*os.File, int64) error           { return errors.ErrUnsupported }
func identify(*os.File) (identity, error)       { return identity{}, errors.ErrUnsupported }
func appear(context.Context, string) error      { return errors.ErrUnsupported }
func watchProcess(uint64, func()) *os.File      { return nil }
func birth(string, Config, int64, []byte) error { return errors.ErrUnsupported }
