/** A code block between fences of backticks or tildes. */
interface FencedBlock {
  /** The word behind the opening fence, in lower case; empty when there is none. */
  readonly tag: string
  readonly content: string
  /** Lines of the fences, counted from 0. A block that is never closed ends behind the last line. */
  readonly from: number
  readonly to: number
}

/** Every fenced block, in order. A fence within a block is part of its content. */
export function fencedBlocks(text: string): readonly FencedBlock[] {
  const lines = text.split('\n')
  const blocks: FencedBlock[] = []
  let open: { readonly fence: string; readonly tag: string; readonly from: number } | undefined
  for (const [at, line] of lines.entries()) {
    if (open === undefined) {
      const opening = openingOf(line)
      if (opening !== undefined) open = { ...opening, from: at }
    } else if (isClosing(line, open.fence)) {
      blocks.push(blockOf(lines, open, at))
      open = undefined
    }
  }
  if (open !== undefined) blocks.push(blockOf(lines, open, lines.length))
  return blocks
}

/** What stands between two fences that surround the whole text; undefined when there are none. */
export function unfenced(text: string): string | undefined {
  const trimmed = text.trim()
  const [block] = openingOf(trimmed) === undefined ? [] : fencedBlocks(trimmed)
  const lastLine = trimmed.split('\n').length - 1
  return block?.from === 0 && block.to === lastLine ? block.content : undefined
}

function blockOf(
  lines: readonly string[],
  { tag, from }: { readonly tag: string; readonly from: number },
  to: number,
): FencedBlock {
  return { tag, content: lines.slice(from + 1, to).join('\n'), from, to }
}

function openingOf(line: string): { readonly fence: string; readonly tag: string } | undefined {
  const [first = ''] = line.split('\n', 1)
  const start = first.trim()
  const fence = fenceAt(start)
  if (fence === undefined) return undefined
  const tag = start.slice(fence.length).trim()
  // `` ```x``` `` on one line is code within a sentence.
  return tag.includes('`') ? undefined : { fence, tag: tag.toLowerCase() }
}

function isClosing(line: string, fence: string): boolean {
  const found = fenceAt(line.trim())
  return found !== undefined && found === line.trim() && found.startsWith(fence)
}

function fenceAt(text: string): string | undefined {
  const mark = text[0]
  if (mark !== '`' && mark !== '~') return undefined
  let length = 1
  while (text[length] === mark) length += 1
  return length < 3 ? undefined : text.slice(0, length)
}
