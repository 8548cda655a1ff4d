import type { SentParameters, StopKind, Usage } from '../../agent/messages.ts'
import type { ArtifactRef } from '../../stored.ts'

/** A reply that was paid for. */
export interface RecordedReply {
  /** Of the request that it answers. */
  readonly key: string
  /** Who answered: `provider/model`. */
  readonly model: string | undefined
  /** As they were sent. */
  readonly parameters: SentParameters | undefined
  readonly stop: StopKind
  readonly usage: Usage | undefined
  /** The model was told then that the budget is nearly used up. */
  readonly isNearlySpent: boolean
  /** The full reply, in the store. */
  readonly reply: ArtifactRef
}

/** Replies of an attempt that was cut off, for the one that follows it. */
export interface RecordedReplies {
  /** The one that comes next; undefined: none is left. */
  readonly next: RecordedReply | undefined
  /** Takes the reply to a request with this key, where there is one. */
  take(key: string): RecordedReply | undefined
  /** A request differed: what is left answers another conversation. */
  end(): void
}

/** Offers replies by the keys of their requests, each of them once. */
export function offerReplies(replies: readonly RecordedReply[]): RecordedReplies {
  const left = [...replies]
  return {
    get next() {
      return left[0]
    },
    take(key) {
      const place = left.findIndex((reply) => reply.key === key)
      return place < 0 ? undefined : left.splice(place, 1)[0]
    },
    end() {
      left.length = 0
    },
  }
}
