/** What text can do to a terminal, and how to see that it does nothing. */

/** One or more of each of sixteen kinds. */
export const TERMINAL_ATTACKS: Readonly<Record<string, string>> = {
  'clears the screen': '\u{1b}[2J\u{1b}[H',
  'sets the title': '\u{1b}]0;owned\u{7}',
  'writes the clipboard (OSC 52)': '\u{1b}]52;c;ZXZpbA==\u{1b}\\',
  'hides a link (OSC 8)': '\u{1b}]8;;https://evil.example\u{1b}\\click\u{1b}]8;;\u{1b}\\',
  'overwrites the line': 'fine\rEVIL',
  'device control': '\u{1b}P+q544e\u{1b}\\',
  'eight-bit controls': '\u{9b}31m\u{9d}0;x\u{9c}\u{90}q\u{9c}\u{85}',
  'reorders text': 'abc\u{202e}gpj.exe\u{2066}x\u{2069}\u{200f}',
  'tag characters': 'ok\u{e0041}\u{e0042}\u{e007f}',
  backspaces: 'safe\b\b\b\bevil\u{7f}',
  'alternate screen': '\u{1b}[?1049h\u{1b}[?25l',
  'kitty keyboard and graphics': '\u{1b}[>1u\u{1b}_Gf=100;AAAA\u{1b}\\',
  'application, privacy and start-of-string messages':
    '\u{1b}_x\u{1b}\\\u{1b}^x\u{1b}\\\u{1b}Xx\u{1b}\\\u{9f}x\u{9c}\u{9e}x\u{9c}\u{98}x\u{9c}',
  unterminated: '\u{1b}]0;never ends',
  'status queries': '\u{1b}[6n\u{1b}[c\u{1b}[>q\u{5}\u{1b}]11;?\u{7}\u{1b}[21t',
  'character sets': '\u{1b}(0lqqk\u{e}\u{f}\u{1b}c\u{1b}%G\u{1b}n',
}

/** What a terminal acts on or hides. Line feeds stand between lines. */
export const DANGEROUS =
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  /[\u{0}-\u{9}\u{b}-\u{1f}\u{7f}-\u{9f}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u
