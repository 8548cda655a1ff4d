import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** All temporary files of a test run lie in one folder, which goes with the run, whatever tests left. */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'wave-tests-'))
  // Some tests act as another user.
  chmodSync(folder, 0o755)
  process.env['TMPDIR'] = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
