import { normalisePath, showPath } from './place.ts'
import { defineTool, problem } from './tool.ts'

const MAX_BYTES = 1024 * 1024

export const writeTool = defineTool({
  name: 'write',
  description:
    'Creates a file with this content, folders included. Meant for new files: change existing ones with edit. ' +
    'To replace an existing file whole, read it first.',
  schema: {
    type: 'object',
    properties: {
      path: { type: 'string', minLength: 1, maxLength: 4096 },
      content: { type: 'string' },
    },
    required: ['path', 'content'],
    additionalProperties: false,
  },
  readOnly: false,
  subject: ({ path }, base) => normalisePath(path, base),
  async run({ path, content }, context) {
    const place = normalisePath(path, context.base)
    const bytes = Buffer.from(content)
    if (bytes.length > MAX_BYTES) {
      return problem(`The content has ${bytes.length} bytes; at most ${MAX_BYTES} fit in one call.`)
    }
    const workspace = await context.workspace()
    const existing = await workspace.read(place, { offset: 0, maxBytes: 1 })
    if (existing.ok && !context.known.has(place)) {
      return problem(`${showPath(place)} exists: read it first, then use edit, or write it again.`)
    }
    const written = await workspace.write(place, bytes)
    if (!written.ok) return problem(written.problem)
    context.known.add(place)
    const verb = existing.ok ? 'Replaced' : 'Created'
    return { isError: false, say: `${verb} ${showPath(place)}: ${bytes.length} bytes.` }
  },
})
