import type { Problem } from '../errors.ts'
import type { Persona } from './persona.ts'

/** One persona file as read from disk or from the package. */
export interface PersonaFile {
  /** As shown to the user: `.wave/personas/auditor.md`. */
  readonly file: string
  /** The file's base name, without `.md`. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** Every persona by name. A project's persona hides the bundled one of the same name. */
export function loadPersonas(_files: {
  readonly bundled: readonly PersonaFile[]
  readonly project: readonly PersonaFile[]
}): { readonly personas: ReadonlyMap<string, Persona>; readonly problems: readonly Problem[] } {
  throw new Error('Internal error: not written yet')
}
