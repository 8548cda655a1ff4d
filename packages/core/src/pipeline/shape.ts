import type { Node, YAMLMap, YAMLSeq } from 'yaml'
import type { Problem, WaveErrorCode } from '../errors.ts'
import { loadYaml } from '../lazy.ts'
import { suggest } from '../suggest.ts'
import { keyText, offsetOf } from './yaml-file.ts'
import type { YamlFile } from './yaml-file.ts'

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
    for (const pair of map.items) {
      const key = keyText(pair)
      const inner = key === undefined ? undefined : childOf(shape, key)
      if (key === undefined || inner === undefined) {
        this.#unknownKey(key ?? '?', { offset: offsetOf(pair.key), shape, path })
        continue
      }
      const child = this.read(pair.value, inner, [...path, key])
      if (child !== undefined) value[key] = child
    }
    for (const key of shape.required ?? []) {
      if (map.has(key)) continue
      const message = `${this.#rules.subject(path)} lacks the required key "${key}".`
      this.#report(message, offsetOf(map), [...path, key])
    }
    return value
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
    const message = `${subject} must be ${alternatives(allowed)}, not "${value}".`
    this.#report(message, offsetOf(at.raw), at.path, near && `Did you mean "${near}"?`)
  }

  #wrongType(raw: unknown, shape: Shape, path: ShapePath): undefined {
    const { isScalar } = loadYaml()
    const node = this.#file.resolve(raw)
    const found = describeNode(node, this.#file)
    const wanted = (shape.anyOf ?? [shape]).map(describeShape).join(' or ')
    const quotable = wanted === 'a string' && isScalar(node) && node.value !== null
    const message = `${this.#rules.subject(path)} must be ${wanted}, not ${found}.`
    this.#report(message, offsetOf(raw), path, quotable ? 'Put the value in quotes.' : undefined)
    return undefined
  }

  #unknownKey(
    key: string,
    at: { readonly offset: number; readonly shape: Shape; readonly path: ShapePath },
  ): void {
    const subject = this.#rules.subject(at.path)
    const known = this.#rules.knownKey(at.path, key)
    if (known !== undefined) {
      this.#add(`${subject} has the key "${key}": ${known}.`, at.offset)
      return
    }
    const near = suggest(key, Object.keys(at.shape.properties ?? {}))
    const hint = near && `Did you mean "${near}"?`
    this.#add(`${subject} has the unknown key "${key}".`, at.offset, hint)
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

function textComplaint(value: string, shape: Shape): string | undefined {
  if (value.length < (shape.minLength ?? 0)) return 'must not be empty'
  const { pattern, maxLength, title } = shape
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) {
    return `must be ${title ?? 'different'}, not "${shorten(value)}"`
  }
  if (maxLength !== undefined && value.length > maxLength) {
    return `must have at most ${maxLength} characters, not ${value.length}`
  }
  return undefined
}

function numberComplaint(value: unknown, shape: Shape): string | undefined {
  if (typeof value !== 'number') return undefined
  const { minimum, maximum, exclusiveMinimum } = shape
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) {
    return `must be more than ${exclusiveMinimum}, not ${value}`
  }
  if (minimum !== undefined && value < minimum) return `must be at least ${minimum}, not ${value}`
  if (maximum !== undefined && value > maximum) return `must be at most ${maximum}, not ${value}`
  return undefined
}

function describeShape(shape: Shape): string {
  if (shape.type === 'object') return 'a map'
  if (shape.type === 'array') return 'a list'
  if (shape.type === 'integer') return 'a whole number'
  if (shape.type === 'number') return 'a number'
  return shape.type === 'boolean' ? 'true or false' : 'a string'
}

function describeNode(node: Node | undefined, file: YamlFile): string {
  const { isMap, isSeq } = loadYaml()
  if (node === undefined) return 'nothing'
  if (isMap(node)) return 'a map'
  if (isSeq(node)) return 'a list'
  const value = file.toJs(node)
  if (value === null || value === undefined) return 'nothing'
  return typeof value === 'string'
    ? `"${shorten(value)}"`
    : `the ${typeof value} ${node.toString()}`
}

function alternatives(values: readonly string[]): string {
  const quoted = values.map((value) => `"${value}"`)
  const last = quoted.at(-1) ?? ''
  return quoted.length < 2 ? last : `${quoted.slice(0, -1).join(', ')} or ${last}`
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/gu, ' ').trim()
  return line.length <= 60 ? line : `${line.slice(0, 57)}...`
}
