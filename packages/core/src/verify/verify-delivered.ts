import { openPlainFile } from '../run/journal/plain-file.ts'
import { digestOf } from './check-content.ts'
import { count, several } from './verify-check.ts'
import type { RecordedRun, VerifyCheck } from './verify-check.ts'

/** The delivered files are what the project holds now. They are the user's: what differs is told, and no error. */
export function verifyDelivered(run: RecordedRun): readonly VerifyCheck[] {
  const { finished, steps } = run.state
  if (finished === undefined || finished.delivered.length === 0) return []
  const changed = finished.delivered.flatMap(({ step, name, path }) => {
    const artifact = steps.get(step)?.artifacts.find((each) => each.name === name)
    const problem = compare(run.projectRoot, path, artifact?.digest)
    return problem === undefined ? [] : [`${path} ${problem}`]
  })
  const all = count(finished.delivered.length, 'file')
  const [level, message] =
    changed.length === 0
      ? (['ok', `${all} in the project, as delivered.`] as const)
      : (['note', `${changed.length} of ${all}: ${several(changed)}. The store has them.`] as const)
  return [{ name: 'delivered', level, message }]
}

function compare(root: string, path: string, digest: string | undefined): string | undefined {
  if (digest === undefined) return 'is of no step that stands'
  const names = path.split('/')
  // The path comes out of the journal.
  if (names.some((name) => name === '' || name === '.' || name === '..')) return 'is no plain path'
  using file = openPlainFile(root, ...names)
  if (file === undefined) return 'is not there any more'
  return digestOf(file) === digest ? undefined : 'was changed since, by hand or by a later run'
}
