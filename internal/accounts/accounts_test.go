package accounts

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFind(t *testing.T) {
	file := filepath.Join(t.TempDir(), "passwd")
	text := `# root:x:9:9:a comment:/:/bin/sh
root:x:0:0:root:/root:/bin/bash
toor:x:0:0:a second name:/root:/bin/sh
  blank:x:7:7::/:
short:x:8
+nis:x:9:9::/:/bin/sh
:x:10:10:no name:/:/bin/sh
words:x:eleven:11::/:/bin/sh
minus:x:-1:11::/:/bin/sh
12:x:13:13:named by digits:/:/bin/sh
high:x:4294967295:1::/:/bin/sh
last:x:14:14::/:/bin/sh`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{
		"root": 0, "toor": 0, "blank": 7, "12": 13, "last": 14, "high": 1<<32 - 1,
		"": -1, "short": -1, "+nis": -1, "nis": -1, "words": -1, "minus": -1, "ROOT": -1, "# root": -1, "nobody": -1,
	} {
		got, ok := number(file, 7, name)
		if !ok && want != -1 || ok && got != want {
			t.Errorf("%q: %d, %v; want %d", name, got, ok, want)
		}
	}
	for id, want := range map[string]string{"0": "root", "7": "blank", "13": "12", "9": "", "10": "", "": ""} {
		entry := find(file, 7, idColumn, id)
		if entry == nil && want != "" || entry != nil && entry[nameColumn] != want {
			t.Errorf("%q: %q; want %q", id, entry, want)
		}
	}
	if entry := find(file+".not", 7, nameColumn, "root"); entry != nil {
		t.Errorf("no file: %q", entry)
	}
}

// TestThisMachine: root is 0 by either way wherever there is a root.
func TestThisMachine(t *testing.T) {
	id, ok := UserID("root")
	if !ok && os.Getenv("KILLBOX_TEST_STRICT") == "1" {
		t.Fatal("/etc/passwd has no root")
	}
	if !ok {
		t.Skip("/etc/passwd has no root")
	}
	if name, ok := UserName(id); id != 0 || !ok || name != "root" {
		t.Errorf("root is %d, and that is %q, %v", id, name, ok)
	}
	if id, ok := GroupID("root"); ok && id != 0 {
		t.Errorf("group root is %d", id)
	}
}
