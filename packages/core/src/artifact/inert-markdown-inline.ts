import { MAX_LINE_CHARACTERS, type Token, readTokens } from './inert-markdown-tokens.ts'

/** What was made inert. */
export interface Counts {
  html: number
  images: number
  links: number
  drawings: number
}

/** Lines outside of blocks of code; as many come back. `spans`: code spans in it are code for every viewer. */
export function inertText(line: string, spans: boolean, counts: Counts): string {
  if (!/[<[\]`~@]/u.test(line)) return line
  let inert = line
  // What is made text can be taken for the address of a definition.
  for (let before = ''; inert !== before;) {
    before = inert
    inert = passOver(before, spans, counts)
  }
  return inert
}

function passOver(line: string, spans: boolean, counts: Counts): string {
  if (line.length > MAX_LINE_CHARACTERS) return passOverLong(line, counts)
  const parts: string[] = []
  let at = 0
  for (const token of readTokens(line, { spans })) {
    const inert = inertToken(token, line, counts)
    if (inert === undefined) continue
    parts.push(line.slice(at, token.start), inert)
    at = token.end
  }
  parts.push(line.slice(at))
  // An extension of editors: it takes other files in, from anywhere.
  return parts.join('').replace(/^([\s>]*)@import\b/gimu, String.raw`$1\@import`)
}

/** Nobody reads such lines. Without tokens the memory is that of the line. */
function passOverLong(line: string, counts: Counts): string {
  const inert = line
    .replaceAll(/<(?=[a-z/!?])/giu, '&lt;')
    .replaceAll('![', String.raw`!\[`)
    .replaceAll(/\](?=[(:])/gu, ']\\')
    .replaceAll(/(`{3,}|~{3,})(?!text )/gu, '$1text ')
  if (inert !== line) counts.html += 1
  return inert
}

/** The opening line of a block of code, without what makes a viewer draw or run the block. */
export function inertInfo(line: string, counts: Counts): string {
  const mark = /`{3,}|~{3,}/u.exec(line)
  if (mark === null) return line
  const start = mark.index + mark[0].length
  const info = line.slice(start)
  const inert = inertWords(info)
  if (inert === info) return line
  counts.drawings += 1
  return line.slice(0, start) + inert
}

/** Undefined: it stays. */
function inertToken(token: Token, line: string, counts: Counts): string | undefined {
  const { kind, shown } = token
  if (kind === 'fence') return inertFence(token, line, counts)
  if (kind === 'html') counts.html += 1
  if (kind === 'image') counts.images += 1
  if (kind === 'link') counts.links += 1
  return shown
}

/** Marks of a fence in a line that may or may not be one. */
function inertFence(token: Token, line: string, counts: Counts): string | undefined {
  const [words = ''] = /^[ \t]*\S*/u.exec(line.slice(token.end, token.end + MAX_WORD)) ?? []
  const inert = inertWords(words)
  if (inert === words) return undefined
  counts.drawings += 1
  return `${line.slice(token.start, token.end)}text `
}

const MAX_WORD = 100

/** Drawings can load images; braces hold attributes, by which some editors run the code. */
function inertWords(info: string): string {
  const plain = info.replaceAll('{', '(').replaceAll('}', ')')
  const [, blank = '', word = ''] = /^([ \t]*)([\w:+.-]*)/u.exec(plain) ?? []
  return DRAWN.has(word.toLowerCase()) ? `${blank}text ${plain.slice(blank.length)}` : plain
}

/** Languages that viewers draw. */
const DRAWN: ReadonlySet<string> = new Set(
  `mermaid math geojson topojson stl plantuml puml uml dot graphviz viz vega vega-lite wavedrom bitfield svgbob
  kroki ditaa d2 blockdiag seqdiag actdiag nwdiag nomnoml erd excalidraw structurizr c4plantuml bytefield pikchr
  tikz svg iframe html-embed json:table markmap abc chart echarts flowchart flow sequence asciimath katex latex-math
  query dataview dataviewjs tasks`.split(/\s+/u),
)
