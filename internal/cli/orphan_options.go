package cli

import (
	"errors"

	"killbox/internal/escalate"

	"github.com/spf13/pflag"
)

// OrphanOptions say which orphans belong to a tree.
type OrphanOptions struct {
	Orphans, NoStrays bool
}

// AddTo adds the options to the flag set of an applet. Their descriptions begin with condition.
func (o *OrphanOptions) AddTo(flags *pflag.FlagSet, condition string) {
	flags.BoolVar(&o.Orphans, "orphans", false, condition+"include all orphans that were forked from the tree, not only the new ones")
	flags.BoolVar(&o.NoStrays, "no-strays", false, condition+"include no orphans")
}

// Check returns an error if the options exclude each other.
func (o *OrphanOptions) Check() error {
	if o.Orphans && o.NoStrays {
		return errors.New("--orphans and --no-strays exclude each other: one includes orphans, the other does not")
	}
	return nil
}

// Apply sets the options in a tree.
func (o *OrphanOptions) Apply(tree *escalate.Tree) {
	tree.Sessions, tree.Images, tree.OlderOrphans = !o.NoStrays, !o.NoStrays, o.Orphans
}
