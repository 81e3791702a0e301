package repo

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"killbox/test/victims"
)

// schema is a part of docs/events.schema.json.
type schema struct {
	Ref                  string `json:"$ref"`
	Description          string
	Type                 string
	Const                any
	Enum                 []any
	Items                *schema
	Required             []string
	DependentRequired    map[string][]string
	Properties           map[string]schema
	AdditionalProperties *bool
	OneOf, AnyOf         []schema
	Not                  *schema
	Pattern              string
	Minimum, Maximum     *int
	MinLength, MinItems  int
	Title                string
	Schema               string            `json:"$schema"`
	Defs                 map[string]schema `json:"$defs"`
}

// eventPrefix begins the names of the definitions of events; the other definitions are fields.
const eventPrefix = "event-"

// readSchema returns the schema, and the definitions of its events and fields.
func readSchema(t *testing.T) (s schema, events, fields map[string]schema) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(read(t, "docs/events.schema.json")))
	d.DisallowUnknownFields() // a misspelt keyword would check nothing
	if err := d.Decode(&s); err != nil {
		t.Fatal(err)
	}
	events, fields = make(map[string]schema), make(map[string]schema)
	for name, def := range s.Defs {
		if event, ok := strings.CutPrefix(name, eventPrefix); ok {
			events[event] = def
		} else {
			fields[name] = def
		}
	}
	return s, events, fields
}

// identityFields are the fields that every event about a process has. killbox(7) does not name them for each event.
var identityFields = []string{"event", "pid", "handle", "comm"}

// TestEventsSchema checks that docs/events.schema.json is strict: each event has a definition that allows only known
// fields, and each field has a definition that is used.
func TestEventsSchema(t *testing.T) {
	s, events, fields := readSchema(t)
	var refs []string
	for _, one := range s.OneOf {
		refs = append(refs, strings.TrimPrefix(one.Ref, "#/$defs/"+eventPrefix))
	}
	if names := victims.EventNames(); !slices.Equal(refs, names) || len(names) != len(events) {
		t.Errorf("the enumeration of events is %v, oneOf has %v, and %d are defined", names, refs, len(events))
	}
	used := map[string]bool{"event": true}
	for name, e := range events {
		if e.AdditionalProperties == nil || *e.AdditionalProperties || e.Description == "" || e.Properties["event"].Const != name {
			t.Errorf("%s: additionalProperties, the description or the name is missing", name)
		}
		for _, required := range e.Required {
			if _, ok := e.Properties[required]; !ok {
				t.Errorf("%s: %s is required, and not defined", name, required)
			}
		}
		for field, p := range e.Properties {
			used[field] = true
			if field != "event" && !reflect.DeepEqual(p, schema{Ref: "#/$defs/" + field}) {
				t.Errorf("%s: %s is not defined by #/$defs/%s", name, field, field)
			}
		}
	}
	for name, f := range fields {
		if !used[name] || f.Description == "" {
			t.Errorf("%s has no description, or is a field of no event", name)
		}
		if f.Type == "number" && !strings.HasSuffix(f.Description, " in seconds.") {
			t.Errorf("%s: the description does not give the unit", name)
		}
	}
}

// TestEventsSchemaFields compares the fields of docs/events.schema.json with the structures that are printed.
func TestEventsSchemaFields(t *testing.T) {
	_, _, fields := readSchema(t)
	file, err := parser.ParseFile(token.NewFileSet(), "internal/report/json.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	printed := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		f, ok := n.(*ast.Field)
		if !ok || f.Tag == nil {
			return true
		}
		tag, _ := strconv.Unquote(f.Tag.Value)
		name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		printed[name] = schemaType(f.Type, options == "omitempty")
		return true
	})
	delete(printed, "event") // see TestManJSON
	for name, want := range printed {
		f, ok := fields[name]
		got := f.Type
		if f.Items != nil {
			got += " of " + f.Items.Type
		}
		switch {
		case !ok:
			t.Errorf("%s is printed, and not in the schema", name)
		case f.Const != nil && got == "":
			got = "true"
		case f.Enum != nil && got == "":
			got = "string"
		}
		if ok && got != want {
			t.Errorf("%s: the schema has %q, but %q is printed", name, got, want)
		}
	}
	for name := range fields {
		if _, ok := printed[name]; !ok {
			t.Errorf("%s is in the schema, and never printed", name)
		}
	}
}

// schemaType returns the type in the schema of a field of a structure. A boolean that is omitted if it is false is the
// constant "true".
func schemaType(e ast.Expr, omitEmpty bool) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return schemaType(e.X, false)
	case *ast.ArrayType:
		return "array of " + schemaType(e.Elt, false)
	case *ast.Ident:
		switch {
		case strings.HasPrefix(e.Name, "int"), strings.HasPrefix(e.Name, "uint"):
			return "integer"
		case e.Name == "float64":
			return "number"
		case e.Name == "bool" && omitEmpty:
			return "true"
		case e.Name == "bool":
			return "boolean"
		}
		return e.Name
	}
	return "?"
}

// TestManEvents checks that killbox(7) has the fields of docs/events.schema.json, all of them and those of each event.
func TestManEvents(t *testing.T) {
	_, events, fields := readSchema(t)
	text := section(read(t, "man/killbox.7"), "JSON")
	list, rest, _ := strings.Cut(text, "\n.El\n")
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\.It Va (.*)$`).FindAllStringSubmatch(rest, -1) {
		for _, name := range strings.Split(m[1], " , ") {
			documented[name] = true
		}
	}
	delete(documented, "event")
	if want := slices.Sorted(maps.Keys(fields)); !slices.Equal(slices.Sorted(maps.Keys(documented)), want) {
		t.Errorf("killbox(7) documents %v, the schema has %v", slices.Sorted(maps.Keys(documented)), want)
	}
	items := strings.Split(list, "\n.It Sy ")[1:]
	if len(items) != len(events) {
		t.Errorf("%d events are documented, %d are in the schema", len(items), len(events))
	}
	for _, item := range items {
		name, text, _ := strings.Cut(item, "\n")
		mentioned := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^\.Va (.*)$`).FindAllStringSubmatch(text, -1) {
			for _, word := range strings.Fields(m[1]) {
				if word = strings.Trim(word, ",;."); word != "" {
					mentioned[word] = true
				}
			}
		}
		for field := range events[name].Properties {
			if !mentioned[field] && !slices.Contains(identityFields, field) {
				t.Errorf("killbox(7), %s: %s is not mentioned", name, field)
			}
			delete(mentioned, field)
		}
		for field := range mentioned {
			t.Errorf("killbox(7), %s: %s is mentioned, and no field of it in the schema", name, field)
		}
	}
}
