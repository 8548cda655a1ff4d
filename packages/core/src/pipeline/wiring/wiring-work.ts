import { matchesText } from '../../persona/glob.ts'
import { suggestionHint } from '../../suggest.ts'
import type { Step } from '../pipeline.ts'
import { reworksOf } from './wiring-scope.ts'
import type { Path, Scope, WiringParts } from './wiring-scope.ts'

/** Steps that repair others, go on from what others changed, or are watched by hooks. */
export class WorkWiring {
  readonly #parts: WiringParts

  constructor(parts: WiringParts) {
    this.#parts = parts
  }

  check(): void {
    for (const scope of this.#parts.scopes) {
      this.#checkReworks(scope)
      for (const [index, step] of scope.steps.entries()) {
        const path = [...scope.path, index]
        this.#checkOrigin(scope, step, path)
        this.#checkOutcomes(step, path)
      }
    }
    this.#checkHooks()
  }

  /** A step that only repairs others must be named by exactly one, and nothing can wait for it. */
  #checkReworks(scope: Scope): void {
    const users = new Map<string, Step>()
    let isMisnamed = false
    for (const [index, step] of scope.steps.entries()) {
      const path = [...scope.path, index]
      const named = new Set<string>()
      for (const { step: id, at } of reworksOf(step)) {
        // Contracts without a step of their own name that of "retry" again.
        if (named.has(id)) continue
        named.add(id)
        const user = users.get(id)
        this.#checkTarget(scope, { step, id, user, at: [...path, ...at] })
        if (user === undefined) users.set(id, step)
        isMisnamed ||= scope.graph.find(id) === undefined
      }
      this.#checkDependents(scope, step, path)
    }
    // A name that does not fit may have been meant for it.
    if (isMisnamed || this.#hasGap(scope)) return
    for (const [index, step] of scope.steps.entries()) {
      if (step.reworkOnly !== true || users.has(step.id) || this.#isNamedElsewhere(step.id))
        continue
      const message = `Step "${step.id}" is rework_only, but no step names it as its "rework_step".`
      this.#parts.place.report(message, [...scope.path, index, 'rework_only'])
    }
  }

  #isNamedElsewhere(id: string): boolean {
    const all = this.#parts.scopes.flatMap(({ steps }) => steps)
    return all.some((step) => reworksOf(step).some(({ step: target }) => target === id))
  }

  #checkTarget(
    scope: Scope,
    use: {
      readonly step: Step
      readonly id: string
      readonly user: Step | undefined
      readonly at: Path
    },
  ): void {
    const { place, gaps } = this.#parts
    const { step, id, user, at } = use
    const target = scope.graph.find(id)
    const subject = `Step "${step.id}" names the rework step "${id}"`
    if (id === step.id || gaps.opaque.has(id)) return
    if (target === undefined) {
      const known = scope.steps.flatMap((one) => (one.reworkOnly === true ? [one.id] : []))
      const isElsewhere = this.#parts.scopes.some((one) => one.graph.find(id) !== undefined)
      const why = isElsewhere ? 'which is not in the same list of steps' : 'which does not exist'
      place.report(`${subject}, ${why}.`, at, suggestionHint(id, known, 'rework steps'))
    } else if (target.reworkOnly !== true) {
      const hint = `Add \`rework_only: true\` to "${id}".`
      place.report(`${subject}, which is not rework_only.`, at, hint)
    } else if (user !== undefined && user !== step) {
      const message = `${subject}, which repairs "${user.id}" already.`
      place.report(message, at, 'Give each step a rework step of its own.')
    }
  }

  #checkDependents(scope: Scope, step: Step, path: Path): void {
    for (const [position, id] of step.dependencies.entries()) {
      if (scope.graph.find(id)?.reworkOnly !== true) continue
      const message = `Step "${step.id}" depends on "${id}", which is rework_only: it never runs by itself.`
      this.#parts.place.report(message, [...path, 'dependencies', position])
    }
  }

  /** Whether a step is not fully known that could say more. */
  #hasGap(scope: Scope): boolean {
    return scope.steps.some(({ id }) => this.#parts.gaps.opaque.has(id))
  }

  #checkOrigin(scope: Scope, step: Step, path: Path): void {
    const from = step.mount?.from
    if (from === undefined || !('ref' in from) || 'parent' in from || from.ref === step.id) return
    const { place, gaps } = this.#parts
    const { ref } = from
    const at = [...path, 'workspace', 'ref']
    const origin = scope.find(ref)
    const subject = `Step "${step.id}" goes on from`
    if (origin === undefined) {
      const known = [...scope.graph.ids()].filter((id) => id !== step.id)
      const hint = suggestionHint(ref, known, 'steps')
      place.report(`${subject} the unknown step "${ref}".`, at, hint)
    } else if (!scope.isBefore(ref, step)) {
      if (!scope.isNewlyHasty(step, ref, gaps)) return
      const hint = `Add "${ref}" to the dependencies of "${step.id}".`
      const message = `${subject} "${ref}", which need not be finished before it starts.`
      place.report(message, at, hint)
    } else if (!gaps.opaque.has(ref)) {
      const complaint = whyNoOrigin(origin)
      if (complaint !== undefined) place.report(`${subject} "${ref}", ${complaint}.`, at)
    }
  }

  /** The artifacts of these are only known once the pipelines they call are. */
  #checkOutcomes(step: Step, path: Path): void {
    if (!CALLERS.has(step.kind) || this.#parts.gaps.unlisted.has(step.id)) return
    for (const [index, { extractFrom, jsonPath }] of (step.outcomes ?? []).entries()) {
      const at = [...path, 'outcomes', index]
      const found = step.artifacts.find(({ name }) => name === extractFrom)
      const subject = `An outcome of step "${step.id}"`
      if (found === undefined) {
        const names = step.artifacts.map(({ name }) => name)
        const hint = suggestionHint(extractFrom, names, `artifacts of "${step.id}"`)
        const message = `${subject} names the artifact "${extractFrom}", which this step does not have.`
        this.#parts.place.report(message, [...at, 'extract_from'], hint)
      } else if (jsonPath !== undefined && found.type !== 'json' && step.iterate === undefined) {
        const message = `${subject} reads the artifact "${extractFrom}", which is not JSON.`
        this.#parts.place.report(message, [...at, 'json_path'])
      }
    }
  }

  #checkHooks(): void {
    const { pipeline, scopes, place } = this.#parts
    const ids = scopes.flatMap(({ steps }) => steps.map(({ id }) => id))
    for (const [index, { name, matcher }] of (pipeline.hooks ?? []).entries()) {
      if (ids.some((id) => matchesText(matcher, id))) continue
      const message = `The hook "${name}" watches "${matcher}", which matches no step.`
      place.report(message, ['hooks', index, 'matcher'], suggestionHint(matcher, ids, 'steps'))
    }
  }
}

const CALLERS: ReadonlySet<Step['kind']> = new Set(['pipeline', 'branch', 'loop'])

function whyNoOrigin(origin: Step): string | undefined {
  if (origin.kind !== 'prompt' && origin.kind !== 'command') {
    return 'which is no prompt or command step'
  }
  if (origin.mount?.mode !== 'readwrite') return 'which changes nothing: it has no read-write mount'
  const isParallel = origin.iterate?.mode === 'parallel'
  return isParallel ? 'which is a parallel fan-out and leaves many trees' : undefined
}
