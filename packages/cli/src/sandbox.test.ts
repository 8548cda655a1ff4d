import { type Plan, type PlannedStep, WaveError, type WorkspaceProvider } from '@wave/core'
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
const reading = plan({ runner: 'agent', executes: false })
const executing = plan({ runner: 'agent', executes: true })
const evidence = plan({ runner: 'evidence', executes: true })

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

function provider(kind: 'docker' | 'local'): WorkspaceProvider {
  return {
    kind,
    image: undefined,
    canExecute: kind === 'docker',
    open: () => Promise.reject(new Error('not in this test')),
  }
}

function plan(planned: Pick<PlannedStep, 'runner' | 'executes'>): Plan {
  // Only what the choice looks at.
  const partial = JSON.stringify({ steps: [{ step: { id: 'fix' }, ...planned }] })
  return JSON.parse(partial)
}
