import type { ExecResult, Patch, StepContext, Workspace } from '@wave/core'
import type { CommitSuspect } from './findings.ts'
import { countTests } from './test-count.ts'

/** One run of the reproduction. */
export interface TestRun {
  readonly exitCode: number | undefined
  readonly stopped: ExecResult['stopped']
  /** Undefined when the output does not say. */
  readonly tests: number | undefined
  /** The last lines of the output. Untrusted. */
  readonly tail: readonly string[]
}

/** What running the reproduction showed. Only `proven` names a cause. */
export type Proof =
  | { readonly kind: 'not-run'; readonly because: string }
  | { readonly kind: 'not-reproduced'; readonly command: string; readonly before: TestRun }
  | {
      readonly kind: 'proven'
      readonly command: string
      readonly suspect: CommitSuspect
      readonly before: TestRun
      readonly after: TestRun
      /** With the commit put back: it must fail again. */
      readonly restored: TestRun
    }
  | {
      readonly kind: 'not-proven'
      readonly command: string
      readonly before: TestRun
      readonly tried: readonly {
        readonly suspect: CommitSuspect
        readonly after: TestRun
        readonly because: string
      }[]
    }

export interface ProofRequest {
  readonly context: StepContext
  readonly workspace: Workspace
  readonly command: string
  /** Suspects whose revert applies, best first. */
  readonly suspects: readonly (CommitSuspect & { readonly patch: Patch })[]
}

const MAX_TEST_MS = 600_000
const TAIL_LINES = 12

/**
 * Runs the reproduction as it is, without a suspect, and with it again. Proof is failing, passing, failing,
 * with no fewer tests: a test that comes and goes by itself rarely keeps to that. Leaves the tree as it was.
 */
export async function proveRevert(request: ProofRequest): Promise<Proof> {
  const { command, suspects } = request
  const before = await runTests(request)
  const unusable = problemOf(before)
  if (unusable !== undefined) return { kind: 'not-run', because: unusable }
  if (before.exitCode === 0) return { kind: 'not-reproduced', command, before }
  const tried: Extract<Proof, { kind: 'not-proven' }>['tried'][number][] = []
  for (const suspect of suspects) {
    if (!(await applyPatch(request, suspect.patch, 'forward'))) continue
    const after = await runTests(request)
    await applyPatch(request, suspect.patch, 'back')
    const because = objection(before, after, suspect.patch)
    if (because !== undefined) {
      tried.push({ suspect, after, because })
      continue
    }
    const restored = await runTests(request)
    if (restored.exitCode !== 0 && problemOf(restored) === undefined) {
      return { kind: 'proven', command, suspect, before, after, restored }
    }
    tried.push({
      suspect,
      after,
      because: 'with the commit put back it did not fail again: it may be unsteady',
    })
  }
  return { kind: 'not-proven', command, before, tried }
}

/** Applies a patch of the host to the workspace's tree, or takes it back. False: git could not. */
export async function applyPatch(
  { context, workspace }: Pick<ProofRequest, 'context' | 'workspace'>,
  patch: Patch,
  direction: 'forward' | 'back',
): Promise<boolean> {
  const segments = (context.planned.step.mount?.source ?? '.')
    .split('/')
    .filter((part) => part !== '' && part !== '.')
  const inside = segments.map((part) => `${part}/`).join('')
  // A mounted folder sees only its own part of the tree.
  if (!patch.files.every((file) => file.path.startsWith(inside))) return false
  const path = `/work/revert-${patch.tree}.patch`
  const written = await workspace.write(path, patch.text)
  if (!written.ok) return false
  const reverse = direction === 'back' ? ['--reverse'] : []
  const argv = ['git', 'apply', '--whitespace=nowarn', `-p${segments.length + 1}`, ...reverse, path]
  const { exitCode } = await workspace.exec(
    argv,
    { timeoutMs: 60_000, maxOutputBytes: 65_536 },
    context.signal,
  )
  return exitCode === 0
}

/** Removes what test runs left behind, so that the step's patch holds the revert and nothing else. */
export async function cleanTree({
  context,
  workspace,
}: Pick<ProofRequest, 'context' | 'workspace'>): Promise<void> {
  const shell = 'git checkout --quiet -- . && git clean -fdxq'
  await workspace.exec({ shell }, { timeoutMs: 60_000, maxOutputBytes: 65_536 }, context.signal)
}

async function runTests({ context, workspace, command }: ProofRequest): Promise<TestRun> {
  const timeoutMs = Math.min(MAX_TEST_MS, Math.floor(context.planned.step.timeoutMs / 8))
  const limits = { timeoutMs, maxOutputBytes: 1_048_576, env: { CI: 'true', NO_COLOR: '1' } }
  const result = await workspace.exec({ shell: command }, limits, context.signal)
  const output = new TextDecoder().decode(result.output)
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  return {
    exitCode: result.exitCode,
    stopped: result.stopped,
    tests: countTests(output),
    tail: lines.slice(-TAIL_LINES),
  }
}

/** Why a run says nothing about the symptom. */
function problemOf({ exitCode, stopped }: TestRun): string | undefined {
  if (stopped !== undefined) return `the test command was stopped: ${stopped}`
  if (exitCode === 126 || exitCode === 127) return 'the test command does not exist in the sandbox'
  return undefined
}

/** Why failing before and this run after are no proof. */
function objection(before: TestRun, after: TestRun, patch: Patch): string | undefined {
  const problem = problemOf(after)
  if (problem !== undefined) return problem
  if (after.exitCode !== 0) return 'it still fails without the commit'
  if (before.tests !== undefined && after.tests === undefined)
    return 'the number of tests is unknown after the revert'
  if ((after.tests ?? 0) < (before.tests ?? 0)) return 'fewer tests run without the commit'
  const tests = patch.files.some((file) =>
    /(?:^|[/_.-])(?:tests?|spec)(?:[/_.-]|$)/i.test(file.path),
  )
  return before.tests === undefined && tests
    ? 'the revert changes tests, and their number is unknown'
    : undefined
}
