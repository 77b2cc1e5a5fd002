package api

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"smsbridge/gateway"
)

// contactColumns are those of a file of contacts, in the order in which one is
// written. Several numbers and tags are separated by semicolons.
var contactColumns = [...]string{"name", "first_name", "company", "numbers", "notes", "tags"}

// contactRow is a row of a file of contacts.
type contactRow struct {
	line    int    // where it begins, from 1
	refused string // why it cannot be read, for a person
	// What it says. Columns that the file has not, and cells that the row has not,
	// change nothing.
	change  gateway.ContactChange
	numbers []string
}

const maxRows = 50_000 // of a file

// readContacts reads a file of contacts: CSV with a header, in UTF-8, whose
// separator is a comma or a semicolon. Rows of empty cells are left out. An error
// is about the file as a whole, for a person.
func readContacts(file []byte) ([]contactRow, error) {
	file = bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))
	in, columns, err := readHeader(file)
	if err != nil {
		return nil, err
	}
	var rows []contactRow
	for {
		cells, err := in.Read()
		var parse *csv.ParseError
		switch {
		case err == io.EOF:
			return rows, nil
		case errors.As(err, &parse):
			rows = append(rows, contactRow{line: parse.StartLine, refused: "It is no CSV: " + parse.Err.Error() + "."})
		case err != nil:
			return nil, err
		case slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }):
			line, _ := in.FieldPos(0)
			row := readRow(cells, columns)
			row.line = line
			rows = append(rows, row)
		}
		if len(rows) > maxRows {
			return nil, fmt.Errorf("more than %d rows; divide the file", maxRows)
		}
	}
}

// readHeader finds the separator, by which the header has more columns that are
// known, and says which column is where.
func readHeader(file []byte) (*csv.Reader, []string, error) {
	var in *csv.Reader
	var columns []string
	most := -1
	for _, separator := range ",;" {
		r := csv.NewReader(bytes.NewReader(file))
		r.Comma, r.FieldsPerRecord = separator, -1
		cells, err := r.Read()
		if err != nil {
			continue
		}
		known := 0
		for i, c := range cells {
			cells[i] = strings.ToLower(strings.TrimSpace(plain(c)))
			if slices.Contains(contactColumns[:], cells[i]) {
				known++
			}
		}
		if known > most {
			in, columns, most = r, cells, known
		}
	}
	all := strings.Join(contactColumns[:], ", ")
	if in == nil {
		return nil, nil, fmt.Errorf("there is no header; its columns are %s, of which numbers is needed", all)
	}
	for i, c := range columns {
		switch {
		case strings.ContainsRune(c, utf8.RuneError): // what is no UTF-8, in small letters
			return nil, nil, errors.New("the file is not UTF-8; save it as CSV UTF-8")
		case c != "" && !slices.Contains(contactColumns[:], c):
			return nil, nil, fmt.Errorf("column %q is unknown; there are %s", shortened(c), all)
		case c != "" && slices.Contains(columns[:i], c):
			return nil, nil, fmt.Errorf("column %s is there twice", c)
		}
	}
	if !slices.Contains(columns, "numbers") {
		return nil, nil, fmt.Errorf("the column numbers is missing; there are %s", all)
	}
	return in, columns, nil
}

func shortened(s string) string {
	if len(s) > 50 {
		return strings.ToValidUTF8(s[:50], "") + "…"
	}
	return s
}

func readRow(cells, columns []string) contactRow {
	var row contactRow
	for i, c := range cells {
		switch {
		case !utf8.ValidString(c):
			row.refused = "It is not UTF-8. Save the file as CSV UTF-8."
			return row
		case i >= len(columns) || columns[i] == "":
			if strings.TrimSpace(c) != "" {
				row.refused = fmt.Sprintf("It has something in cell %d, for which the header has no column.", i+1)
				return row
			}
			continue
		}
		c = plain(c)
		switch columns[i] {
		case "name":
			row.change.Name = &c
		case "first_name":
			row.change.Given = &c
		case "company":
			row.change.Company = &c
		case "notes":
			row.change.Notes = &c
		case "numbers":
			row.numbers = parts(c)
		case "tags":
			row.change.Tags = parts(c)
		}
	}
	if len(row.numbers) == 0 {
		row.refused = "It has no number."
	}
	return row
}

// parts takes a cell with several values apart. It is never nil.
func parts(cell string) []string {
	all := []string{}
	for p := range strings.SplitSeq(cell, ";") {
		if p = strings.TrimSpace(p); p != "" {
			all = append(all, p)
		}
	}
	return all
}

// Spreadsheets take a cell that begins with one of these for a formula, which
// whoever wrote the name would then have run on the reader's machine.
const formulaSigns = "=+-@\t\r"

// neutral is a cell that no spreadsheet computes; plain is the way back.
func neutral(cell string) string {
	if computes(strings.TrimLeft(cell, "'")) {
		return "'" + cell
	}
	return cell
}

func plain(cell string) string {
	if bare, ok := strings.CutPrefix(cell, "'"); ok && computes(strings.TrimLeft(bare, "'")) {
		return bare
	}
	return cell
}

func computes(cell string) bool { return cell != "" && strings.IndexByte(formulaSigns, cell[0]) >= 0 }

// appendContacts writes contacts as readContacts reads them, without the header.
func appendContacts(b []byte, cs []gateway.Contact) []byte {
	out := bytes.NewBuffer(b)
	w := csv.NewWriter(out)
	for i := range cs {
		c := &cs[i]
		numbers := make([]string, len(c.Numbers))
		for i, n := range c.Numbers {
			numbers[i] = n.Value
		}
		row := []string{c.Name, c.Given, c.Company, strings.Join(numbers, ";"), c.Notes, strings.Join(c.Tags, ";")}
		for i := range row {
			row[i] = neutral(row[i])
		}
		w.Write(row) // to a buffer: never an error
	}
	w.Flush()
	return out.Bytes()
}
