import { loadYaml } from '../lazy.ts'
import type { Fields } from './fields.ts'

/** A document as YAML, with remarks above it. */
export function yamlText(fields: Fields, remarks: readonly string[]): string {
  const { Document, visit } = loadYaml()
  // Values that occur twice are written twice: readers need not follow aliases.
  const document = new Document(fields, { version: '1.2', aliasDuplicateObjects: false })
  visit(document, {
    Seq(_, list) {
      const isPlain = list.items.every(
        (item) => typeof item !== 'object' || item === null || 'value' in item,
      )
      if (isPlain && list.items.length <= 8) list.flow = true
    },
    Scalar(_, scalar) {
      if (typeof scalar.value === 'string' && scalar.value.includes('\n')) {
        scalar.type = 'BLOCK_LITERAL'
      }
    },
  })
  const comments = remarks.map((remark) => `# ${remark.replaceAll(/\s+/gu, ' ').trim()}\n`)
  return comments.join('') + document.toString({ lineWidth: 0, flowCollectionPadding: false })
}
