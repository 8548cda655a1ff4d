import { AgentRunner } from '../agent/agent-runner.ts'
import type { ContractReport } from '../contract/check.ts'
import { runContracts } from '../contract/check.ts'
import type { ContractContext } from '../contract/context.ts'
import type { NewStepEvent, StepEvent } from '../events.ts'
import type { Contract, PromptStep } from '../pipeline/pipeline.ts'
import type { Judge } from '../pipeline/plan/plan.ts'
import type { Budget, Patch, PatchedFile, Snapshot, StepContext } from '../ports.ts'
import { fixedIds, ManualClock } from './manual-clock.ts'
import { memorySnapshot } from './memory-snapshot.ts'
import { MemoryArtifactStore } from './memory-storage.ts'
import { MemoryWorkspaceProvider } from './memory-workspace.ts'
import type { MemoryWorkspaceOptions } from './memory-workspace.ts'
import { sketchArtifact, sketchPlan, sketchStep } from './plans.ts'

export interface ContractRigOptions {
  /** Files of the tree that the step started from. */
  readonly before?: Readonly<Record<string, string>>
  /** Files of the tree that it leaves; default: the same. */
  readonly after?: Readonly<Record<string, string>>
  readonly people?: readonly string[]
  readonly commits?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** By name. They are Markdown. */
  readonly artifacts?: Readonly<Record<string, string>>
  readonly workspace?: MemoryWorkspaceOptions
  readonly judge?: Judge
  readonly budget?: Budget
  readonly step?: Partial<PromptStep>
  readonly context?: Partial<ContractContext>
}

/** One step's outputs with everything that contracts look at in memory. */
export class ContractRig {
  readonly clock = new ManualClock()
  readonly events: NewStepEvent[] = []
  readonly controller = new AbortController()
  readonly provider: MemoryWorkspaceProvider
  readonly context: ContractContext
  readonly #options: ContractRigOptions
  readonly #step: PromptStep

  constructor(options: ContractRigOptions) {
    this.#options = options
    this.provider = new MemoryWorkspaceProvider(options.workspace)
    const artifacts = Object.keys(options.artifacts ?? {}).map((name) =>
      sketchArtifact(name, `output/${name}.md`, { type: 'markdown' }),
    )
    const mount = { source: '.', target: '/src', mode: 'readwrite' } as const
    this.#step = sketchStep({ id: 'report', artifacts, mount, ...options.step })
    this.context = this.#contextOf(options)
  }

  async check(contract: Contract): Promise<ContractReport> {
    const step = { ...this.#step, contracts: [contract] }
    const { judge, artifacts = {} } = this.#options
    const contents = Object.entries(artifacts).map(
      ([name, text]) => [name, Buffer.from(text)] as const,
    )
    const judges = judge === undefined ? undefined : new Map([[contract, judge]])
    const [report] = await runContracts(step, new Map(contents), this.context, judges)
    if (report === undefined) throw new Error('Internal error: no report')
    return report
  }

  #contextOf(options: ContractRigOptions): ContractContext {
    const start = snapshotOf(options.before, options)
    const after = options.after ?? options.before
    const result = snapshotOf(after, options)
    const { signal } = this.controller
    return {
      context: this.#stepContext(start),
      agent: new AgentRunner(),
      patch: () =>
        Promise.resolve(patchBetween(options.before ?? {}, after ?? {}, [start, result])),
      start,
      result: () => Promise.resolve(result),
      open: (tree) => {
        const mount = { snapshot: tree, ...this.#step.mount, ...MOUNT }
        return this.provider.open({ ...SPEC, mount }, signal)
      },
      events: () => this.events.map((event, seq): StepEvent => ({ ...event, ...STAMP, seq })),
      find: (step, artifact) => {
        const content = options.artifacts?.[`${step}.${artifact}`]
        return content === undefined ? undefined : Buffer.from(content)
      },
      render: ({ text }) => ({ ok: true, text }),
      ...options.context,
    }
  }

  #stepContext(snapshot: Snapshot): StepContext {
    const [planned] = sketchPlan([this.#step]).steps
    if (planned === undefined) throw new Error('Internal error: a plan without steps')
    return {
      run: { id: 'run-1', name: 'test', startedAt: '2026-11-22T10:00:00.000Z' },
      planned,
      attempt: 1,
      task: '',
      input: '',
      inputs: [],
      snapshot,
      previous: undefined,
      clock: this.clock,
      ids: fixedIds(),
      store: new MemoryArtifactStore(),
      signal: this.controller.signal,
      workspace: () => Promise.reject(new Error('Internal error: the step’s own workspace')),
      check: () => Promise.resolve([]),
      emit: (event) => void this.events.push(event),
      budget: this.#options.budget ?? { reserve: () => undefined, settle: () => undefined },
    }
  }
}

const MOUNT = { source: '.', target: '/src', mode: 'readonly' } as const
const SPEC = { run: 'run-1', step: 'report', attempt: 1, inputs: [] }
const STAMP = { prev: '', v: 1, at: '2026-11-22T10:00:00.000Z' } as const

function snapshotOf(
  files: Readonly<Record<string, string>> | undefined,
  { people = [], commits = {} }: ContractRigOptions,
): Snapshot {
  const snapshot = memorySnapshot(files)
  return {
    ...snapshot,
    atRef: (ref) => Promise.resolve(commits[ref] && memorySnapshot(commits[ref])),
    history: {
      ...snapshot.history,
      people: () => Promise.resolve(people),
      read: (commit, path) => {
        const text = commits[commit]?.[path]
        return Promise.resolve(text === undefined ? undefined : Buffer.from(text))
      },
    },
  }
}

function patchBetween(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  [start, result]: readonly [Snapshot, Snapshot],
): Patch | undefined {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()
  const files = paths.flatMap((path): PatchedFile[] => {
    const [old, now] = [before[path], after[path]]
    if (old === now) return []
    const status = old === undefined ? 'added' : now === undefined ? 'deleted' : 'modified'
    return [{ path, status, added: 1, deleted: 1, verdict: 'plain' }]
  })
  if (files.length === 0) return undefined
  const text = Buffer.from(files.map(({ path }) => `diff --git a/${path} b/${path}\n`).join(''))
  return { baseTree: start.tree, tree: result.tree, text, files }
}
