import { AgentRunner } from '../agent/agent-runner.ts'
import type { ModelRequest, ToolResult } from '../agent/messages.ts'
import type { NewStepEvent } from '../events.ts'
import type { Permissions, ToolName } from '../persona/persona.ts'
import type { ArtifactDeclaration, PromptStep } from '../pipeline/pipeline.ts'
import type { PlannedStep } from '../pipeline/plan/plan.ts'
import type { Budget, HistoryRequest, ResolvedModel, StepContext, StepOutcome } from '../ports.ts'
import { fixedIds } from './manual-clock.ts'
import { memorySnapshot } from './memory-snapshot.ts'
import { MemoryArtifactStore } from './memory-storage.ts'
import { MemoryWorkspace } from './memory-workspace.ts'
import type { MemoryWorkspaceOptions } from './memory-workspace.ts'
import { sketchPlan, sketchStep } from './plans.ts'
import { ScriptedModel } from './scripted-model.ts'

export interface AgentRigOptions {
  readonly models: readonly ResolvedModel[]
  /** Default: the four that read. */
  readonly tools?: readonly ToolName[]
  readonly permissions?: Permissions
  readonly step?: Partial<PromptStep>
  /** Files of the project. */
  readonly files?: Readonly<Record<string, string>>
  readonly mode?: 'readonly' | 'readwrite'
  readonly context?: Partial<Pick<StepContext, 'task' | 'inputs' | 'previous' | 'snapshot'>>
  /** Default: required artifacts must be there. */
  readonly check?: (artifacts: ReadonlyMap<string, Uint8Array>) => readonly string[]
  readonly budget?: Budget
  readonly workspace?: MemoryWorkspaceOptions
  /** What git prints. */
  readonly history?: (request: HistoryRequest) => string
  /** Puts into the workspace what text cannot express. */
  readonly prepare?: (workspace: MemoryWorkspace) => unknown
}

/** One agent step with everything around it in memory. Timers fire at once and are recorded. */
export class AgentRig {
  readonly events: NewStepEvent[] = []
  readonly delaysMs: number[] = []
  readonly controller = new AbortController()
  readonly workspace: MemoryWorkspace
  readonly context: StepContext
  /** How often a workspace was asked for. */
  opened = 0
  readonly #store = new MemoryArtifactStore()
  readonly #prepare: AgentRigOptions['prepare']
  #filled: Promise<MemoryWorkspace> | undefined

  constructor(options: AgentRigOptions) {
    const step = stepOf(options)
    const snapshot = memorySnapshot(options.files)
    this.workspace = workspaceOf(step, snapshot, options)
    this.#prepare = options.prepare
    const check = options.check ?? ((artifacts) => missingOf(step, artifacts))
    this.context = {
      run: { id: 'run-1', name: 'incident-response', startedAt: '2026-11-22T10:00:00.000Z' },
      planned: plannedOf(step, options),
      attempt: 1,
      task: 'Find the cause.',
      input: 'orders fail',
      inputs: [],
      snapshot,
      previous: undefined,
      clock: this.#clock(),
      ids: fixedIds(),
      store: this.#store,
      signal: this.controller.signal,
      workspace: () => this.#openWorkspace(),
      check: (artifacts) => Promise.resolve(check(artifacts)),
      emit: (event) => void this.events.push(event),
      budget: options.budget ?? { reserve: () => undefined, settle: () => undefined },
      ...options.context,
    }
  }

  run(): Promise<StepOutcome> {
    return new AgentRunner().run(this.context)
  }

  eventsOf<Type extends NewStepEvent['type']>(type: Type): Extract<NewStepEvent, { type: Type }>[] {
    return this.events.filter(
      (event): event is Extract<NewStepEvent, { type: Type }> => event.type === type,
    )
  }

  /** What was stored under a digest, as text. */
  stored(ref: { readonly digest: string; readonly sizeBytes: number }): string {
    return Buffer.from(this.#store.get(ref)).toString()
  }

  #openWorkspace(): Promise<MemoryWorkspace> {
    this.opened += 1
    this.#filled ??= this.#fillWorkspace()
    return this.#filled
  }

  async #fillWorkspace(): Promise<MemoryWorkspace> {
    await this.workspace.fill()
    this.#prepare?.(this.workspace)
    return this.workspace
  }

  #clock(): StepContext['clock'] {
    return {
      nowUtc: () => '2026-11-22T10:00:00.000Z',
      monotonicMs: () => 0,
      after: (ms, callback) => {
        this.delaysMs.push(ms)
        queueMicrotask(callback)
        return { [Symbol.dispose]: () => undefined }
      },
    }
  }
}

/** A required artifact below `output/`. */
export function declare(
  name: string,
  type: ArtifactDeclaration['type'] = 'markdown',
  more: Partial<ArtifactDeclaration> = {},
): ArtifactDeclaration {
  const ending = { json: 'json', markdown: 'md', text: 'txt', binary: 'bin' }[type]
  return { name, path: `output/${name}.${ending}`, type, required: true, source: 'file', ...more }
}

function stepOf({ step, mode = 'readonly' }: AgentRigOptions): PromptStep {
  const mount = { source: '.', target: '/src', mode }
  return sketchStep({ id: 'investigate', persona: 'auditor', mount, ...step })
}

function plannedOf(step: PromptStep, options: AgentRigOptions): PlannedStep {
  const [planned] = sketchPlan([step]).steps
  if (planned === undefined) throw new Error('Internal error: a plan without steps')
  return {
    ...planned,
    persona: {
      name: 'auditor',
      description: 'Weighs evidence',
      prompt: 'You weigh evidence.',
      model: undefined,
      effort: 'medium',
      permissions: options.permissions ?? { allow: ['*'], deny: [] },
      message: undefined,
      origin: 'bundled',
      file: 'auditor.md',
      digest: 'c'.repeat(64),
    },
    systemPrompt: 'You weigh evidence.',
    tools: options.tools ?? ['read', 'grep', 'glob', 'history'],
    models: options.models,
  }
}

function workspaceOf(
  step: PromptStep,
  snapshot: StepContext['snapshot'],
  options: AgentRigOptions,
): MemoryWorkspace {
  const mount = step.mount && { snapshot, ...step.mount }
  const inputs = options.context?.inputs ?? []
  const spec = { run: 'run-1', step: step.id, attempt: 1, mount, inputs }
  const workspace = new MemoryWorkspace(spec, options.workspace ?? {})
  const { history } = options
  if (history === undefined) return workspace
  return Object.assign(workspace, {
    history: (request: HistoryRequest) => Promise.resolve({ ok: true, value: history(request) }),
  })
}

function missingOf(step: PromptStep, artifacts: ReadonlyMap<string, Uint8Array>): string[] {
  return step.artifacts
    .filter(({ name, required }) => required && !artifacts.has(name))
    .map(({ name, path }) => `${name} is missing: nothing at ${path}.`)
}

/** The results of these calls, made in one turn of a step that delivers nothing. */
export async function callTools(
  options: Omit<AgentRigOptions, 'models'> & { readonly contextTokens?: number },
  ...calls: readonly { readonly name: string; readonly input: unknown }[]
): Promise<{ readonly results: readonly ToolResult[]; readonly rig: AgentRig }> {
  const model = new ScriptedModel([{ calls }, { text: 'Done.' }])
  const { contextTokens = 200_000, ...rest } = options
  const rig = new AgentRig({ ...rest, models: [model.resolved({ contextTokens })] })
  await rig.run()
  return { results: resultsIn(model.requests[1]), rig }
}

/** The tool results that a request brings back to the model. */
export function resultsIn(request: ModelRequest | undefined): readonly ToolResult[] {
  const last = request?.messages.at(-1)
  return last?.role === 'user' ? last.results : []
}
