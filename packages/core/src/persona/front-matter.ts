import type { Location } from '../errors.ts'

export type FrontMatter =
  | {
      readonly ok: true
      /** The YAML, after as many empty lines as stand before it in the file. */
      readonly yaml: string
      readonly body: string
      /** Line of the file in which the body begins. */
      readonly bodyLine: number
    }
  | { readonly ok: false; readonly message: string; readonly place: Omit<Location, 'file'> }

/** Takes a Markdown file with plain YAML between two `---` lines apart. Runs nothing of it. */
export function splitFrontMatter(text: string): FrontMatter {
  const lines = text.split(/\r?\n/u)
  const first = lines[0]?.trimEnd() ?? ''
  const start = { line: 1, column: 1 }
  if (first.startsWith('---') && first !== '---') {
    const language = first.slice('---'.length).trim()
    const message = `The front matter must be plain YAML, not "${language.slice(0, 40)}".`
    return { ok: false, message, place: start }
  }
  if (first !== '---') {
    return { ok: false, message: 'The file must begin with a line "---".', place: start }
  }
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === '---')
  if (end === -1) {
    return { ok: false, message: 'The front matter has no closing line "---".', place: start }
  }
  const body = lines.slice(end + 1).join('\n')
  const yaml = ['', ...lines.slice(1, end)].join('\n')
  return { ok: true, yaml, body, bodyLine: end + 2 }
}
