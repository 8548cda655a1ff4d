/** What a run may never do, looked for on the machine that it ran on. */
import { createSocket } from 'node:dgram'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { engine } from '../../support/docker.ts'

/** Listens on every address of this machine, by TCP and UDP, and counts whoever comes. */
export interface Decoy extends AsyncDisposable {
  /** Not a loopback one, where there is another. */
  readonly host: string
  readonly port: number
  readonly visits: readonly string[]
}

export async function startDecoy(): Promise<Decoy> {
  const visits: string[] = []
  const server = createServer((socket) => {
    visits.push(`TCP from ${socket.remoteAddress}`)
    socket.on('error', () => {})
    socket.end('HTTP/1.0 200 OK\r\n\r\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '::', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The decoy has no port')
  const { port } = address
  const datagrams = createSocket('udp6', () => visits.push('UDP'))
  await new Promise<void>((resolve) => datagrams.bind(port, '::', resolve))
  const outer = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)
  return {
    host: outer?.address ?? '127.0.0.1',
    port,
    visits,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve))
      await new Promise<void>((resolve) => datagrams.close(resolve))
    },
  }
}

/** Every file below some folders: kind, mode, size, times, content. */
export type Fingerprint = ReadonlyMap<string, string>

export function fingerprint(folders: readonly string[], except: readonly string[]): Fingerprint {
  return new Map(folders.flatMap((folder) => entriesBelow(folder, except)))
}

function entriesBelow(path: string, except: readonly string[]): readonly [string, string][] {
  if (except.includes(path)) return []
  const state = lstatSync(path)
  const mode = state.mode.toString(8)
  if (state.isSymbolicLink()) return [[path, `${mode} ${readlinkSync(path)}`]]
  if (state.isFile()) {
    return [[path, `${mode} ${state.mtimeMs} ${readFileSync(path).toString('base64')}`]]
  }
  const names = state.isDirectory() ? readdirSync(path) : []
  return [[path, mode], ...names.flatMap((name) => entriesBelow(join(path, name), except))]
}

export function changesBetween(before: Fingerprint, after: Fingerprint): readonly string[] {
  const paths = new Set([...before.keys(), ...after.keys()])
  return [...paths].filter((path) => before.get(path) !== after.get(path))
}

/** Whatever of these labels the engine still has, but volumes of snapshots, which are kept on purpose. */
export async function leftOnEngine(label: string): Promise<readonly string[]> {
  if (engine === undefined) return []
  const filters = { label: [label] }
  const containers = await engine.docker.listContainers({ all: true, filters })
  const { Volumes: volumes } = await engine.docker.listVolumes({ filters })
  return [
    ...containers.flatMap(({ Names }) => Names),
    ...volumes.map(({ Name }) => Name).filter((name) => !name.startsWith('wave-src-')),
  ]
}

export async function removeSnapshotVolumes(label: string): Promise<void> {
  const found = await engine?.docker.listVolumes({ filters: { label: [label] } })
  for (const { Name } of found?.Volumes ?? []) await engine?.docker.getVolume(Name).remove()
}

/** What a viewer of Markdown would fetch or run when it shows this text. */
export function activeMarkdown(text: string): readonly string[] {
  const visible = text
    .replaceAll(/^(```+|~~~+)[^\n]*\n[\s\S]*?^\1[^\n]*$/gmu, '')
    .replaceAll(/(?<!\\)(`+)[^`][\s\S]*?(?<!`)\1(?!`)/gu, '')
    .replaceAll(/\\[!-/:-@[-`{-~]/gu, '')
  return ACTIVE.flatMap((pattern) => visible.match(pattern)?.[0] ?? [])
}

const ACTIVE = [
  // Pictures, in line and by reference: they are fetched without a click.
  /!\[[^\]]*\]\s*[([]/u,
  // Elements of HTML that fetch, run or style.
  /<\/?(?:img|script|iframe|object|embed|svg|image|style|link|video|audio|form|base|meta|a)\b[^\n]*/iu,
  /\]\(\s*(?:javascript|data|vbscript|file):/iu,
  /<(?:javascript|data|vbscript|file):/iu,
]

/** Sequences that a terminal would obey, and characters that show something else than there is. */
export function activeText(text: string): readonly string[] {
  return [...(text.match(/[\p{Cc}\p{Cf}]/gu) ?? [])].filter((one) => !'\n\r\t'.includes(one))
}
