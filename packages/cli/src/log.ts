import { chmodSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Redactor } from '@wave/core/redaction'
import { escapeJson } from './sanitise.ts'

/** Diagnostics for whoever looks for a fault; never part of the output. */
export interface Log {
  write(level: LogLevel, message: string, facts?: object): void
}

const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const
type LogLevel = (typeof LOG_LEVELS)[number]

export interface LogOptions {
  readonly dataDir: string
  /** On standard error instead of in a file. */
  readonly toStderr: boolean
  readonly level: string | undefined
  readonly redact: Redactor
}

/** Synchronous, so that the last line before a crash is there. A log that cannot be opened is no log. */
export async function openLog(options: LogOptions): Promise<Log> {
  try {
    const { pino } = await import('pino')
    const destination = options.toStderr
      ? pino.destination({ fd: 2, sync: true })
      : pino.destination({ dest: openFile(options.dataDir), sync: true, append: true, mode: 0o600 })
    const redacted = {
      write: (line: string) => {
        destination.write(`${escapeJson(options.redact(line).trimEnd())}\n`)
      },
    }
    const level = LOG_LEVELS.find((known) => known === options.level) ?? 'info'
    const logger = pino({ level, base: null }, redacted)
    return { write: (at, message, facts = {}) => logger[at](facts, message) }
  } catch {
    return { write: () => {} }
  }
}

export function logFile(dataDir: string): string {
  return join(dataDir, 'logs', 'wave.log')
}

function openFile(dataDir: string): string {
  const file = logFile(dataDir)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  chmodSync(dirname(file), 0o700)
  return file
}
