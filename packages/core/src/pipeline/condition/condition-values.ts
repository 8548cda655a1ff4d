import type { NameUse } from './condition-names.ts'
import { explainError } from './condition-syntax.ts'
import type { TemplateScope, TemplateStep } from '../template/template.ts'
import type { Segment } from '../template/template-names.ts'
import { artifactValue } from '../template/template-scope.ts'

/**
 * The values that the names of a condition stand for. Only artifacts that are named are read. Maps
 * instead of objects: a model may call a field `constructor` or `__proto__`. Why an artifact cannot be
 * read goes to `problems`.
 */
export function conditionValues(
  uses: readonly NameUse[],
  scope: TemplateScope,
  problems: string[],
): Readonly<Record<string, unknown>> {
  const roots: Readonly<Record<string, () => unknown>> = {
    input: () => asMaps(scope.input),
    run: () => asMaps(scope.run),
    project: () => asMaps(scope.project),
    env: () => asMaps(scope.env ?? {}),
    gate: () => asMaps(scope.gates ?? {}),
    item: () => asMaps(scope.item),
    iteration: () => scope.iteration,
    steps: () => namedSteps(uses, scope.steps, problems),
  }
  const values: Record<string, unknown> = {}
  for (const { root } of uses) {
    if (Object.hasOwn(values, root)) continue
    const extra = scope.extra !== undefined && Object.hasOwn(scope.extra, root)
    const value = extra ? asMaps(scope.extra[root]) : ownRoot(roots, root)
    if (value !== undefined) values[root] = value
  }
  return values
}

/** The value of a name as JSON, or that there is none. */
export function valueOfName(
  segments: readonly Segment[],
  values: Readonly<Record<string, unknown>>,
): string {
  const [root, ...rest] = segments
  let current: unknown = Object.hasOwn(values, String(root)) ? values[String(root)] : undefined
  for (const segment of rest) {
    if (segment === undefined) break
    current = memberOf(current, segment)
  }
  return current === undefined ? 'missing' : JSON.stringify(plainValue(current))
}

/** A value of the expression language as JSON knows it. */
export function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(plainValue)
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, each]) => [String(key), plainValue(each)]))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plainValue(each)]))
}

function ownRoot(roots: Readonly<Record<string, () => unknown>>, root: string): unknown {
  return Object.hasOwn(roots, root) ? roots[root]?.() : undefined
}

function memberOf(value: unknown, segment: string | number): unknown {
  if (value instanceof Map) return value.get(segment)
  return Array.isArray(value) && typeof segment === 'number' ? value[segment] : undefined
}

function asMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asMaps)
  if (typeof value !== 'object' || value === null) return value
  return new Map(Object.entries(value).map(([key, each]) => [key, asMaps(each)]))
}

function namedSteps(
  uses: readonly NameUse[],
  steps: TemplateScope['steps'],
  problems: string[],
): ReadonlyMap<string, unknown> {
  const shown = new Map<string, Map<string, unknown>>()
  for (const { root, segments } of uses) {
    const [, id, , artifact] = segments
    const step = root === 'steps' && typeof id === 'string' ? steps.get(id) : undefined
    if (step === undefined || typeof id !== 'string') continue
    const artifacts = artifactsIn(shown, id, step)
    if (typeof artifact !== 'string' || artifacts.has(artifact)) continue
    const value = readArtifact(step, artifact, problems)
    if (value !== undefined) artifacts.set(artifact, value)
  }
  return shown
}

function artifactsIn(
  shown: Map<string, Map<string, unknown>>,
  id: string,
  step: TemplateStep,
): Map<string, unknown> {
  const known = shown.get(id)?.get('artifacts')
  if (known instanceof Map) return known
  const artifacts = new Map<string, unknown>()
  shown.set(
    id,
    new Map<string, unknown>([
      ['outcome', step.outcome],
      ['artifacts', artifacts],
    ]),
  )
  return artifacts
}

/** A broken artifact is a failure only if the condition comes to it. */
function readArtifact(step: TemplateStep, name: string, problems: string[]): unknown {
  const artifact = step.artifacts.get(name)
  if (artifact === undefined) return undefined
  try {
    return asMaps(artifactValue(artifact, name))
  } catch (error) {
    problems.push(explainError(error))
    return undefined
  }
}
