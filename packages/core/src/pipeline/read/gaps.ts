/**
 * What is not known of a pipeline with mistakes in it, which have been told: nothing is said about what
 * may only follow from them. Sets of step ids.
 */
export interface Gaps {
  /** Steps whose artifacts are not all known. */
  readonly unlisted: ReadonlySet<string>
  /** Steps of which something else is not known that others rely on. */
  readonly opaque: ReadonlySet<string>
  /** Steps of which some dependency is not known. */
  readonly loose: Set<string>
  /** Steps of which it is not known what they inject. */
  readonly deaf: ReadonlySet<string>
  /** Steps that want something of others that they do not wait for: by step, those others. */
  readonly hasty: Map<string, ReadonlySet<string>>
  /** Whether it is not known what the input of the pipeline is. */
  readonly hasVagueInput: boolean
}
