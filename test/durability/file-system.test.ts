/** What wave asks of a file system, seen from outside of the process. */
import { mkdirSync, mkdtempDisposableSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeWith } from '../support/tools.ts'
import { trace } from './crash/strace.ts'
import type { Traced } from './crash/strace.ts'

const JOURNAL = join(import.meta.dirname, '../../packages/core/src/run/journal')

/** A process that calls such a function for the folder `a/b` twice, each time telling what came of it. */
async function callTwice(
  module: string,
  name: string,
  fault?: Parameters<typeof trace>[1],
): Promise<Traced & { readonly left: readonly string[] }> {
  using root = mkdtempDisposableSync(join(tmpdir(), 'wave-file-system-'))
  const folder = join(root.path, 'a/b')
  mkdirSync(folder, { recursive: true })
  const code = `import { ${name} } from ${JSON.stringify(join(JOURNAL, module))}
    for (let time = 0; time < 2; time += 1) {
      try {
        ${name}(${JSON.stringify(folder)})
        console.log('done')
      } catch (error) {
        console.log(error.code, error.exitCode, error.message)
      }
    }`
  const command = {
    argv: [process.execPath, '--input-type=module', '-e', code],
    cwd: root.path,
    env: { PATH: process.env['PATH'] ?? '' },
    traceFile: join(root.path, 'trace'),
    folders: [join(root.path, 'a')],
  }
  return { ...(await trace(command, fault)), left: readdirSync(folder) }
}

describeWith('strace')('a file system', () => {
  test('is asked once by each process to keep a folder that was there: its maker may have died before', async () => {
    const { stdout, calls } = await callTwice('durable-fs.ts', 'makeDirectory')
    expect(stdout).toBe('done\ndone\n')
    expect(calls.filter(({ call }) => call === 'fsync').map(({ path }) => path)).toEqual([
      expect.stringMatching(/\/a$/u),
    ])
  })

  test.each(['EPERM', 'EOPNOTSUPP'])(
    'without hard links, which answers %s, is told as such, and nothing is left there',
    async (error) => {
      const { stdout, left } = await callTwice('lock.ts', 'takeLock', {
        call: process.arch === 'arm64' ? 'linkat' : 'link',
        fault: `error=${error}`,
        when: '1+',
      })
      expect(stdout).toMatch(/^(?:path-unwritable 4 .*has no hard links.*\n){2}$/u)
      expect(left).toEqual([])
    },
  )
})
