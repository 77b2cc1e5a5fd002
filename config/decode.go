package config

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"smsbridge/gsm"
	"smsbridge/smpp"
)

type position struct{ line, column int }

// decoder fills a Config from YAML nodes and collects what is wrong.
type decoder struct {
	file      string
	folder    string // the configuration file's
	fileRoot  string // what relative _file options are resolved against
	skipFiles bool
	rules     map[string]rule     // by pattern: a key path with [] for each index, {} for each key of a map
	given     map[string]position // by key path: the options in the file, right or wrong
	bad       map[string]bool     // by key path: those with a problem of their own
	problems  Problems
}

func (d *decoder) problemAt(at position, path, format string, args ...any) {
	d.bad[path] = true
	d.problems = append(d.problems, Problem{
		File: d.file, Line: at.line, Column: at.column, Key: path, Message: fmt.Sprintf(format, args...),
	})
}

// problem reports about an option where it stands in the file or, if it is
// missing, where the section stands that it belongs in.
func (d *decoder) problem(path, format string, args ...any) {
	at := position{line: 1}
	for p := path; p != ""; p = parent(p) {
		if pos, ok := d.given[p]; ok {
			at = pos
			break
		}
	}
	d.problemAt(at, path, format, args...)
}

var indices = regexp.MustCompile(`\[\d+\]`)

// pattern returns a key path without its indices: "carriers[].name". For the
// keys of a map see mapping.
func pattern(path string) string { return indices.ReplaceAllString(path, "[]") }

func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// fresh returns what an option's struct is filled over.
func fresh(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch t {
	case reflect.TypeFor[smpp.Config]():
		v.Set(reflect.ValueOf(smpp.Defaults()))
	case reflect.TypeFor[gsm.Config]():
		v.Set(reflect.ValueOf(gsm.Defaults()))
	case reflect.TypeFor[gsm.Balance]():
		v.Set(reflect.ValueOf(gsm.Balance{Every: 24 * time.Hour}))
	case reflect.TypeFor[Carrier]():
		v.Set(reflect.ValueOf(Carrier{OnUncertain: UncertainHold}))
	case reflect.TypeFor[Route]():
		v.Set(reflect.ValueOf(Route{FailoverAfter: 30 * time.Second}))
	}
	return v
}

// plain reports whether a node has a value of its own, and a problem otherwise.
func (d *decoder) plain(n *yaml.Node, path string) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		d.problemHere(n, path, "aliases are not supported: write the value out, or put it in quotes if it begins with *")
	case n.Style&yaml.TaggedStyle != 0:
		d.problemHere(n, path, "tags are not supported: put a value that begins with ! in quotes")
	case isNull(n):
		d.problemHere(n, path, "has no value; remove it, or put a value that begins with # in quotes")
	default:
		return true
	}
	return false
}

// value decodes a node into v. After a problem v keeps what it had.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	if !d.plain(n, path) {
		return
	}
	switch {
	case v.Kind() == reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(fresh(v.Type().Elem()))
		if n.Kind == yaml.MappingNode {
			v.Set(p)
		}
		d.value(n, p.Elem(), path)
	case v.Kind() == reflect.Struct:
		if n.Kind != yaml.MappingNode {
			d.problemHere(n, path, "must be a section of options (key: value)")
			return
		}
		d.section(n, v, path)
	case v.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.problemHere(n, path, "must be a list, also if it has only one element: [...]")
			return
		}
		d.list(n, v, path)
	case v.Kind() == reflect.Map:
		if n.Kind != yaml.MappingNode {
			d.problem(path, "must be pairs (key: value)")
			return
		}
		d.mapping(n, v, path)
	default:
		d.scalar(n, v, path, pattern(path))
	}
}

// problemHere is problem for an option that may be the whole file.
func (d *decoder) problemHere(n *yaml.Node, path, format string, args ...any) {
	if path == "" {
		d.problemAt(position{n.Line, n.Column}, path, format, args...)
		return
	}
	d.problem(path, format, args...)
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	s := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for i, item := range n.Content {
		e := fresh(v.Type().Elem())
		p := fmt.Sprintf("%s[%d]", path, i)
		d.given[p] = position{item.Line, item.Column}
		d.value(item, e, p)
		s = reflect.Append(s, e)
	}
	v.Set(s)
}

// entry is a key of a YAML mapping with its value.
type entry struct {
	name, path string
	at         position
	value      *yaml.Node
}

// entries lists a mapping's entries, but those whose key is wrong, of which it
// reports that. A name that is none is not repeated: "password hunter2" is a
// key, too.
func (d *decoder) entries(n *yaml.Node, path string, name *regexp.Regexp, wrong string) []entry {
	all := make([]entry, 0, len(n.Content)/2)
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		p := entry{key.Value, join(path, key.Value), position{key.Line, key.Column}, n.Content[i+1]}
		first, twice := lines[p.name]
		switch {
		case key.Tag == "!!merge":
			d.problemAt(p.at, path, "merge keys (<<) are not supported: write the options out")
		case key.Kind != yaml.ScalarNode || !name.MatchString(p.name):
			d.problemAt(p.at, path, "%s", wrong)
		case twice:
			d.problemAt(p.at, p.path, "is given twice, first on line %d", first)
		default:
			lines[p.name] = key.Line
			all = append(all, p)
		}
	}
	return all
}

var optionName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

func (d *decoder) section(n *yaml.Node, v reflect.Value, path string) {
	fields := options(v.Type())
	for _, p := range d.entries(n, path, optionName, `this key is no name of an option; is it missing ": " after its name?`) {
		i, known := fields[p.name]
		if !known {
			d.problemAt(p.at, p.path, "unknown option%s", didYouMean(p.name, fields))
			continue
		}
		d.given[p.path] = p.at
		d.value(p.value, v.Field(i), p.path)
	}
	for _, name := range required(pattern(path)) {
		if _, ok := d.given[join(path, name)]; !ok {
			d.problem(join(path, name), "is missing")
		}
	}
	d.files(v, fields, path)
}

var mapKey = regexp.MustCompile(`^[!-~]{1,40}$`)

// mapping decodes a map of strings. A value's path ends with its key:
// "carriers[0].smpp.tlvs.0x1400". The rule of the values is that of the map's
// pattern and {}, that of the keys the one of its pattern and {key}; what is
// wrong with a key is reported at the path of its value.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	m := reflect.MakeMap(v.Type())
	for _, p := range d.entries(n, path, mapKey, `this key is no word of up to 40 characters; is it missing ": " after it?`) {
		d.given[p.path] = p.at
		if err := d.rules[pattern(path)+"{key}"](reflect.ValueOf(p.name)); err != nil {
			d.problem(p.path, "%s", err)
		}
		x := reflect.New(v.Type().Elem()).Elem()
		if d.plain(p.value, p.path) {
			d.scalar(p.value, x, p.path, pattern(path)+"{}")
		}
		m.SetMapIndex(reflect.ValueOf(p.name), x)
	}
	v.Set(m)
}

// inOrder lists the keys of the map at path as they stand in the file.
func inOrder[T any](d *decoder, m map[string]T, path string) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		at, bt := d.given[join(path, a)], d.given[join(path, b)]
		return cmp.Or(cmp.Compare(at.line, bt.line), cmp.Compare(at.column, bt.column))
	})
}

// options returns the index of a struct's fields by option.
func options(t reflect.Type) map[string]int {
	m := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		m[t.Field(i).Tag.Get("yaml")] = i
	}
	return m
}

// secret says whether an option of a section holds a secret: it has a twin.
func secret(fields map[string]int, name string) bool {
	_, ok := fields[name+"_file"]
	return ok
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

var (
	decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	perSec  = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)/s$`)
)

// scalar decodes one value and checks it against its rule. Its messages do not
// repeat the value, which may be a secret; a rule's may.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path, rule string) {
	if n.Kind != yaml.ScalarNode {
		d.problem(path, "must be a single value")
		return
	}
	x, wrong := parseScalar(n, v.Type())
	if wrong != "" {
		d.problem(path, "%s", wrong)
		return
	}
	if err := d.rules[rule](x); err != nil {
		d.problem(path, "%s", err)
		return
	}
	v.Set(x)
}

// parseScalar returns a node's value as a t, or what is wrong with it.
func parseScalar(n *yaml.Node, t reflect.Type) (x reflect.Value, wrong string) {
	x = reflect.New(t).Elem()
	switch {
	case t == reflect.TypeFor[time.Duration]():
		dur, err := time.ParseDuration(n.Value)
		if err != nil {
			return x, "must be a duration with its unit, such as 30s, 500ms or 48h"
		}
		x.SetInt(int64(dur))
	case t.Kind() == reflect.String:
		// Digits without quotes are kept as they were written: +44… is no sum.
		if !slices.Contains([]string{"!!str", "!!int", "!!float", "!!timestamp"}, n.Tag) {
			return x, "must be text; put it in quotes"
		}
		x.SetString(n.Value)
	case t.Kind() == reflect.Bool:
		if n.Tag != "!!bool" {
			return x, "must be true or false"
		}
		x.SetBool(strings.EqualFold(n.Value, "true"))
	case t.Kind() == reflect.Int, t.Kind() == reflect.Uint8:
		// A number too large for yaml.v3 to be an integer is a float to it.
		if n.Tag == "!!str" || !decimal.MatchString(n.Value) {
			return x, "must be a whole number in decimal, without quotes or leading zeros"
		}
		i, err := strconv.ParseInt(n.Value, 10, 32)
		if err != nil || t.Kind() == reflect.Uint8 && (i < 0 || i > 255) {
			return x, "is out of range"
		}
		x.Set(reflect.ValueOf(i).Convert(t))
	case t.Kind() == reflect.Float64:
		m := perSec.FindStringSubmatch(n.Value)
		if m == nil {
			return x, "must be a rate a second, such as 10/s or 0.5/s"
		}
		f, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return x, "is out of range"
		}
		x.SetFloat(f)
	default:
		panic("config: no option can be a " + t.String())
	}
	return x, ""
}

// didYouMean proposes the option that a name is a slip of, if there is one.
func didYouMean(name string, fields map[string]int) string {
	best, bestDistance := "", 3
	for known := range fields {
		dist := distance(strings.ToLower(name), known)
		if dist < bestDistance || dist == bestDistance && known < best {
			best, bestDistance = known, dist
		}
	}
	if best == "" || bestDistance > (len(best)+1)/3 {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// distance counts the octets to insert, remove, replace or swap with their
// neighbour that make b of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
