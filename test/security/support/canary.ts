/** A secret that must turn up nowhere: made fresh for each test, looked for in every form. */
import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

export interface Canary {
  /** Fit for a variable, a command line and a YAML or JSON string without quoting. */
  readonly value: string
  /** How it may be written down, by the name of the form. */
  readonly forms: Readonly<Record<string, string>>
}

/** Unlike any known token, so that only what knows it can take it out. */
export function createCanary(): Canary {
  const value = `canary/${randomBytes(9).toString('hex')}+${randomBytes(6).toString('hex')}`
  return { value, forms: formsOf(value) }
}

/**
 * Where the canary is: each find as `place: form`. Places are files and folders, which are searched to the
 * bottom with their names and link targets and never followed out of, or texts by a name of their own. A
 * folder that does not exist is an error: a search of nothing finds nothing.
 */
export function findCanary(
  { forms }: Canary,
  places: {
    readonly folders?: readonly string[]
    readonly texts?: Readonly<Record<string, string | Uint8Array>>
  },
): readonly string[] {
  const needles = Object.entries(forms)
  const search = (place: string, content: string | Uint8Array): readonly string[] => {
    const bytes = Buffer.from(content)
    return needles.flatMap(([form, text]) => (bytes.includes(text) ? [`${place}: ${form}`] : []))
  }
  const inFolders = (places.folders ?? []).flatMap((folder) => {
    if (!existsSync(folder)) throw new Error(`There is no ${folder} to search`)
    return filesBelow(folder).flatMap((file) =>
      search(`name of ${file}`, file).concat(search(file, contentOf(file))),
    )
  })
  const inTexts = Object.entries(places.texts ?? {}).flatMap(([name, text]) => search(name, text))
  return [...inFolders, ...inTexts]
}

function filesBelow(path: string): readonly string[] {
  if (!lstatSync(path).isDirectory()) return [path]
  return readdirSync(path).flatMap((name) => filesBelow(join(path, name)))
}

function contentOf(file: string): Uint8Array {
  const state = lstatSync(file)
  if (state.isSymbolicLink()) return Buffer.from(readlinkSync(file))
  return state.isFile() ? readFileSync(file) : Buffer.alloc(0)
}

function formsOf(value: string): Readonly<Record<string, string>> {
  const bytes = Buffer.from(value)
  return {
    plain: value,
    'URL-encoded': encodeURIComponent(value),
    hexadecimal: bytes.toString('hex'),
    'upper-case hexadecimal': bytes.toString('hex').toUpperCase(),
    'UTF-16': Buffer.from(value, 'utf16le').toString('latin1'),
    reversed: bytes.toString('latin1').split('').toReversed().join(''),
    ...base64Forms(bytes),
  }
}

/** Wherever it starts in what is encoded: without the characters that its neighbours have a part in. */
function base64Forms(bytes: Buffer): Readonly<Record<string, string>> {
  const forms = [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    const end = Math.floor(((bytes.length + shift) * 8) / 6)
    return [`Base64, shifted by ${shift}`, encoded.slice(Math.ceil((shift * 8) / 6), end)]
  })
  return Object.fromEntries(forms)
}
