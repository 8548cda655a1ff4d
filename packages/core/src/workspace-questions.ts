/** What can be asked about the files of a workspace, and how it answers. Part of ports.ts. */

export interface Entry {
  readonly path: string
  readonly kind: 'file' | 'directory' | 'link' | 'other'
  readonly sizeBytes: number
}

/** The answer of a file operation: a missing or refused path is a result. */
export type FileResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string }

export interface Match {
  readonly path: string
  readonly line: number
  readonly text: string
}

export interface GrepQuery {
  /** Regular expression in a sandbox, literal text in a local workspace. */
  readonly pattern: string
  readonly path: string
  /** Glob that file names must match. */
  readonly include?: string
  readonly maxMatches: number
}

export type HistoryRequest =
  | { readonly kind: 'log'; readonly ref?: string; readonly path?: string; readonly max: number }
  | { readonly kind: 'show'; readonly ref: string; readonly path?: string }
  | { readonly kind: 'diff'; readonly ref: string; readonly to?: string; readonly path?: string }
  | {
      readonly kind: 'blame'
      readonly path: string
      readonly from: number
      readonly to: number
      readonly ref?: string
    }

export type Collected =
  | { readonly found: true; readonly content: Uint8Array }
  | { readonly found: false; readonly problem: 'missing' | 'refused'; readonly message: string }
