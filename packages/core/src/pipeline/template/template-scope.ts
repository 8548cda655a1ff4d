import type { ArtifactType } from '../../events.ts'
import type { TemplateArtifact, TemplateScope, TemplateStep } from './template.ts'

/** What the template engine sees of a scope. Nothing is parsed or built before a template names it. */
export function scopeVariables(scope: TemplateScope): Record<string, unknown> {
  const { input, run, step, project, env = {}, gates = {} } = scope
  const variables: Record<string, unknown> = {
    input,
    run,
    step,
    project,
    env,
    gate: gates,
    pipeline_id: run.id,
    pipeline_name: run.name,
    step_id: step.id,
    iteration: scope.iteration,
  }
  const lazy = {
    artifacts: () => mapValues(scope.artifacts, shownArtifact),
    steps: () => mapValues(scope.steps, stepVariables),
    ...('item' in scope && { item: () => scope.item, task: () => JSON.stringify(scope.item) }),
  }
  const extra = Object.entries(scope.extra ?? {}).map(([name, value]) => [name, () => value])
  return defineLazily(variables, { ...lazy, ...Object.fromEntries(extra) })
}

/** What an ancestor's artifact stands for: parsed JSON, or text. Throws when it is neither, or too large. */
export function artifactValue(
  { type, content }: { readonly type: ArtifactType; readonly content: Uint8Array },
  name: string,
): unknown {
  return type === 'json' ? parseJson(content, name) : decode(content)
}

/** One that does not exist shows as nothing, with everything below it. */
function shownArtifact(artifact: TemplateArtifact | undefined): ArtifactValue | null {
  return artifact === undefined ? null : new ArtifactValue(artifact)
}

/** An injected artifact: shows as its path, and has its content as fields. */
export class ArtifactValue {
  readonly path: string
  readonly type: ArtifactType
  readonly size: number
  declare readonly text: string
  declare readonly json: unknown

  constructor(artifact: TemplateArtifact) {
    this.path = artifact.path
    this.type = artifact.type
    this.size = artifact.sizeBytes
    // Own properties: the engine reads nothing from a prototype.
    defineLazily(this, {
      text: () => decode(artifact.content),
      json: () => parseJson(artifact.content, artifact.path),
    })
  }

  toString(): string {
    return this.path
  }

  toJSON(): string {
    return this.path
  }
}

function stepVariables(step: TemplateStep): Record<string, unknown> {
  return defineLazily(
    { outcome: step.outcome },
    {
      artifacts: () =>
        defineLazily(
          {},
          Object.fromEntries(
            [...step.artifacts].map(([name, artifact]) => [
              name,
              () => artifactValue(artifact, name),
            ]),
          ),
        ),
    },
  )
}

function mapValues<T>(
  map: ReadonlyMap<string, T>,
  convert: (value: T) => unknown,
): Record<string, unknown> {
  return Object.fromEntries([...map].map(([key, value]) => [key, convert(value)]))
}

function defineLazily<T extends object>(
  target: T,
  values: Readonly<Record<string, () => unknown>>,
): T {
  for (const [key, compute] of Object.entries(values)) {
    let cached: { readonly value: unknown } | undefined
    Object.defineProperty(target, key, {
      enumerable: true,
      get: () => (cached ??= { value: compute() }).value,
    })
  }
  return target
}

function decode(content: Uint8Array): string {
  if (content.byteLength > MAX_VALUE_BYTES) {
    throw new Error(`the artifact has ${content.byteLength} bytes, too many for a template`)
  }
  return new TextDecoder().decode(content)
}

const MAX_VALUE_BYTES = 1024 * 1024

function parseJson(content: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(decode(content))
  } catch (error) {
    throw new Error(`the artifact "${name}" is not JSON`, { cause: error })
  }
}
