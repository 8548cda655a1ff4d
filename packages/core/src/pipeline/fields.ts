/** A named value inside a step's result, as `severity` in `{{triage.severity}}`. */
export interface FieldSpec {
  readonly name: string
  readonly type: 'string' | 'number' | 'boolean' | 'object'
  /** Allowed values, in the declared spelling. */
  readonly values: readonly string[] | undefined
  readonly optional: boolean
  /** Compared with an empty text somewhere: it may be empty. */
  readonly mayBeEmpty: boolean
  /** How the prompt announces it: `Stakeholder Notification Needed`. Undefined: it does not. */
  readonly label: string | undefined
  /** The prompt's own bracket text, which is no answer. */
  readonly placeholder: string | undefined
  /** One line of at most 64 characters, taken from the whole message. */
  readonly wholeMessage: boolean
}
