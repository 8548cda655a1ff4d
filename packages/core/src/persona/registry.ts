import { createHash } from 'node:crypto'
import type { Problem } from '../errors.ts'
import { loadReading } from '../lazy.ts'
import { prebuilt } from '../prebuilt.ts'
import type { Persona } from './persona.ts'

/** One persona file as read from disk or from the package. */
export interface PersonaFile {
  /** As shown to the user: `.wave/personas/auditor.md`. */
  readonly file: string
  /** The file's base name, without `.md`. */
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * Every persona by name. A project's persona hides the bundled one of the same name, also when it
 * cannot be read: its problems say why it is missing.
 */
export function loadPersonas(files: {
  readonly bundled: readonly PersonaFile[]
  readonly project: readonly PersonaFile[]
}): { readonly personas: ReadonlyMap<string, Persona>; readonly problems: readonly Problem[] } {
  const personas = new Map<string, Persona>()
  const problems: Problem[] = []
  for (const origin of ['bundled', 'project'] as const) {
    for (const file of files[origin]) {
      personas.delete(file.name)
      const digest = createHash('sha256').update(file.bytes).digest('hex')
      const known = prebuilt().personas[digest]
      const read =
        known?.name === file.name ? standAt(known, file) : loadReading().readPersona(file)
      if (read.ok) personas.set(file.name, { ...read.value, origin, digest })
      else problems.push(...read.problems)
    }
  }
  return { personas, problems }
}

/** What a persona file says, without what only its source knows. */
export type PersonaContent = Omit<Persona, 'origin' | 'digest'>

/** A prebuilt persona, as if it had been read from this file. */
function standAt(
  content: PersonaContent,
  { file }: PersonaFile,
): { readonly ok: true; readonly value: PersonaContent } {
  const promptLocation = { line: 1, column: 1, ...content.promptLocation, file }
  return { ok: true, value: { ...content, file, promptLocation } }
}
