import { posix } from 'node:path'
import { suggestionHint } from '../suggest.ts'
import { matchesPath, matchesText } from './glob.ts'
import { TOOL_NAMES } from './persona.ts'
import type { Permissions, ToolName } from './persona.ts'

/**
 * Whether a call is permitted: every list that is present allows it and none denies it. The subject
 * is the command line of `bash`, else a path, absolute or relative to the mount target; globs match
 * either form.
 */
export function isAllowed(
  permissions: readonly (Permissions | undefined)[],
  tool: ToolName,
  subject: string,
  mountTarget = '/src',
): boolean {
  const forms = tool === 'bash' ? [subject] : formsOf(subject, mountTarget)
  return permissions.every((list) => {
    if (list === undefined) return true
    if (list.deny.some((entry) => forms.some((form) => denies(entry, tool, form)))) return false
    return list.allow.some((entry) => forms.some((form) => allows(entry, tool, form)))
  })
}

/** Whether an entry permits or denies the tool for some paths or commands only. */
export function isLimited(
  permissions: readonly (Permissions | undefined)[],
  tool: ToolName,
): boolean {
  return permissions.some((list) =>
    [...(list?.allow ?? []), ...(list?.deny ?? [])].some(
      (entry) => covers(entry, tool) && !isUnlimited(entry),
    ),
  )
}

/** The tools with at least one permitted call, in the order of TOOL_NAMES. */
export function offeredTools(permissions: readonly (Permissions | undefined)[]): ToolName[] {
  return TOOL_NAMES.filter((tool) =>
    permissions.every((list) => {
      if (list === undefined) return true
      const isDenied = list.deny.some((entry) => covers(entry, tool) && isUnlimited(entry))
      return !isDenied && list.allow.some((entry) => covers(entry, tool))
    }),
  )
}

export type ParsedEntry =
  | { readonly ok: true; readonly entry: string }
  | { readonly ok: false; readonly message: string; readonly hint: string | undefined }

/** Brings an entry as written into the form of `Permissions`, or says what is wrong with it. */
export function parseEntry(written: string): ParsedEntry {
  const text = written.trim()
  if (text === '*') return { ok: true, entry: '*' }
  const [, name = '', glob] = /^([A-Za-z_-]+)(?:\((.*)\))?$/su.exec(text) ?? []
  const tool = TOOL_NAMES.find((known) => known === name.toLowerCase())
  if (tool === undefined) {
    const hint = suggestionHint((name === '' ? text : name).toLowerCase(), TOOL_NAMES, 'tools')
    return { ok: false, message: `names the unknown tool "${name === '' ? text : name}"`, hint }
  }
  if (glob === undefined) return { ok: true, entry: tool }
  if (glob.trim() === '')
    return { ok: false, message: `has an empty glob: "${text}"`, hint: undefined }
  if (tool !== 'bash' && /[{}[\]!]/u.test(glob)) {
    const hint = 'A glob of a path knows *, ** and ? only.'
    return { ok: false, message: `has the glob "${glob}", which cannot be read`, hint }
  }
  return { ok: true, entry: `${tool}(${glob})` }
}

function formsOf(path: string, mountTarget: string): readonly string[] {
  const absolute = posix.resolve(mountTarget, path)
  const relative = posix.relative(mountTarget, absolute)
  return relative.startsWith('../') || relative === '..' ? [absolute] : [absolute, relative]
}

function allows(entry: string, tool: ToolName, subject: string): boolean {
  if (!covers(entry, tool)) return false
  if (isUnlimited(entry)) return true
  const glob = globOf(entry)
  if (tool === 'bash') return isSimpleCommand(subject) && matchesText(glob, subject.trim())
  return matchesPath(glob, subject)
}

/** Wider than `allows`: one part of a compound command is enough. */
function denies(entry: string, tool: ToolName, subject: string): boolean {
  if (!covers(entry, tool)) return false
  if (isUnlimited(entry)) return true
  const glob = globOf(entry)
  if (tool !== 'bash') return matchesPath(glob, subject)
  const parts = subject.split(/[;&|<>`()\r\n]/u)
  return [subject, ...parts].some((part) => matchesText(glob, part.trim()))
}

function covers(entry: string, tool: ToolName): boolean {
  return entry === '*' || entry === tool || entry.startsWith(`${tool}(`)
}

function isUnlimited(entry: string): boolean {
  return !entry.includes('(') || entry.endsWith('(*)') || entry.endsWith('(**)')
}

function globOf(entry: string): string {
  return entry.slice(entry.indexOf('(') + 1, -1)
}

/** One command with its words: nothing that starts, feeds or names another one. */
function isSimpleCommand(line: string): boolean {
  return !/[;&|<>`\r\n]|\$[({]/u.test(line)
}
