import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe } from 'vitest'

/** Programs of the machine that some suites need; `test/support/system-tools` installs them. */
type Tool = 'debugfs' | 'faketime' | 'mkfs.ext4' | 'strace'

const isRequired = process.env['WAVE_REQUIRE_TOOLS'] === '1'

/**
 * `describe` for what needs such programs. Without one of them the suite is reported as skipped, unless
 * WAVE_REQUIRE_TOOLS=1: then it runs, and fails for want of it.
 */
export function describeWith(
  ...tools: readonly [Tool, ...Tool[]]
): typeof describe | typeof describe.skip {
  return isRequired || tools.every(isInstalled) ? describe : describe.skip
}

function isInstalled(tool: Tool): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some((folder) => existsSync(join(folder, tool)))
}
