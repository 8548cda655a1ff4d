import { readdirSync, readFileSync } from 'node:fs'
import type { PersonaFile } from './registry.ts'

// The same relative depth from src/ and from dist/.
const FOLDER = new URL('../../builtin/personas/', import.meta.url)

/** The personas that come with wave. */
export function bundledPersonas(): PersonaFile[] {
  return readdirSync(FOLDER)
    .filter((entry) => entry.endsWith('.md'))
    .toSorted()
    .map((entry) => ({
      file: `bundled/personas/${entry}`,
      name: entry.slice(0, -'.md'.length),
      bytes: readFileSync(new URL(entry, FOLDER)),
    }))
}
