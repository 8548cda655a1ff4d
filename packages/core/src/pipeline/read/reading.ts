import { loadYaml } from '../../lazy.ts'
import type { Location, Problem } from '../../errors.ts'
import type { Gaps } from './gaps.ts'
import type { Expression, Template } from '../pipeline.ts'
import type { PipelineFile, ProjectFiles } from '../source.ts'
import type { ShapePath } from '../schema/shape.ts'
import { placeAt } from '../template/template.ts'
import { templateAt } from '../template/text-place.ts'
import { nodeAt } from '../yaml/yaml-file.ts'
import { offsetOf } from '../yaml/yaml-nodes.ts'
import type { YamlFile } from '../yaml/yaml-file.ts'

/** One pipeline file while it is read: where things stand, and what is wrong so far. */
export class Reading implements Gaps {
  readonly source: PipelineFile
  readonly files: ProjectFiles
  readonly problems: Problem[] = []
  /** What is wrong with the pipelines that this one calls, each told once. */
  readonly problemsOfChildren = new Set<Problem>()
  readonly unlisted = new Set<string>()
  readonly opaque = new Set<string>()
  readonly loose = new Set<string>()
  readonly deaf = new Set<string>()
  readonly hasty = new Map<string, ReadonlySet<string>>()
  readonly #yaml: YamlFile
  #unsound: readonly ShapePath[] = []

  constructor(yaml: YamlFile, source: PipelineFile, files: ProjectFiles) {
    this.#yaml = yaml
    this.source = source
    this.files = files
  }

  /** Places that have not the right shape, which has been told: nothing more is said about them. */
  distrust(places: readonly ShapePath[]): void {
    this.#unsound = places
  }

  report(message: string, path: ShapePath, hint?: string): void {
    // What is wrong in one key of a step says nothing about the step.
    if (isStep(path) ? this.#isIn(path) : this.isBroken(path)) return
    const advice = hint === undefined ? {} : { hint }
    this.problems.push({
      code: 'pipeline-invalid',
      message,
      location: this.locate(path),
      ...advice,
    })
  }

  get hasVagueInput(): boolean {
    return this.isBroken(['input'])
  }

  /** Whether a place has not the right shape, or something in it has not. */
  isBroken(path: ShapePath): boolean {
    return this.#isIn(path) || this.#unsound.some((place) => isWithin(path, place))
  }

  #isIn(path: ShapePath): boolean {
    return this.#unsound.some((place) => isWithin(place, path))
  }

  addOfChild(problems: readonly Problem[]): void {
    for (const problem of problems) this.problemsOfChildren.add(problem)
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
    const at = path.slice(0, depth)
    // A workflow has names.
    const id = this.idOf(at) ?? textOf(nodeAt(this.#yaml, [...at, 'name']))
    const step = id === undefined ? `step ${Number(path[depth - 1]) + 1}` : `step "${id}"`
    if (path.length === depth) return step.replace('step', 'Step')
    return `"${dotted(path.slice(depth))}" of ${step}`
  }

  /** What a step is called in the file, even if it is no good name. */
  idOf(path: ShapePath): string | undefined {
    return textOf(nodeAt(this.#yaml, [...path, 'id']))
  }

  /** A text value as an expression, without the `{{ }}` that may stand around it. */
  expression(text: string, path: ShapePath): Expression {
    const inner = /^\s*\{\{(?<inner>(?:(?!\{\{|\}\}).)*)\}\}\s*$/su.exec(text)?.groups?.['inner']
    const plain = (inner ?? text).trim()
    if (plain === '') this.report(`${this.subject(path)} is empty.`, path)
    const whole = this.template(text, path)
    const skipped = Math.max(0, text.indexOf(plain))
    const location = placeAt(whole, skipped)
    if (whole.spots === undefined) return { text: plain, location }
    const spots = whole.spots.map(([at, line, column]) => [at - skipped, line, column] as const)
    return { text: plain, location, spots }
  }

  /** A text value as a template that knows where its first character stands. */
  template(text: string, path: ShapePath): Template {
    return templateAt(this.#yaml, path, text)
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

function isStep(path: ShapePath): boolean {
  return path.length > 0 && stepDepth(path) === path.length
}

function dotted(path: ShapePath): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += text === '' ? part : `.${part}`
  }
  return text
}

/** Whether a path leads to a place or to something in it. */
function isWithin(place: ShapePath, path: ShapePath): boolean {
  return place.length <= path.length && place.every((part, index) => path[index] === part)
}

function textOf(node: unknown): string | undefined {
  return loadYaml().isScalar(node) && typeof node.value === 'string' ? node.value : undefined
}
