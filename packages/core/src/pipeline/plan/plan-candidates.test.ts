import { expect, test } from 'vitest'
import { WaveError } from '../../errors.ts'
import type { ResolvedModel } from '../../ports.ts'
import { ScriptedModel } from '../../testing/scripted-model.ts'
import { planYaml } from '../../testing/yaml-plan.ts'
import type { Plan } from './plan.ts'

const LIST = `$schema: workflow/v2.0
name: flow
version: 1
execution:
  providers: [{provider: nowhere, model: m1}, {provider: known, model: m2}, {provider: keyless, model: m3}]
steps:
  - {name: ask, run: "Ask."}
`

function resolveModel(name: string | undefined): ResolvedModel | undefined {
  const [provider = '', model = ''] = name?.split('/') ?? []
  if (provider === 'keyless') throw new WaveError('provider-missing', 'The key is missing.')
  return provider === 'known' ? new ScriptedModel([]).resolved({ provider, model }) : undefined
}

function plan(text: string): Plan {
  return planYaml(text, {}, { resolveModel })
}

function thrownBy(text: string): unknown {
  try {
    plan(text)
  } catch (error) {
    return error
  }
  return undefined
}

test('Candidates of a workflow that the user does not have are dropped with a warning', () => {
  const { steps, pipeline } = plan(LIST)
  expect(steps[0]?.models.map(({ model }) => model)).toEqual(['m2'])
  const told = pipeline.notices.filter(({ code }) => code === 'provider-missing')
  expect(told.map(({ message }) => message)).toEqual([
    'Step "ask" goes without "nowhere/m1": your configuration knows no such model.',
    'Step "ask" goes without "keyless/m3": The key is missing.',
  ])
  expect(told.map(({ location }) => location?.line)).toEqual([7, 7])
})

test.each([
  ['that is unknown', '{provider: nowhere, model: m1}', 'unknown model "nowhere/m1"'],
  ['that has no key', '{provider: keyless, model: m3}', 'The key is missing.'],
])('The last candidate %s is exit code 4', (_, candidate, message) => {
  const error = thrownBy(LIST.replace(/providers: .*/u, `providers: [${candidate}]`))
  expect(error).toMatchObject({ exitCode: 4, message: expect.stringContaining(message) })
})

test('A pipeline of our own names only what the user has', () => {
  const own = `kind: WavePipeline
metadata: {name: p}
steps:
  - {id: a, persona: auditor, exec: {source: x}, model: {name: known/m, fallbacks: [nowhere/m]}}
`
  expect(thrownBy(own)).toMatchObject({ exitCode: 4 })
})
