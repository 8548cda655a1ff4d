import type { ChangedLine } from '../findings.ts'
import { kindOf } from './path-kind.ts'

/** The project's own version is raised with every release and changes nothing by itself. */
const OWN_VERSION = /^\s*"?version"?\s*[:=]/

/** Changed lines of dependency manifests or of configuration. */
export function setupLines(
  changes: readonly ChangedLine[],
  kind: 'dependencies' | 'config',
): ChangedLine[] {
  return changes.filter(({ path, text }) => {
    if (kindOf(path) !== kind || text.trim() === '') return false
    return kind === 'config' || !OWN_VERSION.test(text)
  })
}
