/** A run whose remedy is to take the last commit back, for tests that apply it: `src/orders.js` goes from AFTER to BEFORE. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Sandbox } from './cli.ts'
import { faultAt } from './fault.ts'

export const SYMPTOM =
  'TypeError: Cannot read properties of undefined at total (src/orders.js:2:16)'
export const BEFORE = 'export const total = (order) =>\n  (order.items ?? []).length\n'
export const AFTER = 'export const total = (order) =>\n  order.items.length\n'

/** How the run is started. */
export const PROPOSE = ['run', 'incident-response', SYMPTOM, '--provider', 'evidence']

/** The two commits, the last of which is to be taken back. */
export function commitFault(sandbox: Sandbox): void {
  sandbox.write('src/orders.js', BEFORE)
  sandbox.initGit()
  sandbox.write('src/orders.js', AFTER)
  sandbox.commit('Simplify total')
}

/** The ids of all runs of a project, in the order in which they were started. */
export function runsOf(sandbox: Sandbox): readonly string[] {
  const runs = readdirSync(join(sandbox.project, '.wave/runs'), { withFileTypes: true })
  return runs.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).toSorted()
}

/** As if the power went before the how manyth change of a file in `src`. */
export const killedAt = (sandbox: Sandbox, call: string, at: number): Record<string, string> =>
  faultAt(join(sandbox.project, 'src'), call, at)

/** When the new content is in place, and what it waited in is cleared away. */
export const killedInPlace = (sandbox: Sandbox): Record<string, string> =>
  killedAt(sandbox, 'rm', 2)
