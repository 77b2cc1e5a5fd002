// Package config turns smsbridge.yaml into a Config that needs no further
// checks, or into the list of everything that is wrong with the file.
//
// The file is decoded strictly. yaml.v3 only parses it: its own decoder ignores
// further documents, cuts 1.5 down to the integer 1, takes 0777 for 511 and
// forgets where things stood. The walk over its nodes here is driven by the
// yaml tags of Config and of the carriers' own sections, smpp.Config and
// gsm.Config, so an option is added by adding its field there and the bounds of
// its value to the table in rules.go. A map of strings has rules for its keys and
// for its values; each value stands at a path of its own, that of the map and
// the key.
//
// In a struct with the options x and x_file, x is a secret: it may be given by
// either, and its value appears in no error and no log line.
package config
