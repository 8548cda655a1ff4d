/**
 * Takes secrets out of text. A function of the text alone: what was replaced stays as it is when it is
 * redacted again.
 */
export type Redactor = (text: string) => string

/** Stands where a secret stood. */
export const MARK = '[redacted]'
