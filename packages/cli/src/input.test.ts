import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type InputForms, readInput, requireInput } from './input.ts'

const cwd = mkdtempSync(join(tmpdir(), 'wave-input-'))
writeFileSync(join(cwd, 'symptom.txt'), '500s {{ x }} $&\n')
writeFileSync(join(cwd, 'binary'), Buffer.from([0xff, 0xfe, 0x00]))

function read(forms: Partial<InputForms>, typed = 'from stdin\n'): Promise<string> {
  const stdin = { isTerminal: false, read: () => Promise.resolve(Buffer.from(typed)) }
  return readInput(
    { argument: undefined, data: undefined, file: undefined, ...forms },
    { cwd, stdin },
  )
}

test.each<[Partial<InputForms>, string]>([
  [
    { argument: ' new deployment instructions {{ artifacts.x }} $& ' },
    ' new deployment instructions {{ artifacts.x }} $& ',
  ],
  [{ argument: '-' }, 'from stdin\n'],
  [{ data: 'text' }, 'text'],
  [{ data: '@-' }, 'from stdin\n'],
  [{ data: '@symptom.txt' }, '500s {{ x }} $&\n'],
  [{ data: '@@x' }, '@x'],
  [{ file: 'symptom.txt' }, '500s {{ x }} $&\n'],
  [{ file: '-' }, 'from stdin\n'],
  [{ argument: '@symptom.txt' }, '@symptom.txt'],
  [{}, ''],
])('%j arrives unchanged', async (forms, expected) => {
  expect(await read(forms)).toBe(expected)
})

test('two forms at once are an error', async () => {
  await expect(read({ argument: 'a', data: 'b' })).rejects.toMatchObject({ code: 'usage' })
})

test('more than 1 MiB is refused, whatever the form, and exactly 1 MiB is not', async () => {
  const large = 'x'.repeat(1024 * 1024 + 1)
  writeFileSync(join(cwd, 'large.txt'), large)
  await expect(read({ argument: large })).rejects.toMatchObject({ code: 'input-too-large' })
  await expect(read({ argument: '-' }, large)).rejects.toMatchObject({ code: 'input-too-large' })
  await expect(read({ file: 'large.txt' })).rejects.toMatchObject({ code: 'input-too-large' })
  expect(await read({ argument: large.slice(1) })).toHaveLength(1024 * 1024)
})

test('a missing file, a folder and bytes that are no text are told', async () => {
  await expect(read({ file: 'nowhere.txt' })).rejects.toMatchObject({ code: 'usage' })
  await expect(read({ file: '.' })).rejects.toMatchObject({ code: 'usage' })
  await expect(read({ file: 'binary' })).rejects.toMatchObject({ code: 'usage' })
})

test('an empty input is refused with the example of the pipeline', () => {
  const input = { source: 'cli', type: 'string', example: '500s on /orders' } as const
  const pipeline = { name: 'incident-response', input }
  expect(() => requireInput(' \n', pipeline)).toThrow(
    expect.objectContaining({
      code: 'input-missing',
      hint: 'For example: wave run incident-response "500s on /orders"',
    }),
  )
  expect(() => requireInput('x', pipeline)).not.toThrow()
})

test.each([
  [undefined, 'json', `'{"key": "value"}'`],
  [`{"it's": "$HOME"}`, 'json', String.raw`'{"it'\''s": "$HOME"}'`],
  ["orders don't load", 'string', `"orders don't load"`],
] as const)('the example %s of an input of type %s is a word of a shell', (example, type, word) => {
  const pipeline = { name: 'p', input: { source: 'cli', type, example } } as const
  expect(() => requireInput('', pipeline)).toThrow(
    expect.objectContaining({ hint: `For example: wave run p ${word}` }),
  )
})
