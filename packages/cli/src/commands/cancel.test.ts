import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempDisposableSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runsFolder } from '@wave/core'
import { expect, test } from 'vitest'
import type { Host, Interruption } from '../host.ts'
import { createInvocation } from '../invocation.ts'
import { cancel } from './cancel.ts'

const HANGING = fileURLToPath(import.meta.resolve('../../../core/src/testing/hanging-run.ts'))

test.runIf(process.platform === 'linux')(
  'Ctrl-C while a run takes its time to stop ends the waiting, with the exit code of a signal',
  async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'wave-cancel-'))
    const root = folder.path
    mkdirSync(runsFolder(root), { recursive: true })
    const run = spawn(process.execPath, [HANGING, runsFolder(root), 'deaf'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(run.stdout, 'data')
    try {
      expect(await cancel(createInvocation(pressed(root), '0.0.0', {}), {}, ['last'])).toBe(130)
    } finally {
      run.kill('SIGKILL')
      await once(run, 'exit')
    }
  },
)

/** A terminal where Ctrl-C has been pressed. */
function pressed(root: string): Host {
  const sink = { write: () => {}, isTerminal: false, columns: 80 }
  const interruption: Interruption = {
    signal: AbortSignal.abort('SIGINT'),
    exitCode: () => 130,
    exitCodeOfFailure: () => Promise.resolve(130),
    [Symbol.dispose]() {},
  }
  return {
    cwd: root,
    env: { WAVE_HOME: join(root, 'home'), HOME: root },
    out: sink,
    err: sink,
    stdin: { isTerminal: false, read: () => Promise.resolve(new Uint8Array()) },
    writeBytes: () => {},
    redact: (text) => text,
    hideVariables: () => {},
    catchSignals: () => interruption,
    flush: () => Promise.resolve(),
  }
}
