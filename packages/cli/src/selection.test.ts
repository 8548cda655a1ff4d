import { describe, expect, test } from 'vitest'
import { sketchStep } from '@wave/core/testing'
import { type SelectionOptions, selectionOf } from './selection.ts'
import { named, richPipeline, text } from './testing/rich-pipeline.ts'

const CHAIN = named('chain', [
  sketchStep({ id: 'triage' }),
  sketchStep({
    id: 'look',
    dependencies: ['triage'],
    inject: [{ step: 'triage', artifact: 'facts', as: 'facts' }],
  }),
  sketchStep({ id: 'report', dependencies: ['look'] }),
  sketchStep({
    id: 'quote',
    dependencies: ['look'],
    task: text('{{ steps.look.artifacts.facts }}'),
  }),
])

function excluded(options: SelectionOptions): readonly string[] {
  return [...selectionOf(CHAIN, options).excluded]
}

describe('steps', () => {
  test('--steps leaves out the others, --exclude these; a step that only waits may remain', () => {
    expect(excluded({ steps: 'triage, look' })).toEqual(['report', 'quote'])
    expect(excluded({ exclude: ['quote', 'report'] })).toEqual(['quote', 'report'])
    expect(excluded({ steps: 'report' })).toEqual(['triage', 'look', 'quote'])
  })

  test.each<[SelectionOptions, string]>([
    [{ exclude: ['triage'] }, 'Step "look" needs what step "triage" makes'],
    [{ steps: 'quote' }, 'Step "quote" needs what step "look" makes'],
    [{ steps: 'lok' }, '--steps names the unknown step "lok".'],
    [{ exclude: ['nothing'] }, '--exclude names the unknown step "nothing".'],
    [{ steps: 'report', exclude: ['report'] }, 'No step is left to run.'],
  ])('%j is refused', (options, message) => {
    expect(() => excluded(options)).toThrow(message)
  })
})

describe('answers', () => {
  test('a gate is answered with one of its choices', () => {
    expect(selectionOf(richPipeline(), { answer: ['sign-off=y'] }).answers).toEqual({
      'sign-off': 'y',
    })
  })

  test.each([
    [['sign-off'], '--answer takes step=choice, not "sign-off".'],
    [['sign-off=maybe'], 'The gate "sign-off" has no choice "maybe".'],
    [['triage=y'], '--answer names "triage", which is no gate.'],
    [['sign-off=y', 'sign-off=n'], '--answer answers "sign-off" twice.'],
  ])('%j is refused', (answer, message) => {
    expect(() => selectionOf(richPipeline(), { answer })).toThrow(message)
  })
})
