/** Bounds of one investigation: whatever the input, it ends within seconds and in bounded memory. */
export const LIMITS = {
  inputChars: 1_048_576,
  /** Longer lines are read in pieces of this many characters. */
  pieceChars: 2_000,
  frameLines: 3_000,
  frames: 200,
  signalsPerKind: 40,
  proseLinesForDates: 40,
  queryTerms: 200,
  scannedFiles: 20_000,
  scannedFileBytes: 262_144,
  scannedBytes: 67_108_864,
  commits: 300,
  diffChars: 120_000,
  diffFiles: 40,
  blamedFrames: 6,
  suspectFiles: 20,
  suspectCommits: 10,
  revertChecks: 3,
  concurrency: 8,
} as const

/** Maps with at most `LIMITS.concurrency` calls under way; results keep the order of the input. */
export async function mapBounded<In, Out>(
  values: readonly In[],
  map: (value: In) => Promise<Out>,
): Promise<Out[]> {
  const results: Out[] = []
  const entries = values.entries()
  const worker = async (): Promise<void> => {
    for (const [index, value] of entries) results[index] = await map(value)
  }
  await Promise.all(Array.from({ length: LIMITS.concurrency }, worker))
  return results
}
