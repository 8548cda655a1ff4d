import { loadYaml } from '../lazy.ts'
import type { Fields } from './fields.ts'
import type { DocumentPath } from './workflow-forms.ts'

/**
 * A document as YAML, with remarks above it. A comment stands above each key that is a workflow's
 * (see `workflowForms`).
 */
export function yamlText(
  fields: Fields,
  remarks: readonly string[],
  ofWorkflow: readonly DocumentPath[] = [],
): string {
  const { Document, isMap, isScalar, visit } = loadYaml()
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
  for (const path of ofWorkflow) {
    const map = document.getIn(path.slice(0, -1), true)
    const pairs = isMap(map) ? map.items : []
    const keys = pairs.map(({ key }) => key).filter(isScalar)
    const key = keys.find(({ value }) => value === path.at(-1))
    if (key !== undefined) key.commentBefore = ' only a workflow can say this'
  }
  const comments = remarks.map((remark) => `# ${remark.replaceAll(/\s+/gu, ' ').trim()}\n`)
  return comments.join('') + document.toString({ lineWidth: 0, flowCollectionPadding: false })
}
