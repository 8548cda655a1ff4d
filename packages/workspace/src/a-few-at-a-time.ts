/**
 * Runs work over many items, several at once: for what waits for the disk. After a failure nothing new is begun,
 * and it is thrown when all that was begun has ended.
 */
export async function aFewAtATime<Item, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const waiting = items.entries()
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    for (const [index, item] of waiting) {
      if (failures.length > 0) return
      try {
        results[index] = await work(item, index)
      } catch (cause) {
        failures.push(cause)
      }
    }
  }
  await Promise.all(Array.from({ length: MOST_AT_ONCE }, worker))
  if (failures.length > 0) throw failures[0]
  return results
}

/** File systems write out the changes of all who wait in one go. Each holds two files open at most. */
const MOST_AT_ONCE = 16
