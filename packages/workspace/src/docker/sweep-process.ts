/** The program that a watchdog becomes: removes what a process that is dead left on an engine. Prints nothing. */
import { request, type Agent } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { LABELS } from './container-config.ts'
import { EngineAgent } from './engine-agent.ts'
import { dialOf } from './engine-dial.ts'
import { SWEEP_ORDER, type SweepOrder } from './watchdog.ts'

async function sweep(): Promise<void> {
  const { endpoint, process: owner }: SweepOrder = JSON.parse(process.env[SWEEP_ORDER] ?? '')
  const agent = new EngineAgent(dialOf(endpoint, process.env))
  const end = performance.now() + LONGEST_MS
  let quietSince = performance.now()
  // What the process asked for last may appear after its end.
  while (performance.now() < end && performance.now() - quietSince < QUIET_MS) {
    if (!(await isClean(agent, owner))) quietSince = performance.now()
    await delay(POLL_MS)
  }
  // An engine that has much to do may take longer.
  await delay(LAST_LOOK_MS)
  await isClean(agent, owner)
  agent.giveUp()
}

const POLL_MS = 100
const QUIET_MS = 3000
const LAST_LOOK_MS = 7000
const LONGEST_MS = 60_000

/** Whether nothing was left. An engine that does not answer, or answers with an error, is asked again. */
async function isClean(agent: Agent, owner: string): Promise<boolean> {
  try {
    const filters = encodeURIComponent(JSON.stringify({ label: [`${LABELS.process}=${owner}`] }))
    const containers = await list(agent, `/containers/json?all=1&filters=${filters}`, owner)
    const ids = containers.map(({ Id: id }) => `/containers/${String(id)}?force=1&v=1`)
    await Promise.all(ids.map((path) => ask(agent, 'DELETE', path)))
    const volumes = await list(agent, `/volumes?filters=${filters}`, owner)
    const names = volumes.map(({ Name: name }) => `/volumes/${String(name)}`)
    await Promise.all(names.map((path) => ask(agent, 'DELETE', path)))
    return ids.length + names.length === 0
  } catch {
    return false
  }
}

type Found = Readonly<Record<string, unknown>>

/** What carries the label. A filter that an engine passes over must not cost anybody else's. */
async function list(agent: Agent, path: string, owner: string): Promise<readonly Found[]> {
  const answer = await ask(agent, 'GET', path)
  const found: unknown = isRecord(answer) ? answer['Volumes'] : answer
  const all: readonly unknown[] = Array.isArray(found) ? found : []
  return all.filter(isRecord).filter(({ Labels: labels }) => {
    return isRecord(labels) && labels[LABELS.process] === owner
  })
}

function isRecord(value: unknown): value is Found {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Without the client that everything else uses: it takes longer to load than all this takes. */
function ask(agent: Agent, method: 'GET' | 'DELETE', path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ agent, host: 'docker', method, path }, (response) => {
      const { statusCode = 0 } = response
      // A removal that fails shows the next time that one looks.
      if (method === 'GET' && statusCode < 400) json(response).then(resolve, reject)
      else response.resume().on('close', method === 'GET' ? reject : resolve)
    })
    asked.on('error', reject).end()
  })
}

await sweep()
