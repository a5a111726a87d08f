// Mmring makes, feeds, reads and looks into shared-memory rings from a shell. Run mmring --help.
package main

import "os"

func main() { os.Exit(tool(os.Args[1:])) }
