/**
 * The example repository: a small orders API with three weeks of history and a regression in it. The
 * history is `history/*.patch`, one commit a file, in order, as `git am` reads them.
 */
import { execFile } from 'node:child_process'
import { readdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const HISTORY = fileURLToPath(new URL('history/', import.meta.url))
const CULPRIT_SUBJECT = 'Load the customers of a page in two queries'
const CALL = fileURLToPath(new URL('call-orders-api.js', import.meta.url))

export interface OrdersApi {
  /** Id of the commit that introduced the regression. */
  readonly culprit: string
  /** What the person on call sees: a sentence, a log line and the stack trace of the running program. */
  readonly symptom: string
}

/** Builds the repository in an empty directory. Equal ids on every machine. */
export async function buildOrdersApi(directory: string): Promise<OrdersApi> {
  const patches = readdirSync(HISTORY)
    .filter((name) => name.endsWith('.patch'))
    .toSorted()
    .map((name) => join(HISTORY, name))
  await git(directory, ['init', '--quiet', '--initial-branch=main', '--template='])
  await git(directory, ['am', '--quiet', '--committer-date-is-author-date', ...patches])
  const log = await git(directory, ['log', '--format=%H %s'])
  const culprit = log.split('\n').find((line) => line.endsWith(` ${CULPRIT_SUBJECT}`))
  if (culprit === undefined) throw new Error('Internal error: the culprit is not in the history')
  const { trace } = await callOrders(directory)
  return { culprit: culprit.slice(0, culprit.indexOf(' ')), symptom: symptomWith(trace) }
}

/** Starts the checked-out program, asks it for `GET /api/orders`, and tells what came back. */
export async function callOrders(directory: string): Promise<{ status: number; trace: string }> {
  const { stdout, stderr } = await run(process.execPath, [CALL, directory], { env: {} })
  const lines = stderr.split('\n').filter((line) => !line.includes('node:internal'))
  return {
    status: Number(stdout),
    trace: lines
      .join('\n')
      .replaceAll(pathToFileURL(realpathSync(directory)).href, 'file:///app')
      .trim(),
  }
}

function symptomWith(trace: string): string {
  return [
    '500 errors spiking on /api/orders endpoint since 14:30 UTC on 4 February 2026',
    '',
    '2026-02-04T14:30:12.418Z GET /api/orders 500 3ms',
    trace,
    '',
  ].join('\n')
}

async function git(directory: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run('git', ['-C', directory, ...args], {
    env: {
      PATH: process.env['PATH'],
      HOME: directory,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_COMMITTER_NAME: 'Orders Team',
      GIT_COMMITTER_EMAIL: 'orders@example.com',
    },
  })
  return stdout
}
