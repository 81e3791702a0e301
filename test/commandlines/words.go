package commandlines

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// numbers are valid and hostile numbers, as they are read from any kind of argument.
var numbers = []string{
	"0", "1", "2", "-0", "-1", "-2", "-9", "+5", "+0", " 5", "5 ", "\t5", "00", "007", "010", "0x10", "0b11", "0o17",
	"1_000", "1e3", "1e9",
	"2147483647", "2147483648", "-2147483648", "4294967295", "4294967296", "4294967297", "9223372036854775807",
	"9223372036854775808",
	"18446744073709551615", "18446744073709551616", "18446744073709551617", "99999999999999999999999999", "0.5", ".5",
	"5.", "5,5", "5x", "x5", "--5",
	"٥", "５", "²", "1\u00a0", "\u200b5", "128", "255", "256", "32", "33", "64", "65",
}

// words are hostile arguments of any kind.
var words = []string{
	"", " ", "-", "--", "---", "=", "%1", "%%", "%", ":", "@", "/", ".", "..", ",", ",,", ";", "[", "]", "(", ")",
	"*", "?", "+", "|", "^", "$", "\\", "{", "}",
	"[[:alpha:]", "a{1,99999}", "(a", "a)", "[z-a]", "[[.a.]]", "\\1", "(x)\\1", "((((((((((x))))))))))", "x{1000}{1000}",
	"NaN", "nan", "inf", "-inf", "1e400", "1e-400", "0x1p4", "1h1m", "-1s", "5sec", "5 s", "9999999999d", "1e18h",
	"1ns", "10ms",
	"forged\nforged", "\n", "\r", "\t", "\x01", "\x7f", "\x80", "\xff", "\xc3\x28", "\xed\xa0\x80", "\u202e",
	"\u2028", "\u009b31m", "\x1b[31m", "\x1b]0;x\a", "é", "日本",
	"TERM", "SIGTERM", "--help", "--version", "--", "-h", "%s%n", "$(true)", "`true`", "'", "\"", "~", "{}", "null",
	"true", "vict", "none",
}

// signalWords are signals: valid ones, and nearly valid ones.
var signalWords = []string{
	"TERM", "KILL", "HUP", "INT", "USR1", "CONT", "STOP", "TSTP", "WINCH", "CHLD", "SIGTERM", "sigkill", "term", "15",
	"9", "0", "18", "28", "RTMIN", "RTMAX", "RTMIN+1",
	"RTMIN+3", "RTMAX-2", "rtmin+1", "34", "64", "RTMIN+99", "RTMIN-1", "RTMAX+1", "RTMIN+", "RTMIN+-1", "RT3", "32",
	"33", "65", "-0", "-9", "+9", "015", "0x9", "EXIT", "ERR",
	"SIG", "SIG9", "SIGSIGTERM", "TREM", "IOT", "CLD", "POLL", "UNUSED", "STKFLT", "143", "137", "TERM ", " TERM",
	"TERM\n", "ＴＥＲＭ",
}

var durationWords = []string{
	"0", "1ms", "5ms", "0.01", "0.005s", ".01", "10ms", "1", "1s", "0s", "2m", "1h", "1d", "1w", "inf", "infinity",
	"nan", "-1", "-0", "+1", "1e-2", "1e400", "1e-400", "0x1p-7", "1s1s", "1 s",
	"1S", "1us", "1ns", "1µs", "1y", "1M", "5sec", "5min", "9999999999999999999", "106751d", "106752d",
	"9223372036.854775808", "1,5", "1.5.5", "1..5", "ms", "s", ".", "", "1m30s",
}

var ladderWords = []string{
	"TERM/5ms/KILL", "TERM/5ms/KILL/1s", "5ms", "TERM", "KILL", "HUP/1ms/TERM/1ms/KILL/1s", "TERM/", "/TERM", "//",
	"TERM//KILL", "TERM/x/KILL", "0/5ms/KILL", "TERM/-1/KILL", "TERM/inf/KILL",
	"TERM/5ms/KILL/5ms/KILL", "KILL/KILL", "TERM/TERM", "5/5/5", "15/0/9/0", "TERM/forever/KILL", "STOP/1ms/KILL",
	"RTMIN+1/1ms/KILL", "TERM/5ms/KILL/",
}

var stateWords = []string{"S", "Z", "T", "D", "R", "SZ", "S,Z", "s", "X", "I", "t", "SS", "", "é", "\x01", "?", "1"}

var commandWords = []string{
	"true", "false", "/bin/true", "sleep", "nonexistent", "/", "/etc", "/etc/passwd", "", "./true", "true ", "sh",
}

// commandArgs are operands of a COMMAND, whole command lines of which each ends by itself or by TERM.
var commandArgs = [][]string{
	{"true"}, {"false"}, {"sh", "-c", "exit 7"}, {"sh", "-c", "exit 255"}, {"sleep", "0.01"}, {"sleep", "30"},
	{"sh", "-c", "sleep 30 & exit 0"}, {"sh", "-c", "sleep 30 & sleep 30"},
	{"sh", "-c", "kill -9 $$"}, {"sh", "-c", "kill -SEGV $$"}, {"sh", "-c", "(sleep 30 &) ; exit 3"}, {"--", "true"},
	{"true", "--", "-x"}, {"nonexistent"}, {"/etc/passwd"}, {"/"},
	{"sh", "-c", "trap '' TERM; sleep 0.02"}, {"true", "-s", "KILL"},
}

// fileWords are files and folders. The root of the namespace is read-only, but for the working folder.
var fileWords = []string{
	"pidfile", "empty", "garbage", "handles", "no/such/file", "", ".", "/", "/dev/null", "/dev/full", "/proc",
	"/proc/self", "/etc/passwd", "new", "vdir", "/proc/1/root", "loop", "unreadable", "fifo\n", "\x01", "-",
	strings.Repeat("d/", 3000),
}

// choose returns one of the list.
func choose[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// mostly returns one of the list, of whose words the first count are valid. A line that is not wild has only these, in
// nine of ten cases.
func (s *scene) mostly(r *rand.Rand, list []string, count int) string {
	if !s.wild && r.IntN(10) > 0 {
		list = list[:count]
	}
	return choose(r, list)
}

// hostile returns a word that is valid for hardly any argument.
func hostile(r *rand.Rand) string {
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		return choose(r, numbers)
	case 4, 5, 6, 7:
		return choose(r, words)
	case 8:
		bytes := make([]byte, 1+r.IntN(12))
		for i := range bytes {
			bytes[i] = byte(1 + r.IntN(255))
		}
		return string(bytes)
	}
	return strings.Repeat(choose(r, []string{
		"x", "1", "-", "é", "\xff", "/", "(", "[", "a,", "--x", "\x1b"}), choose(r, []int{16, 64, 65, 300, 5000,
		30000,
	}))
}

// changed returns the word with one small change, as of a typing error.
func changed(r *rand.Rand, word string) string {
	at := r.IntN(len(word) + 1)
	switch r.IntN(6) {
	case 0:
		return word[:at] + choose(r, words) + word[at:]
	case 1:
		return word + choose(r, numbers)
	case 2:
		return word[:at]
	case 3:
		return choose(r, []string{"-", "+", " ", "=", "0", "/"}) + word
	case 4:
		return word + choose(r, []string{",", ":", "@", "/", " ", "=", "\n", "x"})
	}
	return strings.ToUpper(word)
}

// value returns an argument for an option or operand of this kind, valid in most cases.
func (s *scene) value(r *rand.Rand, takes string) string {
	switch n := r.IntN(20); {
	case s.wild && n < 4:
		return hostile(r)
	case s.wild && n < 7:
		return changed(r, s.valid(r, takes))
	}
	return s.valid(r, takes)
}

// valid returns an argument of this kind, as the table of the completions names it.
func (s *scene) valid(r *rand.Rand, takes string) string {
	if list, ok := strings.CutSuffix(takes, ","); ok {
		words := make([]string, 1+r.IntN(3))
		for i := range words {
			words[i] = s.valid(r, list)
		}
		return strings.Join(words, ",")
	}
	if strings.Contains(takes, "|") {
		return choose(r, strings.Split(takes, "|"))
	}
	switch takes = choose(r, strings.Split(takes, "+")); takes {
	case "signal":
		return s.mostly(r, signalWords, 24)
	case "number":
		return s.mostly(r, append([]string{"15", "9", "10", "12", "0", "1", "7"}, numbers...), 7)
	case "ladder":
		return s.mostly(r, ladderWords, 6)
	case "forwarding":
		return choose(r, []string{
			"TERM=INT", "HUP=", "TERM", "=", "15=2", "A=B", "TERM=TERM", "KILL=TERM", "RTMIN=RTMAX", "=TERM",
		})
	case "duration":
		return s.mostly(r, durationWords, 12)
	case "size":
		return choose(r, []string{
			"1", "1K", "500M", "1T", "0", "1.5G", "-1", "1KB", "1KiB", "99999999999T", "1e3", "k", "0x10", "16E",
			"18446744073709551616",
		})
	case "state":
		return s.mostly(r, stateWords, 6)
	case "process", "group", "session":
		return s.pidWord(r, takes == "process")
	case "name":
		return choose(r, s.names)
	case "terminal":
		return choose(r, []string{"pts/0", "/dev/pts/0", "-", "?", "tty1", "none", "", "console", "/dev/null"})
	case "port":
		return choose(r, []string{
			"1", "65535", "65536", "0", "tcp:80", "udp:53", "tcp:", "http", "-1", "tcp:tcp:1", "sctp:1", "80/tcp",
		})
	case "cgroup":
		return choose(r, []string{"/", "/none", "none", "../..", "", "/sys/fs/cgroup", "\x01"})
	case "user":
		return choose(r, []string{victimUser, victimUser, "vuser", "65532", "4294967295", "-1", "nosuchuser"})
	case "gid":
		return choose(r, []string{victimUser, "65532", "nosuchgroup", "-1"})
	case "file", "directory":
		return choose(r, fileWords)
	case "command":
		return choose(r, commandWords)
	}
	return choose(r, []string{
		"KILLBOX_V=1", "KILLBOX_V", "A=B", "=", "5", "7=0", "100", "3", "vict", "10ms", "90s", "5m", "1h", "99999y",
		"10 KILL", "0", "99", "300",
	})
}

// pidWord returns an operand that names a victim, or nearly does. Handles are of processes only.
func (s *scene) pidWord(r *rand.Rand, handles bool) string {
	v := choose(r, s.victims)
	pid := strconv.Itoa(v.pid)
	switch {
	case !s.wild && (!handles || r.IntN(4) > 0):
		return pid
	case !handles && r.IntN(4) > 0:
		return choose(r, []string{pid, pid, pid, "-" + pid, "+" + pid, "0" + pid})
	}
	start, inode := strconv.FormatUint(v.start, 10), strconv.FormatUint(v.inode(), 10)
	choices := 16
	if !s.wild {
		choices = 3
	}
	switch r.IntN(choices) {
	case 0:
		return pid + "@" + start
	case 1:
		return pid + "@" + start + ":" + inode
	case 2:
		return pid + ":" + inode
	case 3:
		return pid + "@" + choose(r, numbers)
	case 4:
		return pid + "@" + start + ":" + choose(r, numbers)
	case 5:
		return pid + ":" + choose(r, numbers)
	case 6:
		return choose(r, []string{"@", ":", "@:"}) + pid
	case 7:
		return "-" + pid
	case 8:
		return strconv.FormatUint(1<<32+uint64(v.pid), 10)
	case 9:
		return fmt.Sprintf("%#x", v.pid)
	case 10:
		return "0" + pid
	}
	return pid
}
