import { redactDeep } from '../redact-deep.ts'
import type { Redactor } from '../redact.ts'
import type { Reply } from './messages.ts'

/**
 * A reply as it may be stored and sent on. The provider's own items are signed by it: where they hold a
 * secret, they are left out as a whole, and the adapter makes new ones of the text and the calls.
 */
export function redactReply(reply: Reply, redact: Redactor | undefined): Reply {
  if (redact === undefined) return reply
  const { text, toolCalls } = reply
  const visible = redactDeep({ text, toolCalls }, redact, NAMES)
  const wire = redactDeep(reply.wire, redact, OPAQUE) === reply.wire ? reply.wire : undefined
  return { ...visible, wire }
}

const NAMES: ReadonlySet<string> = new Set(['id', 'name'])
/** Encrypted or signed by the provider: what looks like a token in it is none. */
const OPAQUE: ReadonlySet<string> = new Set(['id', 'signature', 'data', 'encrypted_content'])
