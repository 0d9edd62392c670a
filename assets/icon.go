package assets

import _ "embed" // the icon

//go:embed icons/pivot.svg
var icon []byte

// Icon returns the project's mark, an SVG of 512 by 512 units.
func Icon() []byte { return append([]byte(nil), icon...) }
