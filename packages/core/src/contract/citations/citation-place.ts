/** A place in a file, as a citation names it. */
export interface Place {
  /** A commit, as in `9e9699c407d8^:src/a.ts:3`. Undefined: the run's snapshot. */
  readonly revision: string | undefined
  /** As written. */
  readonly path: string
  readonly from: number
  readonly to: number
}

/** Reads `path:12`, `path:12-14`, `path:12:5`, `path#L12`, `path#L12-L14`, each also behind a commit id. */
export function parsePlace(written: string): Place | undefined {
  if (written.length > MAX_CHARACTERS) return undefined
  const [, before, colon, colonTo, hash, hashTo] = PLACE.exec(written) ?? []
  const number = colon ?? hash
  if (before === undefined || number === undefined) return undefined
  const [, revision, rest] = REVISION.exec(before) ?? []
  const from = Number(number)
  const to = Math.max(from, Number(colonTo ?? hashTo ?? from))
  return { revision, path: rest ?? before, from, to }
}

const MAX_CHARACTERS = 1100
const PLACE =
  /^(\S.*?)(?::(\d{1,7})(?:[-–](\d{1,7})|:\d{1,5})?|#L(\d{1,7})(?:C\d{1,5})?(?:-L?(\d{1,7})(?:C\d{1,5})?)?)$/u
const REVISION = /^([0-9a-f]{7,40}(?:[~^]\d{0,3}){0,3}):(.+)$/u

/** Which files there are, and under which names a step sees them. */
export class CitedPaths {
  readonly #files: ReadonlySet<string>
  readonly #target: string
  readonly #source: string
  #byName: Map<string, string[]> | undefined

  constructor(
    files: readonly { readonly path: string }[],
    mount: { readonly source: string; readonly target: string } | undefined,
  ) {
    this.#files = new Set(files.map(({ path }) => path))
    this.#target = `${mount?.target ?? '/src'}/`
    this.#source = mount === undefined || mount.source === '.' ? '' : `${mount.source}/`
  }

  /** The file that is meant. Undefined when there is none. */
  resolve(path: string): string | undefined {
    return this.#candidates(path).find((candidate) => this.#files.has(candidate))
  }

  /**
   * Whether this is meant as a path of the repository: it exists, or it looks like one. Addresses,
   * times, ports, versions and absolute paths of other machines do not.
   */
  isPath(path: string): boolean {
    if (path.includes('://')) return false
    if (this.resolve(path) !== undefined) return true
    if (path.startsWith('/') && !path.startsWith(this.#target)) return false
    if (!/^[\w@.+/-]+$/u.test(path) || path.startsWith('../')) return false
    const ending = /\.([A-Za-z][A-Za-z0-9]{0,11})$/u.exec(path)?.[1]
    return ending !== undefined && ENDINGS.has(ending.toLowerCase())
  }

  /** A file of the same name, when there is exactly one. */
  suggest(path: string): string | undefined {
    this.#byName ??= this.#groupByName()
    const same = this.#byName.get(path.slice(path.lastIndexOf('/') + 1)) ?? []
    return same.length === 1 ? same[0] : undefined
  }

  #candidates(path: string): readonly string[] {
    const relative = path.replace(/^(?:\.\/)+/u, '')
    const inMount = relative.startsWith(this.#target)
      ? relative.slice(this.#target.length)
      : relative
    return this.#source === '' ? [inMount, relative] : [this.#source + inMount, inMount]
  }

  #groupByName(): Map<string, string[]> {
    const groups = new Map<string, string[]>()
    for (const path of this.#files) {
      const name = path.slice(path.lastIndexOf('/') + 1)
      groups.set(name, [...(groups.get(name) ?? []).slice(0, 1), path])
    }
    return groups
  }
}

/** Of source, configuration and documents; logs are not among them, and no top-level domain is. */
const ENDINGS = new Set(
  `js mjs cjs jsx ts mts cts tsx vue svelte astro json json5 jsonc yaml yml toml ini cfg conf env xml
   html htm css scss sass less py pyi ipynb rb erb rake go mod rs java kt kts scala groovy gradle c h
   cc cpp cxx hpp hh m mm swift cs fs vb php pl pm lua r jl ex exs erl hrl clj cljs hs elm dart zig nim
   sh bash zsh fish ps1 bat cmd sql prisma graphql gql proto thrift tf tfvars hcl nix bzl bazel cmake
   mk md mdx rst adoc tex lock properties tpl tmpl j2 hbs ejs liquid snap diff patch`.split(/\s+/u),
)
