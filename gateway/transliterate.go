package gateway

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// transliterate replaces the characters that the format's alphabet lacks, where
// that makes the whole text one of the alphabet. What the alphabet has is kept,
// and so is a text that would need UCS-2 after all: it gains nothing by losing
// its quotes.
func transliterate(text string, format Format) (string, bool) {
	if format.Transliterate == TransliterateNone {
		return "", false
	}
	var b strings.Builder
	b.Grow(len(text))
	// Some keyboards write a letter and its accent apart: composed they may be
	// one character of the alphabet.
	for _, r := range norm.NFC.String(text) {
		switch {
		case unsendable(r):
		case format.Alphabet.has(r):
			b.WriteRune(r)
		default:
			s, ok := replacement(r, format)
			if !ok {
				return "", false
			}
			b.WriteString(s)
		}
	}
	return b.String(), true
}

// replacement returns what stands for a character, all of it of the alphabet.
func replacement(r rune, format Format) (string, bool) {
	s, ok := plainPunctuation(r)
	if !ok && format.Transliterate == TransliterateAll {
		s, ok = plainLetter(r)
	}
	for _, r := range s {
		ok = ok && format.Alphabet.has(r)
	}
	return s, ok
}

// plainPunctuation returns what people type for a typographic sign where they
// have no key for it. What nobody sees is left out.
func plainPunctuation(r rune) (string, bool) {
	switch r {
	case '‘', '’', '‚', '‛', 'ʹ', 'ʻ', 'ʼ', 'ʽ', '′', '‵', '`', '´', '‹', '›':
		return "'", true
	case '“', '”', '„', '‟', '″', '‶', '«', '»', '〝', '〞', '〟':
		return `"`, true
	case '‐', '‑', '‒', '–', '—', '―', '−', '⁃', '•', '‣', '◦', '●', '▪':
		return "-", true
	case '…':
		return "...", true
	case '‥':
		return "..", true
	case '·', '․':
		return ".", true
	case '⁄', '∕':
		return "/", true
	case '¡':
		return "!", true
	case '¿':
		return "?", true
	case '\u2028', '\u2029': // line and paragraph separators
		return "\n", true
	case '\t':
		return " ", true
	case '\u00ad', '\u034f', '\u061c', '\u2060', '\ufeff': // soft hyphen, joiners, marks of direction and of the order of octets
		return "", true
	}
	switch {
	case unicode.Is(unicode.Zs, r):
		return " ", true
	case '\u200b' <= r && r <= '\u200f', '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069', '\ufe00' <= r && r <= '\ufe0f':
		return "", true // of no width, for the direction of writing, or for how the last character looks
	}
	return "", false
}

// plainLetter returns a letter without its accents, and letters of ASCII for
// one that is no accented letter.
func plainLetter(r rune) (string, bool) {
	if s, ok := plainLetters[r]; ok {
		return s, true
	}
	var b strings.Builder
	for _, d := range norm.NFD.String(string(r)) {
		if d < 0x300 || 0x36f < d { // accents of Latin letters: other scripts write vowels as marks
			b.WriteRune(d)
		}
	}
	return b.String(), true
}

// plainLetters are those that Unicode does not decompose, with some signs.
var plainLetters = map[rune]string{
	'ł': "l", 'Ł': "L", 'đ': "d", 'Đ': "D", 'ð': "d", 'Ð': "D", 'ø': "o", 'Ø': "O", 'ı': "i", 'ħ': "h", 'Ħ': "H",
	'ŧ': "t", 'Ŧ': "T", 'ŀ': "l", 'Ŀ': "L", 'ə': "e", 'Ə': "E", 'ſ': "s", 'ƒ': "f", 'ª': "a", 'º': "o",
	'ß': "ss", 'ẞ': "SS", 'æ': "ae", 'Æ': "AE", 'œ': "oe", 'Œ': "OE", 'þ': "th", 'Þ': "Th", 'ŋ': "ng", 'Ŋ': "NG",
	'ĳ': "ij", 'Ĳ': "IJ", 'ŉ': "'n", 'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl",
	'€': "EUR", '™': "(TM)", '©': "(C)", '®': "(R)",
}
