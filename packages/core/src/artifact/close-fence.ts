import { readFence } from './inert-markdown-fences.ts'
import type { Fence } from './inert-markdown-fences.ts'
import { looksLikeItem } from './inert-markdown-lists.ts'

/** A document behind which another text can stand: a block of code that nobody closed does not swallow it. */
export function closeFence(markdown: string): string {
  const lines = markdown.split('\n')
  const whole = markdown.endsWith('\n') ? markdown : `${markdown}\n`
  const at = lastFence(lines)
  if (at === undefined) return whole
  const marks = /[`~]{3,}/u.exec(lines[at] ?? '')?.[0] ?? ''
  return closes(lines.slice(at + 1), marks) ? whole : `${whole}${marks}\n`
}

/** The line of the one that goes to the end of the document, unless what is around it ends it. */
function lastFence(lines: readonly string[]): number | undefined {
  for (let at = 0; at < lines.length;) {
    const fence = readFence(lines, at)
    const to = fence === undefined || fence === 'unclear' ? at + 1 : fence.to
    if (typeof fence === 'object' && to >= lines.length)
      return isOuter(fence, lines.slice(0, at)) ? at : undefined
    at = to
  }
  return undefined
}

/** In a quote, and in the item of a list, it ends with them. */
function isOuter({ isQuoted, startsItem, indent }: Fence, before: readonly string[]): boolean {
  return !isQuoted && !startsItem && (indent === 0 || !before.some((line) => looksLikeItem(line)))
}

function closes(lines: readonly string[], marks: string): boolean {
  const last = lines.findLast((line) => line.trim() !== '')?.trim() ?? ''
  return last.length >= marks.length && last === marks.charAt(0).repeat(last.length)
}
