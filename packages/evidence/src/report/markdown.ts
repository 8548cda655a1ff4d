import type { ChangedLine, Citation, Reason } from '../findings.ts'

/**
 * The one place where untrusted text enters a document. It always stands in a code span or behind a line
 * number in a block, so that it cannot make headings, links, images or verdict lines.
 */
const INVISIBLE =
  /(?!\t)[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/gu
const EMAIL = /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}/g
const CREDENTIALS = /(:\/\/)[^\s/@]{1,200}@/g
const SECRET =
  /((?:pass(?:word|wd)?|secret|token|api[_ -]?key|private[_ -]?key|authorization|bearer)["']?\s{0,3}[:=]\s{0,3}["']?(?:bearer )?)(?!(?:string|number|boolean|undefined)(?:[\s),;|\]>]|$))[^\s"',;]{6,}/gi
const QUOTE_CHARS = 240

/** Untrusted text as one code span. What looks like a citation is put in quotes: it is none of ours. */
export function code(text: string, chars = QUOTE_CHARS): string {
  const shown = shorten(plain(text.trim()), chars)
  return span(LIKE_CITATION.test(shown) ? `"${shown}"` : shown)
}

const LIKE_CITATION = /\.\w{1,12}(?::\d{1,7}|#L\d{1,7})[\d:LC-]{0,20}$/

function span(shown: string): string {
  if (shown === '') return '(empty)'
  const runs = shown.match(/`+/g) ?? []
  const fence = '`'.repeat(Math.max(0, ...runs.map((run) => run.length)) + 1)
  const padding = shown.startsWith('`') || shown.endsWith('`') ? ' ' : ''
  return `${fence}${padding}${shown}${padding}${fence}`
}

/** The same, for a table cell. */
export function cell(text: string): string {
  return code(text, 120).replaceAll('|', '\\|')
}

/** Untrusted lines as a block, each behind its number or mark, so that none can end the block. */
export function block(
  lines: readonly { readonly mark: string | number; readonly text: string }[],
): string {
  const width = Math.max(0, ...lines.map(({ mark }) => String(mark).length))
  const body = lines.map(({ mark, text }) => {
    return `${String(mark).padStart(width)} | ${shorten(plain(text), QUOTE_CHARS)}`.trimEnd()
  })
  return ['```text', ...body.map((line) => line.replaceAll('```', '` ` `')), '```'].join('\n')
}

/**
 * `path:line` and the quoted line, or `commit:path:line` as git names it. The line stands as it is, tabs
 * included: it is compared with the file.
 */
export function cite({ revision, path, line, quote }: Citation): string {
  const place = `${path}:${line}`
  const shown = shorten(plain(revision === undefined ? place : `${revision}:${place}`), QUOTE_CHARS)
  return `${span(shown)} ${span(shorten(plain(quote.trim(), '\t'), QUOTE_CHARS))}`
}

/** Changed lines as a block, each with its sign and place. */
export function changeBlock(lines: readonly ChangedLine[]): string {
  return block(
    lines.map(({ path, line, sign, text }) => ({
      mark: `${sign} ${shorten(path, 60)}:${line}`,
      text,
    })),
  )
}

/** A reason as list item, its citations below it. */
export function reasonItem(reason: Reason): string {
  const about = reason.about.map((name) => code(name, 100)).join(', ')
  const head = about === '' ? `- ${reason.text}` : `- ${reason.text}: ${about}`
  return [head, ...reason.citations.slice(0, 3).map((citation) => `  - ${cite(citation)}`)].join(
    '\n',
  )
}

/** A list, or the sentence that stands for an empty one. */
export function list(items: readonly string[], none: string): string {
  return items.length === 0 ? none : items.map((item) => `- ${item}`).join('\n')
}

/** A document: parts with an empty line between them. */
export function document(parts: readonly string[]): Uint8Array {
  return new TextEncoder().encode(`${parts.filter((part) => part !== '').join('\n\n')}\n`)
}

/** `2026-02-04 14:30:12 UTC`. */
export function utc(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`
}

/** The id of a commit as people write it. */
export function short(id: string): string {
  return id.slice(0, 12)
}

/** Nothing invisible, no addresses, no secrets, and no braces that look like an unfilled template. */
export function plain(text: string, tab = '  '): string {
  return text
    .replaceAll('\t', tab)
    .replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
    .replace(CREDENTIALS, '$1<credentials>@')
    .replace(EMAIL, '<e-mail>')
    .replace(SECRET, '$1<redacted>')
    .replaceAll('{{', '{\\u{7b}')
    .replaceAll('{%', '{\\u{25}')
}

function shorten(text: string, chars: number): string {
  return text.length <= chars
    ? text
    : `${text
        .slice(0, chars - 1)
        .toWellFormed()
        .replaceAll('\uFFFD', '')}…`
}
