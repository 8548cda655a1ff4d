/**
 * Loaded into `wave` before anything else, by a test: writes down every connection, name look-up and program
 * that the process starts, one JSON value per line, into the file that WAVE_TEST_RECORD names.
 */
import { ChildProcess } from 'node:child_process'
import dns from 'node:dns'
import { appendFileSync } from 'node:fs'
import { Socket } from 'node:net'

const file = process.env['WAVE_TEST_RECORD'] ?? ''

function record(kind: string, what: unknown): void {
  appendFileSync(file, `${JSON.stringify({ kind, what })}\n`)
}

/** Calls go on as before, after they were written down. */
function watch(
  target: object,
  name: string,
  kind: string,
  pick: (first: unknown) => unknown,
): void {
  const original: unknown = Reflect.get(target, name)
  if (typeof original !== 'function') throw new Error(`There is no ${name} to watch`)
  Reflect.set(target, name, function watched(this: unknown, ...args: readonly unknown[]): unknown {
    record(kind, pick(args[0]))
    return Reflect.apply(original, this, args)
  })
}

const field = (of: unknown, key: string): unknown =>
  typeof of === 'object' && of !== null ? Reflect.get(of, key) : undefined

watch(Socket.prototype, 'connect', 'connect', (options) => {
  const first: unknown = Array.isArray(options) ? options[0] : options
  return field(first, 'path') ?? `${String(field(first, 'host'))}:${String(field(first, 'port'))}`
})
watch(dns, 'lookup', 'lookup', (host) => host)
watch(ChildProcess.prototype, 'spawn', 'spawn', (options) => [
  field(options, 'file'),
  field(options, 'args'),
  field(options, 'envPairs'),
])
record('loaded', process.pid)
