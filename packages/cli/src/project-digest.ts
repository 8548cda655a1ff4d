import { createHash } from 'node:crypto'
import type { Plan, ProjectFiles } from '@wave/core'
import type { ProjectConfig } from './config/schema.ts'

/** Remembers which of the project's files a plan was made from. */
export interface ProjectDigest {
  /** To be read through instead of the files themselves. */
  readonly files: ProjectFiles
  /** SHA-256, hex: the same files and settings give the same digest, one changed byte another. */
  of(plan: Plan, config: ProjectConfig): string
}

export function createProjectDigest(files: ProjectFiles): ProjectDigest {
  const read = new Map<string, string>()
  return {
    files: {
      read(path) {
        const bytes = files.read(path)
        if (bytes !== undefined) read.set(path, sha256(bytes))
        return bytes
      },
      pipeline(name, from) {
        const found = files.pipeline(name, from)
        if (found !== undefined) read.set(found.file, sha256(found.bytes))
        return found
      },
      pipelineNames: () => files.pipelineNames?.() ?? [],
    },
    of(plan, config) {
      const used = new Map(read)
      used.set(plan.pipeline.file, plan.pipeline.digest)
      for (const { persona } of plan.steps) {
        if (persona !== undefined) used.set(persona.file, persona.digest)
      }
      used.set('config', sha256(Buffer.from(JSON.stringify(config))))
      return sha256(Buffer.from(JSON.stringify([...used].toSorted(byPath))))
    },
  }
}

function byPath([left]: readonly [string, string], [right]: readonly [string, string]): number {
  return left < right ? -1 : 1
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
