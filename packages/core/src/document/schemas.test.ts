import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { bundledPersonas } from '../persona/bundled.ts'
import { bundledPipelines } from '../pipeline/bundled.ts'
import { parseYaml } from '../pipeline/yaml/yaml-file.ts'
import { languageSchemas, type SchemaFile } from './schemas.ts'

const BUILTIN = '../../builtin/schema'

test.each(languageSchemas())(
  '$name is published as it is (after a change: vitest run schemas -u)',
  async ({ name, text }) => {
    await expect(text).toMatchFileSnapshot(`${BUILTIN}/${name}`)
  },
)

test.each(languageSchemas())('$name is a schema that every editor can compile', (file) => {
  expect(compile(file)).toBeTypeOf('function')
})

describe('the schemas accept what wave accepts', () => {
  test.each(bundledPipelines())('$name', ({ bytes }) => {
    expect(problemsOf('wave-pipeline', fromYaml(bytes))).toEqual([])
  })

  test('the pipeline of the incident response page', () => {
    const page = fixture('incident-response/page.yaml')
    expect(problemsOf('wave-pipeline', fromYaml(page))).toEqual([])
  })

  test('the workflow of the incident response workflow page', () => {
    const page = fixture('workflow-v2/incident_response.yaml')
    expect(problemsOf('workflow-v2', fromYaml(page))).toEqual([])
  })

  test.each(bundledPersonas())('$name', ({ bytes }) => {
    const [, front = ''] = Buffer.from(bytes).toString().split('---\n')
    expect(problemsOf('persona', fromYaml(Buffer.from(front)))).toEqual([])
  })
})

describe('the schemas refuse what wave refuses', () => {
  test.each([
    ['wave-pipeline', { metadata: { name: 'x' }, steps: [{ id: 'a', persna: 'b' }] }],
    ['wave-pipeline', { metadata: { name: 'X' }, steps: [{ id: 'a' }] }],
    ['wave-pipeline', { metadata: { name: 'x' }, steps: [] }],
    [
      'wave-pipeline',
      {
        metadata: { name: 'x' },
        steps: [{ id: 'a', loop: { max_iterations: 2, steps: [{ id: 'b', persna: 'c' }] } }],
      },
    ],
    ['workflow-v2', { $schema: 'workflow/v2', name: 'x', version: '1', steps: [{ name: 'a' }] }],
    ['persona', { description: 'x', temperature: 1 }],
  ])('%s: %j', (schema, value) => {
    expect(problemsOf(schema, value)).not.toEqual([])
  })
})

function compile({ text }: SchemaFile) {
  const schema: object = JSON.parse(text)
  return new Ajv2020({ strict: true, allErrors: true }).compile(schema)
}

function problemsOf(name: string, value: unknown): readonly string[] {
  const file = languageSchemas().find((one) => one.name === `${name}.schema.json`)
  if (file === undefined) throw new Error(`There is no schema ${name}`)
  const validate = compile(file)
  validate(value)
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`)
}

function fromYaml(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes).toString()
  const yaml = parseYaml({ file: 'x.yaml', text, code: 'pipeline-invalid' })
  if (!yaml.ok) throw new Error(JSON.stringify(yaml.problems))
  return yaml.value.toJs(yaml.value.root)
}

function fixture(path: string): Uint8Array {
  return readFileSync(new URL(`../../../../test/fixtures/${path}`, import.meta.url))
}
