import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArtifactRef } from '../events.ts'
import { makeDirectory, replaceFile } from '../run/journal/durable-fs.ts'

/**
 * What wave last wrote to each path of the project, so that a file which a person made or changed is
 * told apart. Lies beside the runs; losing it only means that more files are kept.
 */
export interface DeliveryRecord {
  get(path: string): ArtifactRef | undefined
  paths(): readonly string[]
  set(path: string, ref: ArtifactRef): void
  save(): void
}

export function loadDeliveryRecord(runs: string): DeliveryRecord {
  const file = join(runs, 'delivered.json')
  const entries = readEntries(file)
  let changed = false
  return {
    get: (path) => entries.get(path),
    paths: () => [...entries.keys()],
    set(path, { digest, sizeBytes }) {
      changed ||= entries.get(path)?.digest !== digest
      entries.set(path, { digest, sizeBytes })
    },
    save() {
      if (!changed) return
      makeDirectory(runs)
      const sorted = [...entries].toSorted(([left], [right]) => (left < right ? -1 : 1))
      replaceFile(file, Buffer.from(`${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`))
      changed = false
    },
  }
}

function readEntries(file: string): Map<string, ArtifactRef> {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof value !== 'object' || value === null) return new Map()
    return new Map(Object.entries(value).filter(isEntry))
  } catch {
    return new Map()
  }
}

function isEntry(entry: [string, unknown]): entry is [string, ArtifactRef] {
  const [, ref] = entry
  if (typeof ref !== 'object' || ref === null) return false
  if (!('digest' in ref) || !('sizeBytes' in ref)) return false
  return typeof ref.digest === 'string' && typeof ref.sizeBytes === 'number'
}
