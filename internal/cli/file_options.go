package cli

import (
	"errors"
	"strings"

	"killbox/internal/target"

	"github.com/spf13/pflag"
)

// fileOptions are the selectors by executable, by working directory and by resident memory.
type fileOptions struct {
	exe, cwd string
	rssOver  sizeOption
}

func (o *fileOptions) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.exe, "exe", "", "select by executable `FILE`, also if it was removed or replaced")
	flags.StringVar(&o.cwd, "cwd", "", "select by working directory `DIR`, or below it")
	flags.Var(&o.rssOver, "rss-over", "select by resident memory above `SIZE`, such as 500M")
}

// set sets the fields of s that the options define. s.Name is that of --name: a path means --exe.
func (o *fileOptions) set(s *target.Selector) (err error) {
	option, exe := "exe", o.exe
	if strings.Contains(s.Name, "/") {
		if exe != "" {
			return errors.New("--name with a path means --exe, which is given as well")
		}
		option, exe, s.Name = "name", s.Name, ""
	}
	if exe != "" {
		s.Exe, err = target.NewExe(exe)
		if err = s.CheckFile(option, err); err != nil {
			return err
		}
	}
	if o.cwd != "" {
		s.Cwd, err = target.NewCwd(o.cwd)
		if err = s.CheckFile("cwd", err); err != nil {
			return err
		}
	}
	s.RSSOver, s.HasRSS = o.rssOver.bytes, o.rssOver.given
	return nil
}

// sizeOption is the value of an option that takes a size.
type sizeOption struct {
	text  string
	bytes uint64
	given bool
}

// String implements pflag.Value.
func (v *sizeOption) String() string { return v.text }

// Type implements pflag.Value.
func (v *sizeOption) Type() string { return "SIZE" }

// Set implements pflag.Value.
func (v *sizeOption) Set(s string) (err error) {
	v.text, v.given = s, true
	v.bytes, err = target.ParseSize(s)
	return err
}
