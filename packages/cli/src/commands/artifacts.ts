import { basename, resolve } from 'node:path'
import { WaveError } from '@wave/core/language'
import { StoredBytes } from '@wave/core/runs'
import type { Invocation } from '../invocation.ts'
import { renderRows } from '../render/rows.ts'
import { chooseArtifact, listArtifacts, type ListedArtifact } from '../runs/artifact-list.ts'
import { showSize } from '../runs/cells.ts'
import { openRun } from '../runs/open-runs.ts'
import { printContent } from '../runs/print-content.ts'
import { escapeJson, escapeName } from '../sanitise.ts'

interface ArtifactsOptions {
  readonly export?: string
}

/** What the completed steps of a run made: as a list, as files in a folder, or one of them as it is. */
export async function artifacts(
  invocation: Invocation,
  options: ArtifactsOptions,
  [prefix = '', wanted]: readonly string[],
): Promise<number> {
  const { output, directory } = await openRun(invocation, prefix)
  const found = listArtifacts(directory)
  if (wanted !== undefined) {
    if (options.export !== undefined) {
      throw new WaveError('usage', '--export takes all artifacts of a run, not one.')
    }
    const artifact = chooseArtifact(found, wanted, directory)
    const content = new StoredBytes(directory).get(artifact)
    printContent(invocation, { output, directory, artifact, content })
    return 0
  }
  if (options.export !== undefined) {
    await exportAll(invocation, { found, directory, folder: options.export, output })
    return 0
  }
  const { out } = invocation.host
  if (output === 'json') {
    const all = { v: 1, run: basename(directory), artifacts: found.map(artifactToJson) }
    out.write(`${escapeJson(JSON.stringify(all))}\n`)
  } else {
    out.write(found.length === 0 ? NONE : renderList(found))
  }
  return 0
}

const NONE = 'No step of this run has completed with an artifact.\n'

async function exportAll(
  { host, cwd }: Invocation,
  job: {
    readonly found: readonly ListedArtifact[]
    readonly directory: string
    readonly folder: string
    readonly output: string
  },
): Promise<void> {
  const { exportArtifacts } = await import('../runs/export-artifacts.ts')
  const folder = resolve(cwd, job.folder)
  const files = exportArtifacts(job.directory, job.found, folder)
  if (job.output === 'json') {
    const all = { v: 1, run: basename(job.directory), folder, files }
    host.out.write(`${escapeJson(JSON.stringify(all))}\n`)
  } else if (job.output !== 'quiet') {
    const rows = files.map(({ path, wasThere }) => [escapeName(path), wasThere ? 'was there' : ''])
    host.out.write(renderRows(rows, ''))
  }
}

function renderList(found: readonly ListedArtifact[]): string {
  if (found.length === 0) return 'No step of this run has completed with an artifact.\n'
  const rows = found.map(({ step, name, type, sizeBytes, digest, delivered }) => [
    step,
    name,
    type,
    showSize(sizeBytes),
    digest.slice(0, 12),
    delivered === undefined ? '-' : escapeName(delivered),
  ])
  return renderRows([['step', 'name', 'type', 'size', 'digest', 'delivered to'], ...rows], '')
}

function artifactToJson(artifact: ListedArtifact): object {
  const { step, name, path, type, sizeBytes, digest, delivered } = artifact
  return { step, name, path, type, sizeBytes, digest, delivered: delivered ?? null }
}
