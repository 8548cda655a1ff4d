import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AgentRunner } from '../agent/agent-runner.ts'
import type { ModelRequest } from '../agent/messages.ts'
import { WaveError } from '../errors.ts'
import type { ArtifactRef, RunEvent } from '../events.ts'
import type { Plan } from '../pipeline/plan/plan.ts'
import type { Patch, Snapshot, WorkspaceSpec } from '../ports.ts'
import type { ResumeRequest, RunRequest, RunResult } from '../run/request.ts'
import { runPipeline } from '../run/run.ts'
import { fold } from '../run/state.ts'
import { commandRunner } from '../run/step/command-runner.ts'
import { fixedIds, ManualClock } from './manual-clock.ts'
import { memorySnapshot } from './memory-snapshot.ts'
import { MemoryArtifactStore, MemoryJournal } from './memory-storage.ts'
import { MemoryWorkspaceProvider } from './memory-workspace.ts'
import type { MemoryWorkspaceOptions } from './memory-workspace.ts'
import { ScriptedModel } from './scripted-model.ts'
import type { Script, ScriptedReply } from './scripted-model.ts'
import { planYaml } from './yaml-plan.ts'
import type { YamlFiles } from './yaml-plan.ts'

/** What a model says to a task: the values of the outputs by name, or a reply as it is. */
export type Answer = (
  task: string,
  turn: number,
) => Readonly<Record<string, unknown>> | ScriptedReply

export interface ResumeRigOptions {
  readonly yaml: string
  readonly files?: YamlFiles
  readonly answer: Answer
  readonly limits?: Partial<Plan['limits']>
  readonly request?: Partial<RunRequest>
  /** Answers commands in workspaces. */
  readonly exec?: MemoryWorkspaceOptions['exec']
}

/** One run over several processes: each of them starts with what the one before has left in journal and store. */
export class ResumeRig {
  store = new MemoryArtifactStore()
  readonly model: ScriptedModel
  readonly provider: MemoryWorkspaceProvider
  readonly plan: Plan
  clock = new ManualClock()
  /** What the journal holds. */
  events: readonly RunEvent[] = []
  readonly #options: ResumeRigOptions
  readonly #projectRoot = join(tmpdir(), 'wave-rig', randomUUID())

  constructor(options: ResumeRigOptions) {
    this.#options = options
    const { exec } = options
    this.provider = new MemoryWorkspaceProvider({ diff: changeOf, ...(exec && { exec }) })
    this.model = new ScriptedModel(scriptOf(options.answer))
    const resolved = this.model.resolved({ cost: () => CALL_USD })
    const plan = planYaml(options.yaml, options.files, { resolveModel: () => resolved })
    this.plan = { ...plan, limits: { ...plan.limits, ...options.limits } }
  }

  /** Calls of the model, over all processes. */
  get calls(): number {
    return this.model.requests.length
  }

  /** Goes on with the run of another rig, as that one would. */
  adopt({ events, store }: ResumeRig): void {
    this.events = [...events]
    this.store = store
  }

  /** The first artifact that a step left last. */
  artifact(step: string): ArtifactRef {
    const [found] = fold(this.events).steps.get(step)?.artifacts ?? []
    if (found === undefined) throw new Error(`${step} left no artifact`)
    return found
  }

  /** Starts the run or goes on with it. Undefined: the journal died when it held `capacity` events. */
  async go(
    more: Partial<RunRequest> & { readonly capacity?: number } & {
      readonly how?: Omit<ResumeRequest, 'recovered'>
    } = {},
  ): Promise<RunResult | undefined> {
    const { capacity = Infinity, how, ...request } = more
    this.clock = new ManualClock(this.clock.nowUtc())
    const journal = new MemoryJournal(this.clock, this.events, capacity)
    try {
      return await runPipeline({
        ...this.#request(journal),
        resume: { recovered: [...journal.events], ...how },
        ...this.#options.request,
        ...request,
      })
    } catch (error) {
      if (error instanceof WaveError && error.code === 'journal-write-failed') return undefined
      throw error
    } finally {
      this.events = journal.events
    }
  }

  #request(journal: MemoryJournal): RunRequest {
    return {
      plan: this.plan,
      input: 'orders fail',
      project: {},
      snapshot: treeAt('base'),
      projectDigest: 'p',
      provider: this.provider,
      runners: { agent: AGENT, command: commandRunner, evidence: undefined },
      store: this.store,
      journal,
      clock: this.clock,
      ids: fixedIds(),
      runId: 'r1',
      waveVersion: '0.1.0',
      projectRoot: this.#projectRoot,
      signal: new AbortController().signal,
      onEvent: () => undefined,
    }
  }
}

/** Shared, because it compiles the schemas of the tools. */
const AGENT = new AgentRunner()

/** What every call costs. */
export const CALL_USD = 0.25

/** A note first, then the outputs: two calls for each step. */
export function scriptOf(answer: Answer): Script {
  return (request) => {
    const turn = request.messages.filter(({ role }) => role === 'assistant').length + 1
    const said = answer(taskOf(request), turn)
    if (isReply(said)) return said
    // Named by turn: a process that goes on with a conversation numbers its requests anew.
    const id = `call-${turn}`
    if (turn === 1) return { calls: [{ name: 'note', input: { text: 'Looked.' }, id }] }
    return { calls: [{ name: 'submit', input: said, id }] }
  }
}

function isReply(said: ReturnType<Answer>): said is ScriptedReply {
  return ['calls', 'failed', 'hangs', 'events'].some((key) => key in said)
}

function taskOf({ messages: [first] }: ModelRequest): string {
  const text = first?.role === 'user' ? first.text : ''
  return text.split('## Task\n\n')[1]?.split('\n\n## ')[0] ?? ''
}

/** Knows every tree that a test makes up. */
export function treeAt(tree: string): Snapshot {
  return {
    ...memorySnapshot(),
    tree,
    at: (other) => Promise.resolve(treeAt(other)),
    changesTo: (other) => Promise.resolve(patchOf(tree, other)),
  }
}

/** Steps that may write change one file each. */
export function changeOf({ step, mount }: WorkspaceSpec): Patch | undefined {
  if (mount?.mode !== 'readwrite') return undefined
  const { tree } = mount.snapshot
  return patchOf(tree, `${tree}+${step}`)
}

function patchOf(baseTree: string, tree: string): Patch {
  return {
    baseTree,
    tree,
    text: Buffer.from(`from ${baseTree} to ${tree}`),
    files: [{ path: 'a', status: 'modified', added: 1, deleted: 0, verdict: 'plain' }],
  }
}
