import { cutTail } from '../truncate.ts'
import { normalisePath, showPath } from './place.ts'
import { defineTool, problem } from './tool.ts'

const MAX_PATHS = 100

export const globTool = defineTool({
  name: 'glob',
  description: `Finds files by name, such as src/**/*.ts; at most ${MAX_PATHS} paths, sorted.`,
  schema: {
    type: 'object',
    properties: {
      pattern: { type: 'string', minLength: 1, maxLength: 500 },
      path: { type: 'string', minLength: 1, maxLength: 4096, description: 'Folder; default: all.' },
    },
    required: ['pattern'],
    additionalProperties: false,
  },
  readOnly: true,
  subject: ({ path = '.' }, base) => normalisePath(path, base),
  async run({ pattern, path = '.' }, context) {
    const place = normalisePath(path, context.base)
    const workspace = await context.workspace()
    // One more than is shown tells whether there are more.
    const found = await workspace.glob(pattern, place, MAX_PATHS + 1)
    if (!found.ok) return problem(found.problem)
    const permitted = found.value.filter((one) => context.permits('glob', one))
    if (permitted.length === 0) return { isError: false, say: 'No file matches.' }
    const paths = permitted.slice(0, MAX_PATHS)
    const cut = cutTail(paths.map(showPath).join('\n'), context.maxShownBytes)
    const partial = found.value.length > MAX_PATHS || cut.droppedBytes > 0
    return {
      isError: false,
      shown: { origin: `glob ${showPath(pattern)} in ${showPath(place)}`, text: cut.text },
      say: partial
        ? 'Not all paths are shown: narrow the pattern or the path.'
        : `${paths.length} paths.`,
    }
  },
})
