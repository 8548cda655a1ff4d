import { createHash } from 'node:crypto'
import type { PipelineFile, Plan, ProjectFiles } from '@wave/core'
import type { ProjectConfig } from './config/schema.ts'

/** Remembers which of the project's files a plan was made from. */
export interface ProjectDigest {
  /** To be read through instead of the files themselves. */
  readonly files: ProjectFiles
  /** What was read, by path. */
  readonly read: ReadonlyMap<string, Uint8Array>
  /** The pipelines that were called, and how. */
  readonly calls: readonly FoundCall[]
  /** SHA-256, hex: the same files and settings give the same digest, one changed byte another. */
  of(plan: Plan, config: ProjectConfig): string
}

/** A call of a pipeline, and the file that it led to. */
interface FoundCall {
  readonly name: string
  /** The file of the caller. */
  readonly from: string
  readonly file: PipelineFile
}

export function createProjectDigest(files: ProjectFiles): ProjectDigest {
  const read = new Map<string, Uint8Array>()
  const calls: FoundCall[] = []
  return {
    read,
    calls,
    files: {
      read(path) {
        const bytes = files.read(path)
        if (bytes !== undefined) read.set(path, bytes)
        return bytes
      },
      pipeline(name, from) {
        const file = files.pipeline(name, from)
        if (file === undefined) return undefined
        read.set(file.file, file.bytes)
        calls.push({ name, from, file })
        return file
      },
      pipelineNames: () => files.pipelineNames?.() ?? [],
    },
    of(plan, config) {
      const used = new Map([...read].map(([path, bytes]) => [path, sha256(bytes)]))
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
