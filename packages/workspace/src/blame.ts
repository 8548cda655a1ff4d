import type { BlameLine } from '@wave/core'

/** Reads `git blame --porcelain`: header lines, then the text behind a tab. `naming` may rename commits. */
export function parseBlame(output: Buffer, naming: (commit: string) => string): BlameLine[] {
  const lines: BlameLine[] = []
  let current = { commit: '', line: 0 }
  for (const row of output.toString().split('\n')) {
    if (row.startsWith('\t')) lines.push({ ...current, text: row.slice(1) })
    const header = /^([0-9a-f]{40,64}) \d+ (\d+)/.exec(row)
    if (header !== null) current = { commit: naming(header[1] ?? ''), line: Number(header[2]) }
  }
  return lines
}
