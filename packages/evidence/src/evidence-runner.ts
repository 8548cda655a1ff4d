import { createHash } from 'node:crypto'
import type { ArtifactType, StepContext, StepOutcome, StepRunner } from '@wave/core'
import type { Findings } from './findings.ts'
import { investigate } from './investigate.ts'
import { findRemedy, recordedRemedy } from './remedy.ts'
import type { Remedy } from './remedy.ts'
import { renderIncidentReport } from './report/incident-report.ts'
import { renderInvestigation } from './report/investigation.ts'
import { renderRemediation } from './report/remediation.ts'
import { renderRootCause } from './report/root-cause.ts'
import { severityOf } from './report/severity.ts'
import { renderTriage } from './report/triage.ts'

export interface EvidenceOptions {
  /** The project's own reproduction: a shell command that fails while the symptom is there. */
  readonly testCommand?: string | undefined
}

/** Performs steps without a model. All steps of a run share one investigation. */
export function createEvidenceRunner({ testCommand }: EvidenceOptions = {}): StepRunner {
  const investigations = new Memory<Promise<Findings>>()
  const remedies = new Memory<Remedy>()
  return {
    async run(context): Promise<StepOutcome> {
      const key = keyOf(context)
      const { input, snapshot } = context
      const findings = await investigations.recall(key, () =>
        investigate({ input, snapshot, nowUtc: context.run.startedAt }),
      )
      context.signal.throwIfAborted()
      const produced = await produce(context, findings, {
        find: () => findRemedy(context, findings, testCommand),
        known: remedies.peek(key) ?? recordedRemedy(context.inputs, findings),
      })
      if (produced.remedy !== undefined) remedies.set(key, produced.remedy)
      return outcomeOf(context, produced)
    },
  }
}

interface Produced {
  readonly content: Uint8Array
  readonly type: ArtifactType
  readonly message: string
  readonly verdict?: Remedy['verdict']
  readonly remedy?: Remedy
}

interface Remedies {
  find(): Promise<Remedy>
  readonly known: Remedy | undefined
}

async function produce(
  context: StepContext,
  findings: Findings,
  remedies: Remedies,
): Promise<Produced> {
  const standIn = context.planned.step.kind === 'prompt' ? context.planned.step.standIn : undefined
  switch (standIn) {
    case 'triage':
      return { content: renderTriage(findings), type: 'json', message: triageMessage(findings) }
    case 'investigate':
      return {
        content: renderInvestigation(findings),
        type: 'markdown',
        message: suspectsMessage(findings),
      }
    case 'root-cause':
      return {
        content: renderRootCause(findings),
        type: 'markdown',
        message: 'No proven cause yet',
        verdict: 'inconclusive',
      }
    case 'remediate': {
      const remedy = await remedies.find()
      const message = remedyMessage(remedy)
      const { verdict } = remedy
      return {
        content: renderRemediation(findings, remedy),
        type: 'markdown',
        message,
        verdict,
        remedy,
      }
    }
    case 'postmortem': {
      const remedy = remedies.known ?? NO_REMEDY
      const content = renderIncidentReport(findings, remedy, provenanceOf(context))
      return {
        content,
        type: 'markdown',
        message: `Report complete, ${remedy.verdict}`,
        verdict: remedy.verdict,
      }
    }
    case undefined:
    default:
      throw new Error(`Internal error: no stand-in named ${standIn ?? '(none)'}`)
  }
}

const NO_REMEDY: Remedy = {
  suspect: undefined,
  verdict: 'inconclusive',
  proof: { kind: 'not-run', because: 'no remediation step ran before this report' },
  patch: undefined,
}

function triageMessage(findings: Findings): string {
  const frames = findings.frames.length
  const found =
    frames === 0 ? 'no stack frames here' : `${frames} frame${frames === 1 ? '' : 's'} mapped`
  return `${severityOf(findings).level}, ${found}`
}

function suspectsMessage({ commits }: Findings): string {
  const suspects = commits.filter(({ likelihood }) => likelihood !== 'LOW')
  const reverts = suspects.filter(({ revert }) => revert?.applies === true).length
  if (suspects.length === 0) {
    if (commits.length === 0) return 'No suspect commit'
    const isOne = commits.length === 1
    return `No suspect commit, ${commits.length} weak candidate${isOne ? '' : 's'}`
  }
  return `${suspects.length} suspect${suspects.length === 1 ? '' : 's'}, ${reverts} revertible`
}

function remedyMessage({ suspect, verdict }: Remedy): string {
  if (suspect === undefined) return 'No change proposed'
  return verdict === 'confirmed' ? 'Revert proven by the tests' : 'Revert proposed, unproven'
}

function provenanceOf({ run, inputs }: StepContext): Parameters<typeof renderIncidentReport>[2] {
  return {
    run: run.id,
    startedAt: run.startedAt,
    inputs: inputs.map(({ as, origin, ref }) => ({ as, origin, digest: ref.digest })),
  }
}

/** The document goes to the first declared artifact of its type, or to the first one. */
function outcomeOf({ planned }: StepContext, produced: Produced): StepOutcome {
  const { artifacts } = planned.step
  const target = artifacts.find(({ type }) => type === produced.type) ?? artifacts[0]
  const { message, verdict, remedy } = produced
  return {
    status: 'succeeded',
    artifacts: new Map(target === undefined ? [] : [[target.name, produced.content]]),
    message,
    ...(verdict && { verdict }),
    ...(remedy?.patch && { patch: remedy.patch }),
    usage: undefined,
  }
}

function keyOf({ run, snapshot, input }: StepContext): string {
  return createHash('sha256')
    .update(`${run.id}\n${run.startedAt}\n${snapshot.tree}\n`)
    .update(input)
    .digest('hex')
}

/** Remembers the last few values: a process performs few runs at a time. */
class Memory<T> {
  readonly #values = new Map<string, T>()

  peek(key: string): T | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: T): void {
    this.#values.delete(key)
    this.#values.set(key, value)
    const [oldest] = this.#values.keys()
    if (this.#values.size > 4 && oldest !== undefined) this.#values.delete(oldest)
  }

  recall(key: string, make: () => T): T {
    const known = this.#values.get(key)
    if (known !== undefined) return known
    const value = make()
    this.set(key, value)
    return value
  }
}
