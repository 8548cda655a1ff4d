import type { XStatic } from 'typebox/schema'
import { suggestionHint } from '../../suggest.ts'
import type { StepShape } from './build-step.ts'
import type { CONTRACT } from '../schema/contract-schema.ts'
import type { ArtifactDeclaration, Contract, Mount } from '../pipeline.ts'
import { readLimit } from './read-duration.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from '../schema/shape.ts'

export type ContractShape = XStatic<typeof CONTRACT>

/** What a contract can be about: its step, as far as it is built. */
export interface Surroundings {
  /** Of a step that calls others: what those hand over. */
  readonly artifacts: readonly ArtifactDeclaration[]
  readonly mount: Mount | undefined
  readonly reading: Reading
}

/** One contract while it is read: what it says, whose it is, and what is wrong with it. */
export class ContractEntry {
  readonly shape: ContractShape
  readonly step: StepShape
  readonly artifacts: readonly ArtifactDeclaration[]
  readonly mount: Mount | undefined
  readonly reading: Reading
  /** What every contract has. */
  readonly failure: Pick<Contract, 'onFailure' | 'rework'>
  readonly timeoutMs: number
  readonly #path: ShapePath
  readonly #stepPath: ShapePath

  constructor(
    shape: ContractShape,
    at: { readonly path: ShapePath; readonly step: StepShape; readonly stepPath: ShapePath },
    surroundings: Surroundings,
  ) {
    this.shape = shape
    this.step = at.step
    this.artifacts = surroundings.artifacts
    this.mount = surroundings.mount
    this.reading = surroundings.reading
    this.#path = at.path
    this.#stepPath = at.stepPath
    this.failure = this.#failure()
    const timeoutPath = this.path('timeout')
    this.timeoutMs = readLimit(shape.timeout, DEFAULT_TIMEOUT_MS, timeoutPath, this.reading)
  }

  path(...below: ShapePath): ShapePath {
    return [...this.#path, ...below]
  }

  report(below: ShapePath, complaint: string, hint?: string): void {
    const at = this.path(...below)
    this.reading.report(`${this.reading.subject(at)} ${complaint}.`, at, hint)
  }

  /** The value of a key that this type of contract cannot do without. */
  need<Key extends keyof ContractShape>(key: Key): ContractShape[Key] | undefined {
    const value = this.shape[key]
    if (value === undefined) this.report([], `lacks the required key "${key}"`)
    return value
  }

  /** The examined artifact, by its name or its path. Default: the first. */
  source(): ArtifactDeclaration | undefined {
    const [first] = this.artifacts
    if (this.reading.unlisted.has(this.step.id)) return undefined
    if (first === undefined) {
      this.report([], 'has nothing to examine: the step declares no artifact')
      return undefined
    }
    const { source } = this.shape
    if (source === undefined) return first
    const found = findArtifact(source, this.artifacts)
    if (found !== undefined) return found
    const names = this.artifacts.map((artifact) => artifact.name)
    const hint = suggestionHint(source, names, 'artifacts of this step')
    this.report(
      ['source'],
      `names the artifact "${source}", which this step does not declare`,
      hint,
    )
    return undefined
  }

  /** Whether the step may see the repository: by itself, or through the steps that it calls. */
  get mayHaveView(): boolean {
    const callsOthers = ['pipeline', 'branch', 'loop'].some((key) => this.#says(key))
    return this.mount !== undefined || callsOthers || this.#isUnread('workspace')
  }

  /** Reports a step whose changes could never be seen. */
  needChanges(): void {
    if (this.mount === undefined ? this.mayHaveView : this.mount.mode === 'readwrite') return
    const { type } = this.shape
    const complaint = `of type ${type} needs changes to look at, but the step has no read-write view`
    this.report([], complaint, 'Add `mode: readwrite` to its "workspace.mount".')
  }

  #says(key: string): boolean {
    return this.reading.has([...this.#stepPath, key])
  }

  /** Whether a key of the step was left out because of what is wrong in it. */
  #isUnread(key: 'workspace' | 'retry'): boolean {
    return this.reading.isBroken([...this.#stepPath, key])
  }

  #failure(): Pick<Contract, 'onFailure' | 'rework'> {
    const onFailure = this.#onFailure()
    const { rework_step: target, max_retries: rounds } = this.shape
    if (onFailure !== 'rework') {
      for (const key of ['rework_step', 'max_retries'] as const) {
        if (this.shape[key] === undefined) continue
        this.report([key], 'belongs to `on_failure: rework`', 'Add it, or leave this out.')
      }
      return { onFailure }
    }
    const step = target ?? this.step.retry?.rework_step
    if (step === undefined && !this.#isUnread('retry')) {
      this.report([], 'lacks the key "rework_step" for `on_failure: rework`')
    }
    if (target === this.step.id) this.report(['rework_step'], 'must be another step')
    const maxRounds = rounds ?? 1
    return step === undefined ? { onFailure } : { onFailure, rework: { step, maxRounds } }
  }

  #onFailure(): Contract['onFailure'] {
    const { on_failure: onFailure, must_pass: mustPass } = this.shape
    if (mustPass === undefined) return onFailure
    const isOther = onFailure !== undefined && onFailure !== 'warn'
    if (mustPass ? onFailure === 'warn' : isOther) {
      this.report(['must_pass'], `contradicts \`on_failure: ${onFailure}\``, 'Keep one of them.')
    }
    return mustPass ? onFailure : 'warn'
  }
}

const DEFAULT_TIMEOUT_MS = 5 * 60_000

/** An artifact by its name, or by its path as it was declared. */
export function findArtifact(
  written: string,
  artifacts: readonly ArtifactDeclaration[],
): ArtifactDeclaration | undefined {
  const plain = written.replace(/^(?:\.\/)+/u, '')
  return artifacts.find(({ name, path }) => name === written || path === plain)
}
