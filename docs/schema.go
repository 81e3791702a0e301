// Package docs holds docs/events.schema.json for the tests. killbox does not import it.
package docs

import _ "embed"

// EventsSchema is the JSON Schema (draft 2020-12) of the events of --json.
//
//go:embed events.schema.json
var EventsSchema []byte
