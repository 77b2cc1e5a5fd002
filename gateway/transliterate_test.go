package gateway

import "testing"

func TestTransliterate(t *testing.T) {
	var (
		none   = Format{}
		signs  = Format{Transliterate: TransliteratePunctuation}
		all    = Format{Transliterate: TransliterateAll}
		latin  = Format{Alphabet: AlphabetLatin1, Transliterate: TransliterateAll}
		latin1 = Format{Alphabet: AlphabetLatin1, Transliterate: TransliteratePunctuation}
		ascii  = Format{Alphabet: AlphabetASCII, Transliterate: TransliterateAll}
		ascii1 = Format{Alphabet: AlphabetASCII, Transliterate: TransliteratePunctuation}
	)
	for _, tt := range []struct {
		name   string
		format Format
		text   string
		want   string // "" if it is left as it is, in UCS-2
	}{
		{"not asked for", none, "It’s", ""},
		{"quotes", signs, "It’s ‘so’ “nice” „here“ «there» 5′ 6″ `x´", `It's 'so' "nice" "here" "there" 5' 6" 'x'`},
		{"dashes and dots", signs, "a – b — c ‒ d − 1‑2…\n• e", "a - b - c - d - 1-2...\n- e"},
		{"spaces", signs, "5\u00a0€\u202f10\u2009000\u3000\tx", "5 € 10 000  x"},
		{"of no width", signs, "a\u200bb\u00adc\ufeffd\u200d\u2060e\u200f", "abcde"},
		{"what the alphabet has is kept", signs, "¿Größe à Ω 5€? – ¡Æø!", "¿Größe à Ω 5€? - ¡Æø!"},
		{"an accent apart", signs, "cafe\u0301 n\u0303 A\u030a…", "café ñ Å..."},
		{"a sign of ohm and of ångström", signs, "5 \u2126 \u212b", "5 Ω Å"},
		{"control characters", signs, "a\x1b\x00’", "a'"},
		{"letters are none of that", signs, "naïve – façade", ""},
		{"a text that needs UCS-2 anyway", signs, "“Привет”", ""},
		{"emoji", all, "It’s ❤️", ""},
		{"a keycap", all, "1️⃣", ""},
		{"what is no UTF-8", all, "’\xff", ""},
		{"Polish", all, "Zażółć gęślą jaźń, ŁÓDŹ", "Zazolc gesla jazn, LODZ"},
		{"Czech", all, "Příliš žluťoučký kůň úpěl ďábelské ódy", "Prilis zlutoucky kun upel dabelské ody"},
		{"Turkish", all, "İstanbul’da şık ğ Iğdır çay ÇAY", "Istanbul'da sik g Igdir cay ÇAY"},
		{"Portuguese", all, "Não há ações à Conceição, õ é ê â", "Nao ha acoes à Conceicao, o é e a"},
		{"French", all, "Œuvre, cœur, où, façade, naïf, Noël, août, É", "OEuvre, coeur, où, facade, naif, Noel, aout, É"},
		{"Romanian", all, "Țară și pământ, şi ţară", "Tara si pamant, si tara"},
		{"Hungarian", all, "Árvíztűrő tükörfúrógép", "Arvizturo tükörfurogép"},
		{"Icelandic and Croatian", all, "Þór ðe đak Đ", "Thor de dak D"},
		{"Vietnamese", all, "Tiếng Việt ầ", "Tieng Viet a"},
		{"Catalan", all, "col·lecció ŀ 1ª 2º", "col.leccio l 1a 2o"},
		{"ligatures and signs", all, "ﬁn ™ © ® ĳ", "fin (TM) (C) (R) ij"},
		{"marks of other scripts are no accents", all, "a\u093f", ""},
		{"й is no и", all, "й", ""},
		{"Latin-1 keeps its quotes and letters", latin, "«ça» – Ł 5 €", "«ça» - L 5 EUR"},
		{"Latin-1 and a euro", latin1, "“5 €”", ""},
		{"ASCII", ascii, "¿Größe Æ ø å? – 5 €", "?Grosse AE o a? - 5 EUR"},
		{"ASCII and letters", ascii1, "“é”", ""},
		{"ASCII and quotes", ascii1, "“e” `x`", "\"e\" `x`"},
	} {
		want, encoding := tt.want, tt.format.Alphabet.encoding()
		if want == "" {
			want, encoding = tt.text, EncodingUCS2
		}
		m := Measure(tt.text, tt.format)
		if want = sendable(want); m.Text != want || m.Encoding != encoding {
			t.Errorf("%s: %q in %v; want %q in %v", tt.name, m.Text, m.Encoding, want, encoding)
		}
		checkSplit(t, tt.text, tt.format, 7)
	}
}
