/** The sandbox died under us. */
export class WorkspaceLost extends Error {
  override readonly name = 'WorkspaceLost'
  readonly reason: 'oom' | 'workspace-lost'

  constructor(
    reason: 'oom' | 'workspace-lost',
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.reason = reason
  }
}

/** What a step left in its workspace cannot be taken as changes: its own fault. The message is told to it. */
export class ChangesRefused extends Error {
  override readonly name = 'ChangesRefused'
}
