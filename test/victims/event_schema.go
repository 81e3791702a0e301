package victims

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"killbox/docs"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// eventSchemas returns the schema of a whole event, and of the events with each name.
var eventSchemas = sync.OnceValues(func() (whole *jsonschema.Schema, byName map[string]*jsonschema.Schema) {
	const file = "urn:events.schema.json" // relative names would need a working directory
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(docs.EventsSchema))
	must("read "+file, err)
	c := jsonschema.NewCompiler()
	must("read "+file, c.AddResource(file, document))
	whole, err = c.Compile(file)
	must("compile "+file, err)
	byName = make(map[string]*jsonschema.Schema)
	for _, name := range EventNames() {
		byName[name], err = c.Compile(file + "#/$defs/event-" + name)
		must("compile "+file, err)
	}
	return whole, byName
})

// EventNames returns the events of docs/events.schema.json.
func EventNames() (names []string) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(docs.EventsSchema))
	must("read the schema", err)
	list := document.(map[string]any)["properties"].(map[string]any)["event"].(map[string]any)["enum"].([]any)
	for _, name := range list {
		names = append(names, name.(string))
	}
	return names
}

// ParseEvent parses a line of --json, and returns an error if it does not conform to docs/events.schema.json. Numbers
// are json.Number.
func ParseEvent(line []byte) (map[string]any, error) {
	if !utf8.Valid(line) {
		return nil, fmt.Errorf("not UTF-8")
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		return nil, err
	}
	event, _ := value.(map[string]any)
	name, _ := event["event"].(string)
	whole, byName := eventSchemas()
	schema := byName[name]
	if schema == nil {
		return nil, fmt.Errorf("no such event: %v", event["event"])
	}
	// First that of the one event: its error says more.
	if err := schema.Validate(value); err != nil {
		return nil, err
	}
	return event, whole.Validate(value)
}

// CheckEvents returns an error if a line of the text begins like an event and does not conform to
// docs/events.schema.json.
func CheckEvents(text string) error {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, `{"event":`) {
			continue
		}
		if _, err := ParseEvent([]byte(line)); err != nil {
			return fmt.Errorf("%w: %s", err, line)
		}
	}
	return nil
}
