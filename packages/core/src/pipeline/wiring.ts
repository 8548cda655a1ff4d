import type { Problem } from '../errors.ts'
import { suggestionHint } from '../suggest.ts'
import { StepGraph } from './graph.ts'
import type { Pipeline, Step } from './pipeline.ts'

/**
 * What is wrong between the steps of a pipeline: ids, dependencies, circles, and artifacts that
 * nothing produces before they are needed.
 */
export function checkWiring(pipeline: Wired): readonly Problem[] {
  const wiring = new Wiring(pipeline)
  wiring.check()
  return wiring.problems
}

/** What the wiring needs to know of a pipeline. */
type Wired = Pick<Pipeline, 'steps' | 'verdict' | 'locate'>

type Path = readonly (string | number)[]

class Wiring {
  readonly problems: Problem[] = []
  readonly #pipeline: Wired
  readonly #graph: StepGraph

  constructor(pipeline: Wired) {
    this.#pipeline = pipeline
    this.#graph = new StepGraph(pipeline.steps)
  }

  check(): void {
    for (const [index, step] of this.#pipeline.steps.entries()) {
      this.#checkId(step, index)
      this.#checkDependencies(step, index)
    }
    if (this.#reportCycle()) return
    for (const [index, step] of this.#pipeline.steps.entries()) {
      this.#checkInjections(step, index)
    }
    this.#checkVerdict()
  }

  #checkId(step: Step, index: number): void {
    const first = this.#graph.find(step.id)
    if (first === step || first === undefined) return
    const { line, column } = first.location
    const message = `The step id "${step.id}" is used twice, first at ${line}:${column}.`
    this.#report(message, ['steps', index, 'id'], 'Give each step an id of its own.')
  }

  #checkDependencies(step: Step, index: number): void {
    for (const [position, id] of step.dependencies.entries()) {
      const at = ['steps', index, 'dependencies', position]
      if (id === step.id) {
        const hint = `Remove "${id}" from its dependencies.`
        this.#report(`Step "${step.id}" depends on itself.`, at, hint)
      } else if (step.dependencies.indexOf(id) < position) {
        this.#report(`Step "${step.id}" names the dependency "${id}" twice.`, at)
      } else if (this.#graph.find(id) === undefined) {
        const message = `Step "${step.id}" depends on the unknown step "${id}".`
        this.#report(message, at, this.#suggestStep(id, step))
      }
    }
  }

  #reportCycle(): boolean {
    const cycle = this.#graph.findCycle()
    if (cycle === undefined) return false
    const [first = ''] = cycle
    if (cycle.length > 1) {
      const shown = showCircle(cycle)
      const index = this.#pipeline.steps.findIndex((step) => step.id === first)
      const at = ['steps', index, 'dependencies']
      this.#report(`Steps wait for each other: ${shown}.`, at, 'Remove one of these dependencies.')
    }
    return true
  }

  #checkInjections(step: Step, index: number): void {
    const aliases = new Map<string, string>()
    for (const [position, { step: id, artifact, as }] of step.inject.entries()) {
      const at = ['steps', index, 'memory', 'inject_artifacts', position]
      // Commands get variables such as WAVE_ARTIFACT_ROOT_CAUSE.
      const variable = as.toUpperCase().replaceAll('-', '_')
      const other = aliases.get(variable)
      if (other !== undefined) {
        const message = `Step "${step.id}" injects two artifacts as "${other}" and "${as}".`
        this.#report(message, at, 'Give each its own name with "as".')
      }
      aliases.set(variable, as)
      this.#checkInjection(step, { id, artifact }, at)
    }
  }

  #checkInjection(
    step: Step,
    wanted: { readonly id: string; readonly artifact: string },
    at: Path,
  ): void {
    const { id, artifact } = wanted
    const producer = this.#graph.find(id)
    const subject = `Step "${step.id}" injects the artifact "${artifact}" of`
    if (producer === undefined) {
      const hint = this.#suggestStep(id, step)
      this.#report(`${subject} the unknown step "${id}".`, [...at, 'step'], hint)
    } else if (!this.#graph.isAncestor(id, step)) {
      const message = `${subject} "${id}", which need not be finished before it starts.`
      const hint = `Add "${id}" to the dependencies of "${step.id}".`
      this.#report(message, [...at, 'step'], id === step.id ? undefined : hint)
    } else if (!producer.artifacts.some((declared) => declared.name === artifact)) {
      const names = producer.artifacts.map((declared) => declared.name)
      const hint = suggestionHint(artifact, names, `artifacts of "${id}"`)
      this.#report(`${subject} "${id}", which does not declare it.`, [...at, 'artifact'], hint)
    }
  }

  #checkVerdict(): void {
    const { verdict } = this.#pipeline
    if (verdict === undefined) return
    const producer = this.#graph.find(verdict.step)
    if (producer === undefined) {
      const hint = suggestionHint(verdict.step, this.#graph.ids(), 'steps')
      this.#report(`"verdict" names the unknown step "${verdict.step}".`, ['verdict', 'step'], hint)
      return
    }
    const declared = producer.artifacts.find(({ name }) => name === verdict.artifact)
    const subject = `"verdict" names the artifact "${verdict.artifact}" of "${verdict.step}"`
    if (declared === undefined) {
      const names = producer.artifacts.map(({ name }) => name)
      const hint = suggestionHint(verdict.artifact, names, `artifacts of "${verdict.step}"`)
      this.#report(`${subject}, which does not declare it.`, ['verdict', 'artifact'], hint)
    } else if (declared.type === 'binary') {
      this.#report(`${subject}, which is binary.`, ['verdict', 'artifact'])
    }
  }

  #suggestStep(id: string, step: Step): string {
    const others = [...this.#graph.ids()].filter((other) => other !== step.id)
    return suggestionHint(id, others, 'steps')
  }

  #report(message: string, at: Path, hint?: string): void {
    const [first, index] = at
    const step = first === 'steps' ? this.#pipeline.steps[Number(index)] : undefined
    const location = this.#pipeline.locate?.(at) ?? step?.location
    const place = location === undefined ? {} : { location }
    const advice = hint === undefined ? {} : { hint }
    this.problems.push({ code: 'pipeline-invalid', message, ...place, ...advice })
  }
}

function showCircle(cycle: readonly string[]): string {
  const ids = cycle.map((id) => `"${id}"`)
  const more = ids.length - MAX_SHOWN
  const shown = more > 0 ? [...ids.slice(0, MAX_SHOWN), `${more} more`] : ids
  return [...shown, ids[0]].join(' -> ')
}

const MAX_SHOWN = 20
