//go:build exactsignals

package kernel

import _ "unsafe" // for go:linkname

// setGCPercent is debug.SetGCPercent without that package, which has the
// standard fmt with it.
//
//go:linkname setGCPercent runtime/debug.setGCPercent
func setGCPercent(percent int32) (old int32)
