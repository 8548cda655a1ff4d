import type { FieldSpec } from '../../pipeline/fields.ts'
import { demandOf } from './normalise.ts'

/** The fields of a contract as a list for a model: name, label, what it has to be. */
export function describeFields(specs: readonly FieldSpec[]): readonly string[] {
  return specs.map((spec) => {
    if (spec.wholeMessage) {
      return '- The message as a whole: one line of at most 64 characters, nothing else.'
    }
    const label = spec.label === undefined ? '' : `, label "${spec.label}"`
    const optional = spec.optional ? ', optional' : ''
    return `- \`${spec.name}\` (${spec.values === undefined ? spec.type : 'enum'}${label}${optional}): ${demandOf(spec)}`
  })
}

/** The fields that have a name for the model; the others stand for the message as a whole. */
export function namedFields(specs: readonly FieldSpec[]): readonly FieldSpec[] {
  return specs.filter((spec) => !spec.wholeMessage)
}
