import { readFileSync } from 'node:fs'
import type { PersonaContent } from './persona/registry.ts'
import type { PipelineContent } from './pipeline/read/read-pipeline.ts'

// The same relative depth from src/ and from dist/.
const FILE = new URL('../builtin/prebuilt.json', import.meta.url)

/** Bundled files in the form that reading them gives, by the SHA-256 of their bytes. */
export interface Prebuilt {
  readonly pipelines: Readonly<Record<string, PipelineContent>>
  readonly personas: Readonly<Record<string, PersonaContent>>
}

/**
 * What reading the bundled files gives, so that a run of a bundled pipeline, or of an unchanged copy,
 * starts without a YAML parser. Made by its test (`vitest run prebuilt -u`); a stale entry is never found.
 */
export function prebuilt(): Prebuilt {
  table ??= readTable()
  return table
}

let table: Prebuilt | undefined

function readTable(): Prebuilt {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return EMPTY
    throw error
  }
}

const EMPTY: Prebuilt = { pipelines: {}, personas: {} }
