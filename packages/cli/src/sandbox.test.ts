import { type Plan, WaveError, type WorkspaceProvider } from '@wave/core'
import { expect, test } from 'vitest'
import { chooseSandbox, type Sandboxes } from './sandbox.ts'

const docker = provider('docker')
const local = provider('local')
const answering: Sandboxes = { docker: () => Promise.resolve(docker), local: () => local }
const silent: Sandboxes = {
  docker: () =>
    Promise.reject(
      new WaveError('docker-unreachable', 'No Docker engine answers.', { hint: 'Start it.' }),
    ),
  local: () => local,
}
const step = { mount: { mode: 'readonly' } }
const reading = plan({ runner: 'agent', executes: false, step })
const executing = plan({ runner: 'agent', executes: true, step })
const evidence = plan({ runner: 'evidence', executes: true, step })

test('auto takes Docker where an engine answers, also in evidence mode', async () => {
  expect((await chooseSandbox('auto', reading, answering)).provider).toBe(docker)
  expect((await chooseSandbox('auto', evidence, answering)).provider).toBe(docker)
})

test('without an engine the local view stands in for plans that execute nothing, and says so', async () => {
  for (const harmless of [reading, evidence]) {
    const chosen = await chooseSandbox('auto', harmless, silent)
    expect(chosen.provider).toBe(local)
    expect(chosen.note).toMatch(/No Docker engine answers/)
  }
})

test('a step that must execute does not run without an engine', async () => {
  await expect(chooseSandbox('auto', executing, silent)).rejects.toMatchObject({
    code: 'docker-unreachable',
    message: expect.stringContaining('"fix"'),
    hint: 'Start it.',
  })
})

test('asking for Docker accepts no stand-in; asking for the local view executes nothing', async () => {
  await expect(chooseSandbox('docker', reading, silent)).rejects.toMatchObject({
    code: 'docker-unreachable',
  })
  expect((await chooseSandbox('local', reading, answering)).provider).toBe(local)
  await expect(chooseSandbox('local', executing, answering)).rejects.toMatchObject({
    code: 'usage',
  })
})

test('a broken engine is no reason to run elsewhere', async () => {
  const full: Sandboxes = {
    docker: () => Promise.reject(new WaveError('disk-full', 'The disk is full.')),
    local: () => local,
  }
  await expect(chooseSandbox('auto', reading, full)).rejects.toMatchObject({ code: 'disk-full' })
})

test('without anything to look at or to execute, no sandbox is taken, and nothing is said of any', async () => {
  const thinking = { runner: 'agent', executes: false }
  const untouched: Sandboxes = {
    docker: () => Promise.reject(new Error('asked for Docker')),
    local: () => {
      throw new Error('asked for the local view')
    },
  }
  for (const kind of ['auto', 'docker', 'local'] as const)
    expect(await chooseSandbox(kind, plan(thinking), untouched)).toEqual({
      provider: undefined,
      note: undefined,
    })
})

test('tools, and tools of a step in a step, are something to have a sandbox for', async () => {
  const using = { runner: 'agent', executes: false, tools: ['read'] }
  const body = [{ ...using, step: { id: 'inner' } }]
  const loop = { runner: 'engine', executes: false, body }
  for (const harmless of [plan(using), plan(loop)])
    expect((await chooseSandbox('auto', harmless, answering)).provider).toBe(docker)
})

function provider(kind: 'docker' | 'local'): WorkspaceProvider {
  return {
    kind,
    image: undefined,
    canExecute: kind === 'docker',
    open: () => Promise.reject(new Error('not in this test')),
  }
}

/** Only what the choice looks at. */
function plan({ step: its, ...planned }: Readonly<Record<string, unknown>>): Plan {
  const steps = [{ tools: [], ...planned, step: Object.assign({ id: 'fix' }, its) }]
  return JSON.parse(JSON.stringify({ steps, pipeline: { requiredTools: [] } }))
}
