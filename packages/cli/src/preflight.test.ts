import {
  memorySnapshot,
  MemoryWorkspaceProvider,
  sketchCommand,
  sketchPlan,
  sketchStep,
} from '@wave/core/testing'
import { expect, test } from 'vitest'
import { allowedImages, checkMounts, checkTools } from './preflight.ts'

const { signal } = new AbortController()
const paths = { configFile: '/home/ada/config.yaml', dataDir: '/home/ada/data' }
const config = { paths, user: { sandbox: { images: { default: 'a:1', 'node-24': 'b:2' } } } }

function mounting(source: string) {
  const mount = { source, target: '/src', mode: 'readonly' } as const
  return sketchPlan([sketchStep({ id: 's', mount })])
}

/** A plan whose one step calls another one. */
function calling(child: ReturnType<typeof sketchPlan>) {
  return sketchPlan([sketchStep({ id: 'call' })], { planned: { call: { child } } })
}

test('images that steps name must be on the list of the user, in called pipelines as well', () => {
  const steps = [sketchCommand({ id: 'test', image: 'node-24' }), sketchStep({ id: 'read' })]
  expect(allowedImages(sketchPlan(steps), config)).toEqual(new Set(['node-24']))
  const child = sketchPlan([sketchCommand({ id: 'inner', image: 'constructor' })])
  expect(() => allowedImages(calling(child), config)).toThrow(
    expect.objectContaining({
      code: 'config-invalid',
      exitCode: 2,
      problems: [
        expect.objectContaining({
          message: expect.stringContaining('"inner" asks for the image "constructor"'),
          hint: expect.stringMatching(/"sandbox\.images" in \/home\/ada\/.* default, node-24/),
        }),
      ],
    }),
  )
})

test('a folder that a step mounts must be one of the project', () => {
  const snapshot = memorySnapshot({ 'src/a.ts': '' })
  checkMounts(mounting('src'), snapshot)
  checkMounts(mounting('.'), snapshot)
  expect(() => checkMounts(calling(mounting('lib')), snapshot)).toThrow(
    expect.objectContaining({
      code: 'pipeline-invalid',
      message: expect.stringContaining('"lib"'),
    }),
  )
})

test('commands that a pipeline requires are looked up in the images that its steps execute in', async () => {
  const provider = new MemoryWorkspaceProvider({
    exec: ({ spec }, command) => {
      const asked = 'shell' in command ? [] : command.slice(4)
      const missing = asked.filter((tool) => spec.image === undefined || tool === 'jq')
      return { exitCode: 0, output: Buffer.from(missing.map((tool) => `${tool}\n`).join('')) }
    },
  })
  const steps = [sketchCommand({ id: 'test', image: 'node-24' }), sketchStep({ id: 'read' })]
  const requiring = (...requiredTools: string[]) =>
    sketchPlan(steps, { pipeline: { requiredTools } })
  await checkTools(requiring('node', 'git'), provider, signal)
  expect(provider.opened.map(({ spec }) => [spec.image, spec.mount])).toEqual([
    ['node-24', undefined],
  ])
  await expect(
    checkTools(calling(requiring('jq', 'node')), provider, signal),
  ).rejects.toMatchObject({
    exitCode: 4,
    message: 'The sandbox image "node-24" has no jq.',
  })
  const reading = sketchPlan([sketchStep({ id: 'read' })], { pipeline: { requiredTools: ['git'] } })
  await expect(checkTools(reading, provider, signal)).rejects.toMatchObject({
    exitCode: 4,
    message: 'The sandbox image has no git.',
  })
})

test('without requirements, or where nothing executes, no sandbox is opened', async () => {
  const provider = new MemoryWorkspaceProvider()
  await checkTools(sketchPlan([sketchCommand({ id: 'test' })]), provider, signal)
  const local = new MemoryWorkspaceProvider({ canExecute: false })
  const pipeline = { requiredTools: ['git'] }
  await checkTools(sketchPlan([sketchStep({ id: 'read' })], { pipeline }), local, signal)
  expect([...provider.opened, ...local.opened]).toEqual([])
})
