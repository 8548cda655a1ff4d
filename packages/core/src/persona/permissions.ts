import type { Permissions, ToolName } from './persona.ts'

/**
 * Whether a call is permitted: every list that is present allows it and none denies it. The subject
 * is the path, or the command line of `bash`.
 */
export function isAllowed(
  _permissions: readonly (Permissions | undefined)[],
  _tool: ToolName,
  _subject: string,
): boolean {
  throw new Error('Internal error: not written yet')
}

/** The tools with at least one permitted call, in the order of TOOL_NAMES. */
export function offeredTools(_permissions: readonly (Permissions | undefined)[]): ToolName[] {
  throw new Error('Internal error: not written yet')
}
