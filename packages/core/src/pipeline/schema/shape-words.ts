import type { Node, Scalar } from 'yaml'
import { loadYaml } from '../../lazy.ts'
import type { Shape } from './shape.ts'
import { offsetOf } from '../yaml/yaml-nodes.ts'
import type { YamlFile } from '../yaml/yaml-file.ts'

/** What is wrong with a text, after the name of its place: `must not be empty`. */
export function textComplaint(value: string, shape: Shape): string | undefined {
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

/** As `textComplaint`; a value that is no number has no mistake of this kind. */
export function numberComplaint(value: unknown, shape: Shape): string | undefined {
  if (typeof value !== 'number') return undefined
  const { minimum, maximum, exclusiveMinimum } = shape
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) {
    return `must be more than ${exclusiveMinimum}, not ${value}`
  }
  if (minimum !== undefined && value < minimum) return `must be at least ${minimum}, not ${value}`
  if (maximum !== undefined && value > maximum) return `must be at most ${maximum}, not ${value}`
  return undefined
}

/** How a value of the wrong type becomes one of the right type, where that is plain to see. */
export function adviseType(
  node: Node | undefined,
  shape: Shape,
  file: YamlFile,
): string | undefined {
  const { isMap, isScalar } = loadYaml()
  if (isScalar(node) && node.value !== null) return adviseScalar(node, shape)
  const isTemplate = isMap(node) && file.text.startsWith('{{', offsetOf(node))
  return shape.type === 'string' && isTemplate
    ? 'Put a text that begins with "{{" in quotes.'
    : undefined
}

function adviseScalar({ source = '', value }: Scalar, shape: Shape): string | undefined {
  if (shape.type === 'string' && fitsAsText(source, shape)) return 'Put the value in quotes.'
  const isListOfTexts = shape.type === 'array' && shape.items?.type === 'string'
  if (!isListOfTexts || typeof value !== 'string') return undefined
  return `Write a list: [${shorten(source)}].`
}

function fitsAsText(text: string, shape: Shape): boolean {
  return shape.enum?.includes(text) ?? textComplaint(text, shape) === undefined
}

/** What may stand at a place: `a map`, `a duration such as "90s"`. */
export function describeShape(shape: Shape): string {
  if (shape.enum !== undefined) return alternatives(shape.enum)
  // Of other shapes the title is for editors.
  if (shape.pattern !== undefined && shape.title !== undefined) return shape.title
  if (shape.type === 'object') return 'a map'
  if (shape.type === 'array') return 'a list'
  if (shape.type === 'integer') return 'a whole number'
  if (shape.type === 'number') return 'a number'
  return shape.type === 'boolean' ? 'true or false' : 'a string'
}

/** What stands there instead. */
export function describeNode(node: Node | undefined, file: YamlFile): string {
  const { isMap, isScalar, isSeq } = loadYaml()
  if (node === undefined) return 'nothing'
  if (isMap(node)) return 'a map'
  if (isSeq(node)) return 'a list'
  const value = file.toJs(node)
  if (value === null || value === undefined) return 'nothing'
  return typeof value === 'string'
    ? `"${shorten(value)}"`
    : `the ${typeof value} ${isScalar(node) ? (node.source ?? node.toString()) : ''}`
}

/** `"a", "b" or "c"`. */
export function alternatives(values: readonly string[]): string {
  const quoted = values.map((value) => `"${value}"`)
  const last = quoted.at(-1) ?? ''
  return quoted.length < 2 ? last : `${quoted.slice(0, -1).join(', ')} or ${last}`
}

/** A text of a file as messages quote it: one line of at most 60 characters. */
export function shorten(text: string): string {
  const line = text.replaceAll(/\s+/gu, ' ').trim()
  return line.length <= 60 ? line : `${line.slice(0, 57)}...`
}
