import { loadYaml } from '../lazy.ts'
import type { Location, Problem } from '../errors.ts'
import type { ProjectFiles } from './source.ts'
import type { Template } from './pipeline.ts'
import type { ShapePath } from './shape.ts'
import { nodeAt, offsetOf } from './yaml-file.ts'
import type { YamlFile } from './yaml-file.ts'

/** One pipeline file while it is read: where things stand, and what is wrong so far. */
export class Reading {
  readonly files: ProjectFiles
  readonly problems: Problem[] = []
  readonly #yaml: YamlFile

  constructor(yaml: YamlFile, files: ProjectFiles) {
    this.#yaml = yaml
    this.files = files
  }

  report(message: string, path: ShapePath, hint?: string): void {
    const advice = hint === undefined ? {} : { hint }
    this.problems.push({
      code: 'pipeline-invalid',
      message,
      location: this.locate(path),
      ...advice,
    })
  }

  locate(path: ShapePath): Location {
    return this.#yaml.place(offsetOf(nodeAt(this.#yaml, path)))
  }

  /** Whether the file has a key there, also one that the shape left out. */
  has(path: ShapePath): boolean {
    const parent = nodeAt(this.#yaml, path.slice(0, -1))
    return loadYaml().isMap(parent) && parent.has(path.at(-1))
  }

  /** How messages name a place: `Step "triage"`, `"exec" of step "triage"`. */
  subject(path: ShapePath): string {
    if (path.length === 0) return 'The pipeline'
    const depth = stepDepth(path)
    if (depth === 0) return `"${dotted(path)}"`
    const id = textOf(nodeAt(this.#yaml, [...path.slice(0, depth), 'id']))
    const step = id === undefined ? `step ${Number(path[depth - 1]) + 1}` : `step "${id}"`
    if (path.length === depth) return step.replace('step', 'Step')
    return `"${dotted(path.slice(depth))}" of ${step}`
  }

  /** A text value as a template that knows where its first character stands. */
  template(text: string, path: ShapePath): Template {
    return { text, location: textStart(this.#yaml, offsetOf(nodeAt(this.#yaml, path)), text) }
  }
}

/** How much of a path leads to the innermost step on it, also in the bodies of loops. */
function stepDepth(path: ShapePath): number {
  let depth = 0
  while (typeof path[depth + 1] === 'number' && path[depth] === 'steps') {
    depth += 2
    if (path[depth] !== 'loop') return depth
    depth += 1
  }
  return depth === 0 ? 0 : depth - 1
}

function dotted(path: ShapePath): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += text === '' ? part : `.${part}`
  }
  return text
}

function textOf(node: unknown): string | undefined {
  return loadYaml().isScalar(node) && typeof node.value === 'string' ? node.value : undefined
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
