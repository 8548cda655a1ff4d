import type { Shape } from '../../pipeline/schema/shape.ts'
import { type Choices, isMap, type Tree, type TreeMap } from './choices.ts'

/** Adds a key that the language knows at this place, with a value of the type that it takes there. */
export function addKnownKey(root: TreeMap, whole: Shape, choices: Choices): void {
  const { map, properties } = choices.pick(mapsOf(root, whole, whole))
  const key = choices.pick(Object.keys(properties))
  const shape = properties[key]
  if (shape !== undefined) map[key] = valueOf(shape, { whole, depth: 0 }, choices)
}

interface ShapedMap {
  readonly map: TreeMap
  readonly properties: Readonly<Record<string, Shape>>
}

function mapsOf(tree: Tree, shapeOrRef: Shape, whole: Shape): readonly ShapedMap[] {
  const shape = partOf(shapeOrRef, whole)
  const { items, properties = {} } = shape
  if (Array.isArray(tree)) {
    return items === undefined ? [] : tree.flatMap((item) => mapsOf(item, items, whole))
  }
  if (!isMap(tree)) return []
  const below = Object.entries(tree).flatMap(([key, value]) => {
    const inner = Object.hasOwn(properties, key) ? properties[key] : undefined
    return inner === undefined ? [] : mapsOf(value, inner, whole)
  })
  return Object.keys(properties).length === 0 ? below : [{ map: tree, properties }, ...below]
}

interface Around {
  readonly whole: Shape
  readonly depth: number
}

function valueOf(shapeOrRef: Shape, { whole, depth }: Around, choices: Choices): Tree {
  const shape = partOf(shapeOrRef, whole)
  const inner: Around = { whole, depth: depth + 1 }
  if (shape.anyOf !== undefined) return valueOf(choices.pick(shape.anyOf), inner, choices)
  if (shape.enum !== undefined) return choices.pick(shape.enum)
  if (shape.type === 'object') return mapOf(shape, inner, choices)
  if (shape.type === 'array') return listOf(shape, inner, choices)
  if (shape.type === 'boolean') return choices.chance(50)
  if (shape.type === 'integer') return (shape.minimum ?? 0) + choices.upTo(3)
  if (shape.type === 'number') return shape.maximum ?? 1.5
  return choices.pick(TEXTS)
}

function mapOf(shape: Shape, around: Around, choices: Choices): TreeMap {
  const { properties = {}, required = [], additionalProperties } = shape
  const isDeep = around.depth > MAX_DEPTH
  const keys = Object.keys(properties).filter(
    (key) => required.includes(key) || (!isDeep && choices.chance(30)),
  )
  const entries = keys.map((key): [string, Tree] => {
    const inner = properties[key]
    return [key, inner === undefined ? null : valueOf(inner, around, choices)]
  })
  if (typeof additionalProperties === 'object' && !isDeep) {
    entries.push([choices.pick(['a', 'b-c', 'P1']), valueOf(additionalProperties, around, choices)])
  }
  return Object.fromEntries(entries)
}

function listOf(shape: Shape, around: Around, choices: Choices): Tree[] {
  const { items, minItems = 0 } = shape
  const count = minItems + (around.depth > MAX_DEPTH ? 0 : choices.upTo(2))
  if (items === undefined) return []
  return Array.from({ length: count }, () => valueOf(items, around, choices))
}

const MAX_DEPTH = 6

/** The first ones have the form of what texts mostly are: names, references, durations, expressions. */
const TEXTS = [
  's0',
  's1',
  'made-s0',
  's0.made-s0',
  's0/items',
  'child',
  'navigator',
  '5m',
  '{{ input }}',
  'steps.s0.outcome == "completed"',
  'steps.s0.artifacts.made-s0',
  "{{s0.severity}} == 'P1'",
  './',
  '/src',
  'main',
  'output/x.md',
  '.wave/prompts/ask.md',
  '.wave/contracts/schema.json',
  '**/*.ts',
  'unanimous',
  'x',
]

function partOf(shape: Shape, whole: Shape): Shape {
  // The one reference of our schemas: the body of a loop.
  if (shape.$ref === undefined) return shape
  return whole.properties?.['steps']?.items ?? shape
}
