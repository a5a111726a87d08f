//go:build !linux

package main

import "os"

// terminalColumns knows no terminals here: no ring can be made, and so there is nothing to draw.
func terminalColumns(*os.File) int { return 0 }
