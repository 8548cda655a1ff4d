/**
 * A process of its own with a run whose step never ends: `node hanging-run.ts <folder of runs> [deaf]`. It tells
 * when the step works. Deaf, it takes no notice of signals.
 */
import { openRunFolder } from '../run/journal/run-folder.ts'
import { runPipeline } from '../run/run.ts'
import { systemClock } from '../run/clock.ts'
import { systemIds } from '../run/ids.ts'
import { memorySnapshot } from './memory-snapshot.ts'
import { sketchPlan, sketchStep } from './plans.ts'

const [runs = '', isDeaf] = process.argv.slice(2)
const control = new AbortController()
process.on('SIGINT', () => {
  if (isDeaf === undefined) control.abort('SIGINT')
})
const folder = openRunFolder(runs, 'r1', systemClock)
await runPipeline({
  plan: sketchPlan([
    sketchStep({ id: 'first' }),
    sketchStep({ id: 'hangs', dependencies: ['first'] }),
  ]),
  input: '',
  project: {},
  snapshot: memorySnapshot(),
  projectDigest: '',
  provider: undefined,
  runners: {
    agent: {
      run: ({ planned, signal }) => {
        if (planned.step.id === 'first') {
          return Promise.resolve({ status: 'succeeded', artifacts: new Map(), usage: undefined })
        }
        process.stdout.write('working\n')
        return new Promise((resolve) => {
          const failure = { reason: 'cancelled' } as const
          const end = (): void => resolve({ status: 'failed', failure, usage: undefined })
          signal.addEventListener('abort', end, { once: true })
        })
      },
    },
    command: undefined,
    evidence: undefined,
  },
  store: folder.store,
  journal: folder.journal,
  clock: systemClock,
  ids: systemIds,
  runId: 'r1',
  waveVersion: '0.0.0',
  projectRoot: runs,
  runs,
  signal: control.signal,
  onEvent: () => undefined,
})
folder[Symbol.dispose]()
