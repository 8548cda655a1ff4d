/** How many columns of a terminal a text takes. */
export function columnsOf(text: string): number {
  let columns = 0
  for (const character of text) columns += widthOf(character)
  return columns
}

/** The text in at most so many columns; what is left out is marked. */
export function cutTo(text: string, columns: number, mark: string): string {
  if (columnsOf(text) <= columns) return text
  let kept = ''
  let used = columnsOf(mark)
  for (const character of text) {
    used += widthOf(character)
    if (used > columns) break
    kept += character
  }
  return `${kept.trimEnd()}${mark}`
}

/** 0 for what is put on top of the character before, 2 for wide letters and pictures. */
export function widthOf(character: string): 0 | 1 | 2 {
  if (/^\p{M}$/u.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}

const WIDE =
  /^(?:[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u
