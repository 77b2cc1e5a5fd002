package api

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"smsbridge/gateway"
)

func TestReadContacts(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{"in any order", "numbers,name\n+12602058901,Ana\n", "2 name=Ana [+12602058901]"},
		{"semicolons and a BOM", "\ufeffName;Numbers;Tags\r\nAna;\"1;2\";\"vip;a b\"\r\n", "2 name=Ana tags=[vip a b] [1 2]"},
		{"one column", "numbers\n1\n", "2 [1]"},
		{"a comma within", "name,numbers\n\"Ana, B\",1\n", "2 name=Ana, B [1]"},
		{"lines within", "notes,numbers\n\"a\nb\",1\nc,2\n", "2 notes=a\nb [1] | 4 notes=c [2]"},
		{"empty rows", "name,numbers\n\n,\nA,1\n , \n", "4 name=A [1]"},
		{"short and long rows", "numbers,name\n1\n2,B,\n3,C,more\n", "2 [1] | 3 name=B [2] | 4 It has something in cell 3, for which the header has no column."},
		{"columns without a name", "name,,numbers,\nA,,1,\nB,x,2,\n", "2 name=A [1] | 3 It has something in cell 2, for which the header has no column."},
		{"no number", "name,numbers\nA,\nB, ; \n", "2 It has no number. | 3 It has no number."},
		{"a stray quote", "name,numbers\nA\"a,1\nB,2\n", "2 It is no CSV: bare \" in non-quoted-field. | 3 name=B [2]"},
		{"an open quote", "name,numbers\nA,1\n\"B,2\nC,3\n", "2 name=A [1] | 3 It is no CSV: extraneous or missing \" in quoted-field."},
		{"no UTF-8", "name,numbers\n\xc4,1\nB,2\n", "2 It is not UTF-8. Save the file as CSV UTF-8. | 3 name=B [2]"},
		{"neutralised", "name,numbers\n'=1+1,'+1\n''=x,2\n'tis,3\n", "2 name==1+1 [+1] | 3 name='=x [2] | 4 name='tis [3]"},
		{"emptied", "name,company,tags,numbers\nA,,,1\n", "2 name=A company= tags=[] [1]"},
	} {
		rows, err := readContacts([]byte(tt.file))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var lines []string
		for _, r := range rows {
			line := fmt.Sprint(r.line)
			for _, c := range []struct {
				name  string
				value *string
			}{{"name", r.change.Name}, {"first_name", r.change.Given}, {"company", r.change.Company}, {"notes", r.change.Notes}} {
				if c.value != nil {
					line += " " + c.name + "=" + *c.value
				}
			}
			if r.change.Tags != nil {
				line += fmt.Sprint(" tags=", r.change.Tags)
			}
			line += fmt.Sprint(" ", r.numbers)
			if r.refused != "" {
				line = fmt.Sprint(r.line, " ", r.refused)
			}
			lines = append(lines, line)
		}
		if got := strings.Join(lines, " | "); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
	for file, says := range map[string]string{
		"":                               "no header",
		"\"":                             "no header",
		"name,phone\nA,1\n":              `column "phone" is unknown; there are name, first_name`,
		"name\nA\n":                      "numbers is missing",
		"numbers,numbers\n":              "twice",
		"n\xe4me;numbers\n":              "UTF-8",
		strings.Repeat("x", 200) + "\nA": "…",
		"numbers\n" + strings.Repeat("1\n", maxRows+1): "divide",
	} {
		if _, err := readContacts([]byte(file)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q: %v, want it to say %s", file, err, says)
		}
	}
}

func TestNeutral(t *testing.T) {
	for cell, written := range map[string]string{"": "", "plain": "plain", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx",
		"'=1": "''=1", "''=1": "'''=1", "'": "'", "'x": "'x", "a=1": "a=1"} {
		if got := neutral(cell); got != written || plain(got) != cell {
			t.Errorf("%q is written %q and read %q", cell, got, plain(got))
		}
	}
}

// FuzzImport reads any file, and reads what it wrote of it again: nothing that can
// be saved is lost on the way out and back.
func FuzzImport(f *testing.F) {
	for _, s := range []string{"name,numbers\nA,1\n", "\ufeffname;numbers;tags;notes;company;first_name\n\"a\nb\";\"+12602058901;ACME\";x;'=y;-z;@\n", "numbers\n\"", ";;numbers\n'',\n", "numbers,name\n12345,'\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, err := readContacts(file)
		if err != nil {
			return
		}
		line := 1
		for _, row := range rows {
			if row.line <= line && line > 1 || row.line < 1 {
				t.Fatalf("line %d after %d", row.line, line)
			}
			line = row.line
			if row.refused != "" {
				continue
			}
			row.change.Numbers = []gateway.Address{{Kind: gateway.AddressE164, Value: "+12602058901"}}
			for _, n := range row.numbers {
				if a, err := gateway.ParseContactNumber(n, "US"); err == nil {
					row.change.Numbers = append(row.change.Numbers, a)
				}
			}
			c, err := gateway.Contact{}.Apply(row.change)
			if err != nil {
				continue
			}
			written := appendContacts([]byte(strings.Join(contactColumns[:], ",")+"\n"), []gateway.Contact{c})
			again, err := readContacts(written)
			if err != nil || len(again) != 1 || again[0].refused != "" {
				t.Fatalf("%q: %+v, %v", written, again, err)
			}
			for _, n := range again[0].numbers {
				a, err := gateway.ParseContactNumber(n, "US")
				if err != nil {
					t.Fatalf("%q: %v", written, err)
				}
				again[0].change.Numbers = append(again[0].change.Numbers, a)
			}
			got, err := gateway.Contact{}.Apply(again[0].change)
			if err != nil || !reflect.DeepEqual(got, c) {
				t.Fatalf("%q is read as %+v, want %+v: %v", written, got, c, err)
			}
		}
	})
}
