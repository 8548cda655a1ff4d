import type { Scalar } from 'yaml'
import type { Location } from '../../errors.ts'
import { loadYaml } from '../../lazy.ts'
import type { Spot, Template } from '../pipeline.ts'
import { nodeAt } from '../yaml/yaml-file.ts'
import type { YamlFile } from '../yaml/yaml-file.ts'
import { offsetOf } from '../yaml/yaml-nodes.ts'

/** A text of a YAML file as a template that knows where its characters stand. */
export function templateAt(
  yaml: YamlFile,
  path: readonly (string | number)[],
  text: string,
): Template {
  const node = nodeAt(yaml, path)
  const offset = offsetOf(node)
  const location = textStart(yaml, offset, text)
  if (!loadYaml().isScalar(node) || standsAsItIs(yaml.text, offset, text)) return { text, location }
  return { text, location, spots: spotsOf(yaml, node, text) }
}

/** Whether each line of the text is a line of the file. */
function standsAsItIs(file: string, offset: number, text: string): boolean {
  const mark = file[offset]
  if (mark === '|') return true
  return mark !== '>' && file.startsWith(text, mark === '"' || mark === "'" ? offset + 1 : offset)
}

/** Where the text of a scalar begins: behind the quote, or in the first line below a `|`. */
function textStart(yaml: YamlFile, offset: number, text: string): Location {
  const mark = yaml.text[offset]
  if (mark !== '|' && mark !== '>') {
    return yaml.place(mark === '"' || mark === "'" ? offset + 1 : offset)
  }
  const header = yaml.place(offset)
  const lines = yaml.text.slice(offset).split(/\r?\n/u).slice(1)
  const firstText = text.split('\n').find((line) => line.trim() !== '') ?? ''
  const firstLine = lines.find((line) => line.trim() !== '') ?? ''
  // A folded text joins lines, so that the first one is only the beginning of it.
  const known = firstLine.trimStart()
  const indent = firstLine.endsWith(firstText)
    ? firstLine.length - firstText.length
    : firstLine.length - known.length
  return { file: yaml.file, line: header.line + 1, column: indent + 1 }
}

/**
 * The pieces between line breaks and escapes of a scalar, as they follow each other in its text. What
 * stands between two of them is taken for more of the first.
 */
function spotsOf(yaml: YamlFile, scalar: Scalar, text: string): readonly Spot[] {
  const [start, end] = scalar.range ?? [0, 0]
  const mark = yaml.text[start] ?? ''
  // The first line of a block is only its header.
  const from = mark === '>' ? yaml.text.indexOf('\n', start) + 1 : start
  const spots: Spot[] = []
  let cursor = 0
  for (const [piece, offset] of piecesOf(yaml.text.slice(from, end), mark)) {
    const at = text.indexOf(piece, cursor)
    if (at === -1) continue
    const { line, column } = yaml.place(from + offset)
    spots.push([at, line, column])
    cursor = at + piece.length
  }
  return spots
}

function piecesOf(source: string, mark: string): readonly (readonly [string, number])[] {
  return [...source.matchAll(PIECES[mark] ?? LINES)].flatMap(({ 0: all, groups, index }) => {
    const piece = groups?.['piece']?.trim() ?? ''
    return piece === '' ? [] : [[piece, index + all.indexOf(piece)] as const]
  })
}

const LINES = /(?<piece>[^\r\n]+)/gu
const PIECES: Readonly<Record<string, RegExp>> = {
  '"': /\\(?:x..|u.{4}|U.{8}|[^])|(?<piece>[^\\"\r\n]+)/gu,
  "'": /(?<piece>[^'\r\n]+)/gu,
}
