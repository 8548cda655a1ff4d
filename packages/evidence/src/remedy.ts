import type { InjectedArtifact, Patch, StepContext, Verdict, Workspace } from '@wave/core'
import { WaveError } from '@wave/core'
import type { CommitSuspect, Findings } from './findings.ts'
import { applyPatch, cleanTree, proveRevert } from './proof.ts'
import type { Proof } from './proof.ts'

/** What is proposed, and what is known about whether it helps. */
export interface Remedy {
  /** Whose revert is proposed; undefined when no revert applies, or none helped. */
  readonly suspect: CommitSuspect | undefined
  readonly verdict: Verdict
  /** `recorded`: the proof ran in an earlier step, and only its verdict is at hand. */
  readonly proof: Proof | { readonly kind: 'recorded' }
  /** The proposal made on the host; undefined when the workspace holds it already. */
  readonly patch: Patch | undefined
}

type Revertible = CommitSuspect & { readonly patch: Patch }

/**
 * Picks the revert to propose. Where the step has a writable workspace that executes, the revert is made
 * there, and with a test command it is put to the proof.
 */
export async function findRemedy(
  context: StepContext,
  findings: Findings,
  testCommand: string | undefined,
): Promise<Remedy> {
  const suspects = findings.commits.flatMap((suspect): Revertible[] =>
    suspect.revert?.applies === true ? [{ ...suspect, patch: suspect.revert.patch }] : [],
  )
  const first = suspects[0]
  if (first === undefined)
    return unproven(undefined, 'there is no suspect commit whose revert applies cleanly')
  const opened = await openWritable(context)
  if ('because' in opened) return unproven(first, opened.because)
  const { workspace } = opened
  const proof: Proof =
    testCommand === undefined
      ? { kind: 'not-run', because: 'no test command is known (project.test_command)' }
      : await proveRevert({ context, workspace, command: testCommand, suspects })
  if (proof.kind !== 'not-run' || testCommand !== undefined) await cleanTree({ context, workspace })
  if (proof.kind === 'not-proven') {
    return { suspect: undefined, verdict: 'inconclusive', proof, patch: undefined }
  }
  const chosen =
    suspects.find(
      (suspect) => proof.kind === 'proven' && suspect.commit.id === proof.suspect.commit.id,
    ) ?? first
  const applied = await applyPatch({ context, workspace }, chosen.patch, 'forward')
  return {
    suspect: chosen,
    verdict: proof.kind === 'proven' ? 'confirmed' : 'inconclusive',
    proof,
    patch: applied ? undefined : chosen.patch,
  }
}

function unproven(suspect: Revertible | undefined, because: string): Remedy {
  return {
    suspect,
    verdict: 'inconclusive',
    proof: { kind: 'not-run', because },
    patch: suspect?.patch,
  }
}

async function openWritable(
  context: StepContext,
): Promise<{ workspace: Workspace } | { because: string }> {
  if (context.planned.step.mount?.mode !== 'readwrite') {
    return { because: 'the step has no writable copy of the source' }
  }
  try {
    const workspace = await context.workspace()
    return workspace.canExecute
      ? { workspace }
      : { because: 'nothing can be executed without Docker' }
  } catch (error) {
    // Facts are worth having without a sandbox; what else can go wrong with it is the engine's business.
    if (error instanceof WaveError) return { because: `no sandbox could be opened (${error.code})` }
    throw error
  }
}

const PROPOSAL = /^Proposed change: revert of commit ([0-9a-f]{40,64})$/m
const VERDICT = /^Verdict: (confirmed|inconclusive)$/m

/** The remedy as an earlier step's document states it, when this process did not see it being found. */
export function recordedRemedy(
  inputs: readonly InjectedArtifact[],
  findings: Findings,
): Remedy | undefined {
  for (const { content, type } of inputs) {
    if (type !== 'markdown') continue
    const text = new TextDecoder().decode(content)
    if (!text.startsWith('# Remediation\n')) continue
    const id = PROPOSAL.exec(text)?.[1]
    const suspect = findings.commits.find(({ commit }) => commit.id === id)
    const confirmed = suspect !== undefined && VERDICT.exec(text)?.[1] === 'confirmed'
    return {
      suspect,
      verdict: confirmed ? 'confirmed' : 'inconclusive',
      proof: { kind: 'recorded' },
      patch: undefined,
    }
  }
  return undefined
}
