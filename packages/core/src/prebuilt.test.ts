import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { bundledPersonas } from './persona/bundled.ts'
import { readPersona } from './persona/read-persona.ts'
import { loadPersonas } from './persona/registry.ts'
import { BUNDLED_FILES, bundledPipelines } from './pipeline/bundled.ts'
import { calledBy } from './pipeline/read/load-child.ts'
import { loadPipeline } from './pipeline/load.ts'
import type { Loaded } from './pipeline/source.ts'
import { readPipeline } from './pipeline/read/read-pipeline.ts'

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

function valueOf<T>(loaded: Loaded<T>): T {
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.value
}

test('the prebuilt table holds what reading the bundled files gives (after a change: vitest run prebuilt -u)', async () => {
  const table = {
    pipelines: Object.fromEntries(
      bundledPipelines()
        .map((file) => [digest(file.bytes), valueOf(readPipeline(file, BUNDLED_FILES))] as const)
        // A copy in a project may call pipelines of the project.
        .filter(([, { steps }]) => calledBy(steps).length === 0),
    ),
    personas: Object.fromEntries(
      bundledPersonas().map((file) => [digest(file.bytes), valueOf(readPersona(file))]),
    ),
  }
  const text = `${JSON.stringify(table, undefined, 1)}\n`
  await expect(text).toMatchFileSnapshot('../builtin/prebuilt.json')
})

test('a prebuilt pipeline is the pipeline that would be read, with the places of its own file', () => {
  for (const bundled of bundledPipelines()) {
    const file = { ...bundled, file: '.wave/pipelines/copy.yaml', origin: 'project' as const }
    const { locate, ...prebuilt } = valueOf(loadPipeline(file, BUNDLED_FILES))
    const { locate: locateRead, ...read } = valueOf(readPipeline(file, BUNDLED_FILES))
    expect(prebuilt).toEqual({ ...read, origin: 'project', digest: digest(file.bytes) })
    const path = ['steps', 0, 'persona']
    expect(locate?.(path)).toEqual(locateRead?.(path))
  }
})

test('a prebuilt persona is the persona that would be read', () => {
  for (const bundled of bundledPersonas()) {
    const file = { ...bundled, file: '.wave/personas/copy.md' }
    const { personas } = loadPersonas({ bundled: [], project: [file] })
    const read = valueOf(readPersona(file))
    expect(personas.get(file.name)).toEqual({
      ...read,
      origin: 'project',
      digest: digest(file.bytes),
    })
  }
})

test('a copy under another name is read, and refused for its name', () => {
  const [file] = bundledPipelines()
  if (file === undefined) throw new Error('no bundled pipeline')
  const loaded = loadPipeline({ ...file, name: 'other' }, BUNDLED_FILES)
  expect(loaded).toMatchObject({ ok: false, problems: [{ location: { line: 4, column: 9 } }] })
})
