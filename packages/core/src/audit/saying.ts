import type { ArtifactRef, NewRunEvent, RunEvent, StoredArtifact } from '../events.ts'
import type { Acquaintance } from './acquaintance.ts'
import type { AuditEntry, AuditRef } from './audit-entry.ts'

/** Every event by its type. */
export type Events = {
  readonly [Type in NewRunEvent['type']]: Extract<RunEvent, { readonly type: Type }>
}

/** What an entry says beyond where it comes from. */
export interface Said extends Pick<AuditEntry, 'actor' | 'action' | 'result'> {
  readonly inputs?: readonly AuditRef[]
  readonly outputs?: readonly AuditRef[]
}

/** What each type of event says. */
export type Sayers<Type extends keyof Events> = {
  readonly [Each in Type]: (event: Events[Each], known: Acquaintance) => readonly Said[]
}

export const WAVE = { kind: 'wave', name: 'wave' } as const

export function named(name: string, { digest, sizeBytes }: ArtifactRef): AuditRef {
  return { name, digest, sizeBytes }
}

export function artifactNamed(artifact: StoredArtifact): AuditRef {
  return named(artifact.path, artifact)
}

/** Left out when there is nothing. */
export function resultOf(parts: readonly (string | undefined)[]): { readonly result?: string } {
  const told = parts.filter((part) => part !== undefined && part !== '')
  return told.length === 0 ? {} : { result: told.join('; ') }
}
