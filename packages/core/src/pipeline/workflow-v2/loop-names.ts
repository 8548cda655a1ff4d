import type { Pipeline, Template } from '../pipeline.ts'
import type { Segment } from '../template/template-names.ts'

export type LoopKind = 'refine' | 'iterate'

/** Names that a loop gives to its `with` and to what it calls. */
const NAMES: Readonly<Record<LoopKind, readonly string[]>> = {
  refine: ['loop.iteration', 'loop.index', 'loop.output', 'loop.last.output', 'loop.history'],
  iterate: [
    'item',
    'index',
    'loop.item',
    'loop.current',
    'loop.index',
    'loop.iteration',
    'loop.count',
    'loop.total',
  ],
}

/** Whether a loop of this kind knows the name. Fields of an item are known only when there is one. */
export function isLoopName(path: readonly Segment[], kind: LoopKind): boolean {
  const written = path.map(String).join('.')
  return NAMES[kind].some(
    (name) => name === written || (isItem(name) && written.startsWith(`${name}.`)),
  )
}

export function loopNames(kind: LoopKind): readonly string[] {
  return NAMES[kind]
}

/** The key of `env` under which a called workflow finds a name of the loop that calls it. */
export function handedKey(path: readonly Segment[]): string {
  return `wave_${path.map(String).join('_')}`
}

/** What a loop hands to the workflow that it calls: only what that reads. */
export function handedValues(
  child: Pipeline,
  kind: LoopKind,
  write: (text: string) => Template,
): Readonly<Record<string, Template>> {
  const read = NAMES[kind].filter((name) => Object.hasOwn(child.env, handedKey(name.split('.'))))
  return Object.fromEntries(
    read.map((name) => [handedKey(name.split('.')), write(`{{ ${name} }}`)]),
  )
}

function isItem(name: string): boolean {
  return name === 'item' || name === 'loop.item' || name === 'loop.current'
}
