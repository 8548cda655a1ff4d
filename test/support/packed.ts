/** The packages as they would be published: built, packed with pnpm, installed with npm in an empty folder. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const PACKAGES = ['cli', 'core', 'evidence', 'models', 'workspace']

export interface PackedWave {
  /** What the `bin` of the installed package starts. */
  readonly main: string
  /** By package. */
  readonly tarballs: ReadonlyMap<string, string>
  readonly node22: string
}

export function installPacked(base: string): PackedWave {
  const folder = join(base, 'tarballs')
  mkdirSync(folder)
  run(join(ROOT, 'node_modules/.bin/tsc'), ['-b', 'tsconfig.build.json'])
  run('npx', ['-y', 'pnpm@12', '-r', 'pack', '--pack-destination', folder])
  const tarballs = new Map(PACKAGES.map((name) => [name, join(folder, tarballOf(name, folder))]))
  const install = join(base, 'install')
  mkdirSync(install)
  // As a user would once they are published: the packages find each other by name and version.
  const own = Object.fromEntries(
    [...tarballs].map(([name, file]) => [`@wave/${name}`, `file:${file}`]),
  )
  // What the package "node" would install by a second npm.
  const node = `node-${process.platform}-${process.arch}`
  const manifest = {
    name: 'install',
    private: true,
    dependencies: { ...own, [node]: '22' },
    overrides: own,
  }
  writeFileSync(join(install, 'package.json'), JSON.stringify(manifest))
  // None of the packages needs its scripts: what they build is left out where it does not succeed.
  const quick = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  run('npm', ['install', ...quick, '--loglevel=error'], install)
  return {
    main: join(install, 'node_modules/@wave/cli/dist/main.js'),
    tarballs,
    node22: join(install, 'node_modules', node, 'bin/node'),
  }
}

function tarballOf(name: string, folder: string): string {
  const found = readdirSync(folder).find((file) => file.startsWith(`wave-${name}-`))
  if (found === undefined) throw new Error(`There is no tarball of ${name}.`)
  return found
}

function run(command: string, args: readonly string[], cwd = ROOT): void {
  execFileSync(command, args, { cwd, stdio: 'pipe', encoding: 'utf8' })
}
