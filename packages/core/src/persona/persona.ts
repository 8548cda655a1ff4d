import type { Effort } from '../agent/messages.ts'
import type { Location } from '../errors.ts'

/** Tools that permissions can name. `note` and `submit` are always there. */
export const TOOL_NAMES = ['read', 'grep', 'glob', 'history', 'bash', 'edit', 'write'] as const
export type ToolName = (typeof TOOL_NAMES)[number]

/** Entries as written: `tool`, `tool(glob)` or `*`, lower case. */
export interface Permissions {
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

/** A named role: system prompt, model, permissions. */
export interface Persona {
  readonly name: string
  readonly description: string
  /** The prompt, a template over `project.*`. */
  readonly prompt: string
  /** Where the prompt begins in its file. */
  readonly promptLocation?: Location
  readonly model: string | undefined
  readonly effort: Effort | undefined
  readonly permissions: Permissions
  /** Text of the `completed` line. */
  readonly message: string | undefined
  readonly origin: 'bundled' | 'project'
  /** Project-relative, or the bundled file's name. */
  readonly file: string
  /** SHA-256, hex, of the file. */
  readonly digest: string
}
