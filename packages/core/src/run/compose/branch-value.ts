/** What a branch looks for among its cases. The last line break of an output is no part of the answer. */
export function branchValue(decided: unknown): string {
  return String(decided).replace(/\r?\n$/u, '')
}
