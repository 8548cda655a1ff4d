import type { Node, YAMLMap, YAMLSeq } from 'yaml'
import type { Problem, WaveErrorCode } from '../../errors.ts'
import { loadYaml } from '../../lazy.ts'
import { suggest } from '../../suggest.ts'
import {
  adviseType,
  alternatives,
  describeNode,
  describeShape,
  numberComplaint,
  shorten,
  textComplaint,
} from './shape-words.ts'
import { keyText, offsetOf } from '../yaml/yaml-nodes.ts'
import type { YamlFile } from '../yaml/yaml-file.ts'

/**
 * The part of JSON Schema 2020-12 that our own schemas use. Checked by a walk over YAML nodes, which
 * knows positions and starts faster than a compiled validator; a test holds it to what ajv says.
 */
export interface Shape {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean'
  /** A noun phrase for messages: `a name of lower-case letters`. */
  readonly title?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  /** A map is always strict unless this is a shape for its values, or true for free data. */
  readonly additionalProperties?: boolean | Shape
  readonly items?: Shape
  readonly minItems?: number
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  /** The first whose type fits the node. */
  readonly anyOf?: readonly Shape[]
  /** `#/properties/steps/items`: another part of the whole shape, which may hold this one. */
  readonly $ref?: string
}

export type ShapePath = readonly (string | number)[]

export interface ShapeRules {
  readonly code: WaveErrorCode
  /** `Step "triage"`, `"exec" of step "triage"`. */
  subject(path: ShapePath): string
  /** What to say about a key that has no place in the shape but is known: why, and what to do instead. */
  knownKey(path: ShapePath, key: string): string | undefined
  /** As `knownKey`, for a value outside an enum. */
  knownValue(path: ShapePath, value: string): string | undefined
}

export interface Shaped {
  /** As plain data. What is wrong is left out. */
  readonly value: unknown
  readonly problems: readonly Problem[]
  /** Whether the value has the shape apart from keys that do not belong there. */
  readonly sound: boolean
  /** Where it has not. */
  readonly unsound: readonly ShapePath[]
}

/** Checks a YAML file against a shape and turns it into plain data. Finds every mistake. */
export function readShape(file: YamlFile, shape: Shape, rules: ShapeRules): Shaped {
  const walk = new ShapeWalk(file, shape, rules)
  const value = walk.read(file.root, shape, [])
  const { problems, unsound } = walk
  return { value, problems, sound: unsound.length === 0, unsound }
}

class ShapeWalk {
  readonly problems: Problem[] = []
  readonly unsound: ShapePath[] = []
  readonly #file: YamlFile
  readonly #whole: Shape
  readonly #rules: ShapeRules

  constructor(file: YamlFile, whole: Shape, rules: ShapeRules) {
    this.#file = file
    this.#whole = whole
    this.#rules = rules
  }

  read(raw: unknown, shapeOrRef: Shape, path: ShapePath): unknown {
    const { isMap, isSeq, isScalar } = loadYaml()
    const node = this.#file.resolve(raw)
    const shape = partOf(this.#whole, shapeOrRef)
    if (shape.anyOf !== undefined) return this.#readFirst(node, shape, path)
    if (node === undefined || !fits(node, shape)) return this.#wrongType(raw, shape, path)
    if (shape.type === undefined || shape.additionalProperties === true) {
      return this.#file.toJs(node)
    }
    if (isMap(node)) return this.#readMap(node, shape, path)
    if (isSeq(node)) return this.#readList(node, shape, path)
    return isScalar(node) ? this.#readScalar(node.value, { raw, shape, path }) : undefined
  }

  #readFirst(node: Node | undefined, shape: Shape, path: ShapePath): unknown {
    const branch = shape.anyOf?.find((candidate) => node !== undefined && fits(node, candidate))
    if (branch !== undefined) return this.read(node, branch, path)
    return this.#wrongType(node, shape, path)
  }

  #readMap(map: YAMLMap, shape: Shape, path: ShapePath): Record<string, unknown> {
    const value: Record<string, unknown> = {}
    const meant = new Set<string>()
    const seen = new Set<string>()
    for (const pair of map.items) {
      const key = keyText(pair)
      const inner = key === undefined ? undefined : childOf(shape, key)
      if (key === undefined || inner === undefined) {
        const near = this.#unknownKey(key, { offset: offsetOf(pair.key), shape, path })
        if (near !== undefined && !map.has(near)) meant.add(near)
        continue
      }
      // Of a key that is given twice, which has been told, the first value counts.
      if (seen.has(key)) continue
      seen.add(key)
      const child = this.read(pair.value, inner, [...path, key])
      if (child !== undefined) value[key] = child
    }
    this.#checkRequired(map, shape, { path, meant })
    return value
  }

  /** A misspelt key is one mistake: it is neither missing nor does anything follow from its absence. */
  #checkRequired(
    map: YAMLMap,
    shape: Shape,
    { path, meant }: { readonly path: ShapePath; readonly meant: ReadonlySet<string> },
  ): void {
    for (const key of meant) this.unsound.push([...path, key])
    for (const key of shape.required ?? []) {
      if (map.has(key) || meant.has(key)) continue
      const message = `${this.#rules.subject(path)} lacks the required key "${key}".`
      this.#report(message, offsetOf(map), [...path, key])
    }
  }

  #readList(list: YAMLSeq, shape: Shape, path: ShapePath): unknown[] {
    const least = shape.minItems ?? 0
    if (list.items.length < least) {
      const entries = least === 1 ? 'one entry' : `${least} entries`
      const message = `${this.#rules.subject(path)} needs at least ${entries}.`
      this.#report(message, offsetOf(list), path)
    }
    const { items } = shape
    if (items === undefined) return list.items.map((item) => this.#file.toJs(item))
    return list.items.map((item, index) => this.read(item, items, [...path, index]))
  }

  #readScalar(
    value: unknown,
    at: { readonly raw: unknown; readonly shape: Shape; readonly path: ShapePath },
  ): unknown {
    const { shape, path } = at
    if (shape.enum !== undefined && !shape.enum.includes(String(value))) {
      this.#wrongEnum(String(value), at)
      return undefined
    }
    const complaint =
      typeof value === 'string' ? textComplaint(value, shape) : numberComplaint(value, shape)
    if (complaint === undefined) return value
    this.#report(`${this.#rules.subject(path)} ${complaint}.`, offsetOf(at.raw), path)
    return undefined
  }

  #wrongEnum(
    value: string,
    at: { readonly raw: unknown; readonly shape: Shape; readonly path: ShapePath },
  ): void {
    const known = this.#rules.knownValue(at.path, value)
    const subject = this.#rules.subject(at.path)
    if (known !== undefined) {
      this.#report(`${subject} has the value "${value}": ${known}.`, offsetOf(at.raw), at.path)
      return
    }
    const allowed = at.shape.enum ?? []
    const near = suggest(value, allowed)
    const message = `${subject} must be ${alternatives(allowed)}, not "${shorten(value)}".`
    this.#report(message, offsetOf(at.raw), at.path, near && `Did you mean "${near}"?`)
  }

  #wrongType(raw: unknown, shape: Shape, path: ShapePath): undefined {
    const node = this.#file.resolve(raw)
    const found = describeNode(node, this.#file)
    const shapes = (shape.anyOf ?? [shape]).map((one) => partOf(this.#whole, one))
    const wanted = shapes.map(describeShape).join(' or ')
    const message = `${this.#rules.subject(path)} must be ${wanted}, not ${found}.`
    const hint = shapes
      .map((one) => adviseType(node, one, this.#file))
      .find((one) => one !== undefined)
    this.#report(message, offsetOf(raw), path, hint)
    return undefined
  }

  /** What was probably meant. */
  #unknownKey(
    key: string | undefined,
    at: { readonly offset: number; readonly shape: Shape; readonly path: ShapePath },
  ): string | undefined {
    const subject = this.#rules.subject(at.path)
    if (key === undefined) {
      this.#add(`${subject} has a key that is no plain text.`, at.offset)
      return undefined
    }
    const known = this.#rules.knownKey(at.path, key)
    if (known !== undefined) {
      this.#add(`${subject} has the key "${key}": ${known}.`, at.offset)
      return namedIn(known, at.shape)
    }
    if (key === '<<') return this.#mergeKey(subject, at)
    const near = suggest(key, Object.keys(at.shape.properties ?? {}))
    const hint = near && `Did you mean "${near}"?`
    this.#add(`${subject} has the unknown key "${shorten(key)}".`, at.offset, hint)
    return near
  }

  /** What it would have brought is not known. */
  #mergeKey(
    subject: string,
    { offset, path }: { readonly offset: number; readonly path: ShapePath },
  ): undefined {
    this.#report(
      `${subject} has a merge key, which YAML 1.2 does not know.`,
      offset,
      path,
      'Write the keys out.',
    )
    return undefined
  }

  #report(message: string, offset: number, path: ShapePath, hint?: string): void {
    this.unsound.push(path)
    this.#add(message, offset, hint)
  }

  #add(message: string, offset: number, hint?: string): void {
    const location = this.#file.place(offset)
    const { code } = this.#rules
    this.problems.push({ code, message, location, ...(hint === undefined ? {} : { hint }) })
  }
}

/** The key of a map that an advice names first: `use "over"`. */
function namedIn(advice: string, { properties = {} }: Shape): string | undefined {
  const key = /"(?<key>\w+)/u.exec(advice)?.groups?.['key']
  return key !== undefined && Object.hasOwn(properties, key) ? key : undefined
}

/** The shape itself, or the part of the whole that it refers to. */
function partOf(whole: Shape, shape: Shape): Shape {
  if (shape.$ref === undefined) return shape
  let part: unknown = whole
  for (const key of shape.$ref.split('/').slice(1)) {
    const entries: [string, unknown][] = Object.entries(part ?? {})
    part = entries.find(([name]) => name === key)?.[1]
  }
  if (!isShape(part)) throw new Error(`Internal error: the shape has no ${shape.$ref}`)
  return part
}

function isShape(value: unknown): value is Shape {
  return typeof value === 'object' && value !== null
}

function childOf(shape: Shape, key: string): Shape | undefined {
  if (shape.properties !== undefined && Object.hasOwn(shape.properties, key)) {
    return shape.properties[key]
  }
  return typeof shape.additionalProperties === 'object' ? shape.additionalProperties : undefined
}

function fits(node: Node, shape: Shape): boolean {
  const { isMap, isSeq, isScalar } = loadYaml()
  if (shape.type === undefined) return true
  if (shape.type === 'object') return isMap(node)
  if (shape.type === 'array') return isSeq(node)
  if (!isScalar(node)) return false
  if (shape.type === 'integer') return Number.isSafeInteger(node.value)
  if (shape.type === 'number') return Number.isFinite(node.value)
  return typeof node.value === shape.type
}
