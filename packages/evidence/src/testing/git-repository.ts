import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const CLEAN = {
  PATH: process.env['PATH'],
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Dev',
  GIT_AUTHOR_EMAIL: 'dev@example.org',
  GIT_COMMITTER_NAME: 'Dev',
  GIT_COMMITTER_EMAIL: 'dev@example.org',
}

/** A throwaway repository for tests; removed when disposed. */
export class GitRepository implements Disposable {
  readonly root: string

  constructor() {
    this.root = mkdtempSync(join(tmpdir(), 'wave-evidence-'))
    this.git(['init', '-q', '-b', 'main'])
  }

  git(
    args: readonly string[],
    options: { env?: Record<string, string>; input?: Buffer } = {},
  ): Buffer {
    return execFileSync('git', ['-C', this.root, ...args], {
      env: { ...CLEAN, ...options.env },
      input: options.input ?? '',
      maxBuffer: 1 << 28,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
  }

  write(files: Readonly<Record<string, string | Uint8Array>>): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true })
      writeFileSync(join(this.root, path), content)
    }
  }

  /** Writes the files, commits everything at `date`, and returns the commit id. */
  commit(
    message: string,
    date: string,
    files: Readonly<Record<string, string | Uint8Array>>,
  ): string {
    this.write(files)
    this.git(['add', '-A'])
    this.git(['commit', '-q', '--allow-empty', '-m', message], {
      env: { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
    })
    return this.git(['rev-parse', 'HEAD']).toString().trim()
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
