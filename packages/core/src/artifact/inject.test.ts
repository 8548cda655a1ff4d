import { expect, test } from 'vitest'
import type { InjectedArtifact } from '../ports.ts'
import { MemoryArtifactStore } from '../testing/memory-storage.ts'
import { injectArtifacts, injectFacts, inlineInputs } from './inject.ts'

function input(as: string, content: Uint8Array): InjectedArtifact {
  const ref = { digest: as, sizeBytes: content.length }
  return { as, type: 'text', ref, path: `/work/artifacts/${as}`, content, origin: 'a' }
}

const text = (size: number): Buffer => Buffer.alloc(size, 'x')

test('injected artifacts come from the store, in declaration order, under their alias', () => {
  const store = new MemoryArtifactStore()
  const ref = store.put(Buffer.from('found'))
  const inject = [
    { step: 'triage', artifact: 'report', as: 'facts' },
    { step: 'triage', artifact: 'absent', as: 'nothing' },
  ]
  const find = (step: string, name: string) =>
    step === 'triage' && name === 'report' ? { name, type: 'json' as const, ...ref } : undefined
  expect(injectArtifacts(inject, find, store)).toEqual([
    {
      as: 'facts',
      type: 'json',
      ref,
      path: '/work/artifacts/facts',
      content: new Uint8Array(Buffer.from('found')),
      origin: 'triage',
    },
  ])
})

test('facts are an input of their own', () => {
  const store = new MemoryArtifactStore()
  const types = ['{"a":1}', '# Facts'].map((facts) => injectFacts(Buffer.from(facts), store).type)
  expect(types).toEqual(['json', 'markdown'])
})

test('inputs are inlined in declaration order while they are text and fit', () => {
  const inputs = [
    input('a', text(16 * 1024)),
    input('too-large', text(16 * 1024 + 1)),
    input('no-text', Buffer.from([0xff, 0xfe])),
    input('b', text(16 * 1024)),
    input('c', text(16 * 1024)),
    input('d', text(16 * 1024 - 10)),
    input('over', text(11)),
    input('fits', text(10)),
  ]
  const inlined = inlineInputs(inputs).flatMap(({ artifact, inline }) =>
    inline ? artifact.as : [],
  )
  expect(inlined).toEqual(['a', 'b', 'c', 'd', 'fits'])
})
