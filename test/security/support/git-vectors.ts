/** What a repository can plant so that git runs it, and with which command stock git does. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
  readFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A repository with a commit to merge, a signed one, a submodule and changes; a place for what ran. */
export class Planted implements Disposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'wave-git-')))
  readonly root = join(this.folder, 'project')
  /** What is there has run. */
  readonly ran = join(this.folder, 'ran')
  #touched = new Set<string>()
  #name = 'x'

  constructor(template: string) {
    cpSync(template, this.root, { recursive: true })
    mkdirSync(this.ran)
  }

  /** Several at once, each with a trace of its own. */
  plantAll(vectors: readonly Vector[]): void {
    for (const vector of vectors) this.plant(vector)
  }

  /** Gives the settings and files that it touched. */
  plant(vector: Vector): ReadonlySet<string> {
    this.#name = vector.id.replaceAll(/[^\w-]+/g, '-')
    this.#touched = new Set()
    vector.plant(this)
    return this.#touched
  }

  /** A shell command that shows that it ran. */
  command(): string {
    return `touch ${this.ran}/${this.#name}`
  }

  /** A program that does the same. */
  program(path = `.git/planted-${this.#name}`): string {
    this.write(path, `#!/bin/sh\n${this.command()}\nexit 1\n`)
    chmodSync(join(this.root, path), 0o755)
    return join(this.root, path)
  }

  write(path: string, content: string): void {
    this.#touched.add(path)
    mkdirSync(dirname(join(this.root, path)), { recursive: true })
    writeFileSync(join(this.root, path), content)
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8')
  }

  set(key: string, value: string): void {
    this.#touched.add(key)
    this.setIn(join(this.root, '.git/config'), key, value)
  }

  /** As `git config --file` would, without a process. */
  setIn(file: string, key: string, value: string): void {
    const [section = '', ...rest] = key.split('.')
    const name = rest.pop() ?? ''
    const part = rest.length === 0 ? '' : ` ${quoted(rest.join('.'))}`
    appendFileSync(file, `[${section}${part}]\n\t${name} = ${quoted(value)}\n`)
  }

  /** As the user would, with what is planted. Fails silently: some of it breaks the command that runs it. */
  stock(args: readonly string[], input = ''): void {
    spawnSync('git', args, { cwd: this.root, env: environment(), input })
  }

  git(...args: readonly string[]): string {
    return git(this.folder, ...args)
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`

export interface Vector {
  readonly id: string
  plant(at: Planted): void
  /** What others plant: all of it, or only some, and nothing of others that hide some. */
  readonly hides?: 'all' | 'some'
  /** Arguments of stock git; after `<`, what it reads. */
  readonly fire: string | ((at: Planted) => void)
}

/** To be copied for each vector. Remove it when done. */
export function createTemplate(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wave-git-template-'))
  const root = join(folder, 'project')
  mkdirSync(join(root, 'sub'), { recursive: true })
  for (const at of [root, join(root, 'sub')]) {
    git(at, 'init', '-q', '-b', 'main', '--template=')
    writeFileSync(join(at, 'a.txt'), 'one\ntwo\nthree\n')
    writeFileSync(join(at, 'b.bin'), Buffer.from([0, 1, 2]))
    git(at, 'add', '.')
    git(at, 'commit', '-q', '-m', 'first')
  }
  writeFileSync(join(root, '.gitmodules'), '[submodule "sub"]\n\tpath = sub\n\turl = ./sub\n')
  git(root, 'checkout', '-q', '-b', 'other')
  writeFileSync(join(root, 'a.txt'), 'one\ntwo\n3\n')
  git(root, 'commit', '-q', '-a', '-m', 'other')
  git(root, 'checkout', '-q', 'main')
  writeFileSync(join(root, 'a.txt'), 'ONE\ntwo\nthree\n')
  git(root, 'add', 'a.txt', '.gitmodules', 'sub')
  git(root, 'commit', '-q', '-m', 'second')
  signTip(root)
  // Of the same length: only the content tells.
  writeFileSync(join(root, 'a.txt'), 'ONE\nTWO\nthree\n')
  writeFileSync(join(root, 'sub/a.txt'), 'ONE\ntwo\nthree\n')
  writeFileSync(join(root, 'untracked.txt'), 'x\n')
  return folder
}

/** Checking the signature means running something. */
function signTip(root: string): void {
  const raw = git(root, 'cat-file', 'commit', 'HEAD')
  const signature = 'gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n'
  const signed = raw.replace(/\n\n/, `\n${signature}\n`)
  const id = execFileSync('git', ['hash-object', '-t', 'commit', '-w', '--stdin'], {
    cwd: root,
    env: environment(),
    input: signed,
    encoding: 'utf8',
  })
  git(root, 'update-ref', 'refs/heads/main', id.trim())
}

function git(cwd: string, ...args: readonly string[]): string {
  return execFileSync('git', args, { cwd, env: environment(), encoding: 'utf8' })
}

/** Of a user who has no settings of their own; no editor but the one that is configured. */
function environment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    TERM: 'dumb',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.org',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.org',
  }
}

/** As few groups as can be planted at once, none of them with a setting or file of another. */
export function groupVectors(
  vectors: readonly Vector[],
  template: string,
): readonly (readonly Vector[])[] {
  using at = new Planted(template)
  const groups: { readonly vectors: Vector[]; readonly touched: Set<string> }[] = []
  for (const vector of vectors.filter(({ hides }) => hides === undefined)) {
    const touched = at.plant(vector)
    const fitting = groups.find((group) => group.touched.isDisjointFrom(touched))
    if (fitting === undefined) {
      groups.push({ vectors: [vector], touched: new Set(touched) })
    } else {
      fitting.vectors.push(vector)
      for (const one of touched) fitting.touched.add(one)
    }
  }
  const alone = vectors.filter(({ hides }) => hides === 'all')
  return [
    ...groups.map((group) => group.vectors),
    vectors.filter(({ hides }) => hides === 'some'),
    ...alone.map((vector) => [vector]),
  ]
}
