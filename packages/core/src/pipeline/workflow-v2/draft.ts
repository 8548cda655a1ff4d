import { loadYaml } from '../../lazy.ts'
import type { Location, Problem } from '../../errors.ts'
import type { Template } from '../pipeline.ts'
import { Reading } from '../read/reading.ts'
import type { ShapePath } from '../schema/shape.ts'
import type { PipelineFile, ProjectFiles } from '../source.ts'
import { nodeAt } from '../yaml/yaml-file.ts'
import type { YamlFile } from '../yaml/yaml-file.ts'

/** One file of the dialect while it is translated: where things stand, what is wrong, what to tell. */
export class Draft {
  readonly reading: Reading
  /** What the author should know, though the file can be used. */
  readonly notices: Problem[] = []
  readonly #yaml: YamlFile

  constructor(yaml: YamlFile, source: PipelineFile, files: ProjectFiles) {
    this.#yaml = yaml
    this.reading = new Reading(yaml, source, files)
  }

  get problems(): Problem[] {
    return this.reading.problems
  }

  report(message: string, at: ShapePath | Location, hint?: string): void {
    // Places whose shape is wrong have been told.
    if (!('file' in at)) this.reading.report(message, at, hint)
    else this.problems.push(this.#problem(message, at, hint))
  }

  notice(message: string, at: ShapePath | Location, hint?: string): void {
    this.notices.push(this.#problem(message, at, hint))
  }

  /** Whether the author has been told something about this place. */
  hasNoticeAt({ line, column }: Location): boolean {
    return this.notices.some(
      ({ location }) => location?.line === line && location.column === column,
    )
  }

  locate(path: ShapePath): Location {
    return this.reading.locate(path)
  }

  template(text: string, path: ShapePath): Template {
    return this.reading.template(text, path)
  }

  /** A scalar as it is written: `2.0` stays `2.0`. */
  written(path: ShapePath): string | undefined {
    const node = nodeAt(this.#yaml, path)
    if (!loadYaml().isScalar(node)) return undefined
    return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
  }

  /** How messages name a place: `Step "triage"`, `"run" of step "triage"`. */
  subject(path: ShapePath): string {
    const [list, index, ...rest] = path
    if (path.length === 0) return 'The workflow'
    if ((list !== 'steps' && list !== 'loops') || typeof index !== 'number') return quote(path)
    const word = list === 'steps' ? 'step' : 'loop'
    const name = this.written([list, index, 'name'])
    const called = name === undefined ? `${word} ${index + 1}` : `${word} "${name}"`
    if (rest.length > 0) return `${quote(rest)} of ${called}`
    return called.charAt(0).toUpperCase() + called.slice(1)
  }

  #problem(message: string, at: ShapePath | Location, hint?: string): Problem {
    const location = 'file' in at ? at : this.locate(at)
    const advice = hint === undefined ? {} : { hint }
    return { code: 'pipeline-invalid', message, location, ...advice }
  }
}

function quote(path: ShapePath): string {
  const parts = path.map((part, at) => {
    if (typeof part === 'number') return `[${part}]`
    return at === 0 ? part : `.${part}`
  })
  return `"${parts.join('')}"`
}
