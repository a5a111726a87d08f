package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
)

// takes checks the number of arguments; what names them. With most below 0 there is no limit.
func takes(least, most int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < least || most >= 0 && len(args) > most:
			return fmt.Errorf("takes %s, got %s", what, argumentsText(len(args)))
		case slices.Contains(args, ""):
			return fmt.Errorf("an argument is empty")
		}
		return nil
	}
}

func argumentsText(n int) string {
	switch n {
	case 0:
		return "nothing"
	case 1:
		return "one argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// usageHint says how c is to be used.
func usageHint(c *cobra.Command) string {
	if !c.HasParent() {
		return "mmring --help lists the commands"
	}
	return fmt.Sprintf("usage: %s; %s --help says more", c.UseLine(), c.CommandPath())
}
