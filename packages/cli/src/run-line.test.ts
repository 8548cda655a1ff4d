import { CommanderError } from 'commander'
import { array, assert, constantFrom, oneof, property } from 'fast-check'
import { expect, test } from 'vitest'
import { createProgram } from './program.ts'
import { readRunLine, type RunLine } from './run-line.ts'

/** What commander makes of a line: undefined when it refuses it. */
function readWithCommander(argv: readonly string[]): RunLine | undefined {
  const program = createProgram({
    host: host(),
    version: '0.0.0',
    done: () => {},
  })
  let read: RunLine | undefined
  const command = program.commands.find((known) => known.name() === 'run')
  command?.action(() => {
    read = { options: command.optsWithGlobals(), words: command.args }
  })
  try {
    program.parse(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
  }
  return read
}

function host(): Parameters<typeof createProgram>[0]['host'] {
  const sink = { write: () => {}, isTerminal: false, columns: 80 }
  return {
    cwd: '/',
    env: {},
    out: sink,
    err: sink,
    stdin: { isTerminal: false, read: () => Promise.resolve(new Uint8Array()) },
    writeBytes: () => {},
    redact: (text) => text,
    hideVariables: () => {},
    catchSignals: () => {
      throw new Error('not in this test')
    },
    flush: () => Promise.resolve(),
  }
}

const ARGUMENT = oneof(
  constantFrom('incident-response', 'run', 'list', 'x', '', '-', '-1', '--', 'a b', '@-', '@@x'),
  constantFrom('-n', '--dry-run', '--dry-run=1', '--apply', '--inconclusive-ok', '-nq', '-n=1'),
  constantFrom('--json', '-q', '--quiet', '-y', '--yes', '--no-color', '--no-input', '--color'),
  constantFrom('-o', '-ojson', '--output', '--output=json', '--output=', '--log-level', 'json'),
  constantFrom('--input-data', '--input-file', '--input-data=--json', '--provider', '--model'),
  constantFrom('--input', 'a=b=c', '--answer', '--steps', 'a,b', '-x', '--exclude', '--workflow'),
  constantFrom('--max-usd', '--max-tokens', '--timeout', '15m', '--report', '--config'),
  constantFrom('-v', '-vv', '-C', '-C/', '--sandbox', 'docker', '-h', '--help', '--version'),
)

test('a line that is read without commander is read as commander reads it', () => {
  let readings = 0
  assert(
    property(array(ARGUMENT, { maxLength: 6 }), (args) => {
      const line = readRunLine(['run', ...args])
      if (line === undefined) return
      readings += 1
      expect(line).toEqual(readWithCommander(['run', ...args]))
    }),
    { numRuns: 3000 },
  )
  expect(readings).toBeGreaterThan(100)
})

test.each([
  ['incident-response', 'x', '--dry-run'],
  ['incident-response', '--input-data', '-', '-q', '--no-color', '--max-usd', '1'],
  ['-n', '--model=a/b', '-o', 'json', 'incident-response'],
])('run %s %s %s needs no commander', (...args) => {
  const line = readRunLine(['run', ...args])
  expect(line).toBeDefined()
  expect(line).toEqual(readWithCommander(['run', ...args]))
})

test.each([
  ['list'],
  ['--json', 'run'],
  ['run', '--dryrun'],
  ['run', '--help'],
  ['run', '-vv'],
  ['run', '--sandbox', 'vm'],
  ['run', '--offline'],
  ['run', '--model'],
  ['run', 'a', 'b', 'c'],
])('%s %s is left to commander', (...argv) => {
  expect(readRunLine(argv)).toBeUndefined()
})
