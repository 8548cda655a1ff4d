import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { StepFailure } from '../events.ts'
import { failureExitCode, isRetryable } from './failure.ts'

const GUIDE = new URL('../../../../docs/guide/failure.md', import.meta.url)

/** One of each; the compiler asks for new ones. */
const EVERY: { readonly [Reason in StepFailure['reason']]: readonly StepFailure[] } = {
  'command-failed': [{ reason: 'command-failed', command: 'make', exitCode: 2, output: '' }],
  'model-error': [{ reason: 'model-error', class: 'retryable', model: 'a/b', message: 'busy' }],
  'model-refused': [{ reason: 'model-refused' }],
  'context-overflow': [{ reason: 'context-overflow' }],
  'limit-reached': [
    limitOf('turns', 'step'),
    limitOf('format-errors', 'step'),
    limitOf('time', 'step'),
    limitOf('usd', 'step'),
    limitOf('tokens', 'step'),
    limitOf('time', 'run'),
    limitOf('usd', 'run'),
    limitOf('tokens', 'run'),
  ],
  stuck: [{ reason: 'stuck', pattern: 'x' }],
  'artifact-missing': [{ reason: 'artifact-missing', name: 'a', message: '' }],
  'artifact-invalid': [{ reason: 'artifact-invalid', name: 'a', problems: [] }],
  'contract-failed': [{ reason: 'contract-failed', name: 'a', problems: [] }],
  'template-failed': [{ reason: 'template-failed', message: '' }],
  'condition-failed': [{ reason: 'condition-failed', message: '' }],
  'aggregate-failed': [{ reason: 'aggregate-failed', message: '' }],
  'branch-failed': [{ reason: 'branch-failed', message: '' }],
  'hook-failed': [{ reason: 'hook-failed', hook: 'h', message: '' }],
  'child-failed': [],
  'items-failed': [{ reason: 'items-failed', failed: 1, items: 2 }],
  'loop-exhausted': [{ reason: 'loop-exhausted', rounds: 2 }],
  'gate-rejected': [{ reason: 'gate-rejected', choice: 'No' }],
  oom: [{ reason: 'oom', message: '' }],
  'workspace-lost': [{ reason: 'workspace-lost', message: '' }],
  environment: [{ reason: 'environment', code: 'docker-unreachable', message: '' }],
  // The signal decides.
  cancelled: [],
}

type Limit = Extract<StepFailure, { readonly reason: 'limit-reached' }>

function limitOf(limit: Limit['limit'], scope: Limit['scope']): Limit {
  return { reason: 'limit-reached', limit, scope }
}

/** The rows of the guide's table by reason. */
function guideRows(): ReadonlyMap<string, readonly string[]> {
  const lines = readFileSync(GUIDE, 'utf8').split('\n')
  const rows = lines.map((line) => line.split('|').map((cell) => cell.trim()))
  const known = rows.filter(([, first = '']) => first.startsWith('`'))
  return new Map(
    known.flatMap((cells) =>
      namesIn(cells[1] ?? '').map((name) => [keyOf(name, cells[1] ?? ''), cells] as const),
    ),
  )
}

function namesIn(cell: string): readonly string[] {
  return [...cell.replace(/\(.*/u, '').matchAll(/`([a-z-]+)`/gu)].map(([, name = '']) => name)
}

function keyOf(name: string, cell: string): string {
  return name === 'limit-reached' && cell.includes('of the run') ? 'limit-reached of the run' : name
}

test('the guide says of every reason whether it is tried again, and with which code it ends', () => {
  const rows = guideRows()
  for (const failure of Object.values(EVERY).flat()) {
    const isSpent =
      failure.reason === 'limit-reached' &&
      (failure.scope === 'run' || failure.limit === 'usd' || failure.limit === 'tokens')
    const row = rows.get(isSpent ? 'limit-reached of the run' : failure.reason)
    const code = String(failureExitCode(failure))
    expect([failure, row?.[3], row?.[4]]).toEqual([
      failure,
      isRetryable(failure) ? 'yes' : 'no',
      expect.stringContaining(code),
    ])
  }
})

test('what cannot end differently inside cannot do so outside, and has the same code', () => {
  for (const failure of Object.values(EVERY).flat()) {
    const around: StepFailure = { reason: 'child-failed', step: 'one', failure }
    expect(isRetryable(around)).toBe(isRetryable(failure))
    expect(failureExitCode(around)).toBe(failureExitCode(failure))
  }
})
