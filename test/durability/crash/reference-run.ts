/**
 * `node reference-run.ts <folder>`: starts the run of reference.ts there, or goes on with it. One line for each
 * durable event, `event <seq>`, and for each call of the model, `call`, written before anything else happens.
 * Ends with the exit code of the run, and with that of `wave` where it failed.
 */
import { writevSync } from 'node:fs'
import { WaveError } from '../../../packages/core/src/index.ts'
import { runReference } from './reference.ts'

try {
  const [folder = ''] = process.argv.slice(2)
  const { exitCode, problems } = await runReference(folder, {
    event: (event) => {
      tell(1, `event ${event.seq} ${event.type}`)
      if (event.type === 'step-failed') tell(2, `${event.step}: ${JSON.stringify(event.failure)}`)
    },
    call: () => tell(1, 'call'),
  })
  for (const problem of problems) tell(2, problem)
  process.exitCode = exitCode
} catch (error) {
  tell(2, error instanceof Error ? `${error.name}: ${error.message}` : String(error))
  process.exitCode = error instanceof WaveError ? error.exitCode : 70
}

/** In two pieces, because that is another system call than the `write` that fails in tests. */
function tell(fd: number, line: string): void {
  writevSync(fd, [Buffer.from(line), Buffer.from('\n')])
}
