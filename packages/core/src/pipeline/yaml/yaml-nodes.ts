import type { Pair } from 'yaml'
import { loadYaml } from '../../lazy.ts'

/** What a YAML key says, when it is a plain scalar. */
export function keyText(pair: Pair): string | undefined {
  const { isScalar } = loadYaml()
  return isScalar(pair.key) ? String(pair.key.value) : undefined
}

/** Where a node begins in the text. */
export function offsetOf(node: unknown): number {
  return loadYaml().isNode(node) ? (node.range?.[0] ?? 0) : 0
}
