import { sanitiseLine } from '../sanitise.ts'

/** Columns as wide as their widest cell, two spaces apart, nothing cut. */
export function renderRows(rows: readonly (readonly string[])[], indent: string): string {
  const clean = rows.map((row) => row.map(sanitiseLine))
  const widths: number[] = []
  for (const row of clean) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, cell.length)
    }
  }
  return clean
    .map((row) => row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  '))
    .map((line) => `${indent}${line}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('')
}
