import type { PatchedFile } from '@wave/core'
import { holdsTokenShape, MARK } from '@wave/core/redaction'

/** One changed path, as the rules see it. Modes are git's, undefined where the file is not there. */
export interface ChangedEntry {
  readonly path: string
  readonly oldMode: string | undefined
  readonly newMode: string | undefined
  readonly addedLines?: readonly string[]
}

export type Judgement =
  | { readonly verdict: 'plain' }
  | { readonly verdict: 'flagged' | 'rejected'; readonly because: string }

/** Whether a change may be applied: freely, after an explicit yes, or never. */
export function judgeChange(entry: ChangedEntry): Judgement {
  const because = pathProblem(entry.path) ?? modeProblem(entry)
  if (because !== undefined) return { verdict: 'rejected', because }
  const folded = entry.path.split('/').map(foldName).join('/')
  const flag = FLAGS.find((candidate) => candidate.paths.test(folded))?.because
  const becomesProgram = entry.newMode === '100755' && entry.oldMode !== '100755'
  const reasons = [
    flag ?? (becomesProgram ? 'becomes executable' : undefined),
    contentProblem(entry.addedLines ?? []),
  ].filter((reason) => reason !== undefined)
  if (reasons.length === 0) return { verdict: 'plain' }
  return { verdict: 'flagged', because: reasons.join(', and ') }
}

/** A patch stays as it was made, so what should not be in a file is left to whoever looks at it. */
function contentProblem(addedLines: readonly string[]): string | undefined {
  const text = addedLines.join('\n')
  if (holdsTokenShape(text)) return 'holds what looks like a secret'
  return text.includes(MARK) ? `holds "${MARK}", where a secret may have stood` : undefined
}

export function statusOf(entry: ChangedEntry): PatchedFile['status'] {
  if (entry.oldMode === undefined) return 'added'
  return entry.newMode === undefined ? 'deleted' : 'modified'
}

/** Why a path may not be written at all, whatever its content. */
export function pathProblem(path: string): string | undefined {
  if (path === '' || path.startsWith('/') || /^[a-z]:/i.test(path)) return 'is not a relative path'
  if (path.includes('\0') || path.includes('\\')) return 'holds a character that paths may not have'
  for (const part of path.split('/')) {
    const problem = partProblem(part)
    if (problem !== undefined) return problem
  }
  return undefined
}

function partProblem(part: string): string | undefined {
  if (part === '' || part === '.' || part === '..') return 'is not a plain path'
  const name = foldName(part)
  if (name === '.git' || name === 'git~1') return 'lies in git’s own folder'
  return name === '.gitmodules' || /^(gitmod|gi7eba)~\d$/.test(name)
    ? 'declares submodules'
    : undefined
}

/** What file systems that ignore case, trailing dots, streams or invisible characters make of a name. */
function foldName(part: string): string {
  return part
    .normalize('NFKC')
    .replaceAll(INVISIBLE, '')
    .replace(/:.*$/s, '')
    .replace(/[. ]+$/, '')
    .toLowerCase()
}

const INVISIBLE = /[\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF]/g

function modeProblem(entry: ChangedEntry): string | undefined {
  const { newMode } = entry
  if (newMode === undefined || newMode === '100644' || newMode === '100755') return undefined
  if (newMode === '160000') return 'is a submodule'
  return newMode === '120000' ? 'is a link' : `has mode ${newMode}`
}

/** Folded paths that can run code, or decide who reviews, once they are in the user's tree. */
const FLAGS: readonly { readonly paths: RegExp; readonly because: string }[] = [
  { paths: /(^|\/)\.wave\//, because: 'configures wave' },
  {
    paths:
      /(^|\/)(\.github|\.gitlab|\.gitea|\.forgejo|\.circleci|\.buildkite|\.semaphore|\.azure-pipelines|\.teamcity|\.woodpecker|\.ci)\//,
    because: 'configures CI',
  },
  {
    paths:
      /(^|\/)(\.gitlab-ci\.ya?ml|\.travis\.yml|azure-pipelines[^/]*\.ya?ml|jenkinsfile|bitbucket-pipelines\.yml|\.drone\.ya?ml|\.woodpecker\.ya?ml|\.cirrus\.(ya?ml|star)|\.?appveyor\.yml|buildspec\.ya?ml|cloudbuild\.ya?ml)$/,
    because: 'configures CI',
  },
  {
    paths: /(^|\/)(\.vscode|\.idea|\.devcontainer|\.zed|\.fleet|\.vs)\//,
    because: 'configures an editor, which may run it',
  },
  {
    paths:
      /(^|\/)(\.devcontainer\.json|\.exrc|\.n?vimrc|\.nvim\.lua|\.dir-locals(-2)?\.el|\.(gdb|lldb)init|[^/]*\.code-workspace)$/,
    because: 'configures an editor or debugger, which may run it',
  },
  {
    paths:
      /(^|\/)((\.cursor|\.claude|\.codex|\.gemini|\.windsurf)\/|(agents|claude|gemini)\.md$|\.(cursor|windsurf|cline)rules$|\.mcp\.json$)/,
    because: 'instructs coding agents',
  },
  {
    paths: /(^|\/)(\.envrc|mise\.toml|\.mise\.toml|\.tool-versions)$/,
    because: 'runs when the folder is entered',
  },
  {
    // Files that only show what one has to set are read by people.
    paths: /(^|\/)\.env(\.(?!(example|sample|template|dist)$)[^/]*)?$/,
    because: 'sets the environment of programs',
  },
  {
    paths:
      /(^|\/)((\.husky|\.githooks)\/|\.?lefthook[^/]*\.(ya?ml|toml|json)$|\.pre-commit-config\.ya?ml$)/,
    because: 'is a git hook',
  },
  {
    paths: /(^|\/)(\.npmrc|\.yarnrc(\.yml)?|\.pnpmfile\.c?js|pip\.conf|\.cargo\/config(\.toml)?)$/,
    because: 'configures a package manager',
  },
  {
    paths:
      /(^|\/)(package\.json|composer\.json|deno\.jsonc?|pyproject\.toml|setup\.cfg|pipfile|requirements[^/]*\.txt|gemfile|[^/]*\.gemspec|cargo\.toml|go\.mod|pom\.xml|(build|settings)\.gradle(\.kts)?|mix\.exs|pubspec\.yaml)$/,
    because: 'holds scripts and dependencies',
  },
  { paths: /(^|\/)(gnu)?makefile$|\.mk$/, because: 'is run by make' },
  {
    paths:
      /(^|\/)(\.?justfile|taskfile\.ya?ml|rakefile|setup\.py|build\.rs|binding\.gyp|gradlew|mvnw)$/,
    because: 'is run by builds or installs',
  },
  {
    paths:
      /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|deno\.lock|cargo\.lock|poetry\.lock|uv\.lock|pdm\.lock|pipfile\.lock|gemfile\.lock|composer\.lock|go\.sum|flake\.lock|mix\.lock|pubspec\.lock|podfile\.lock|gradle\.lockfile)$/,
    because: 'is a lockfile',
  },
  { paths: /(^|\/)codeowners$/, because: 'decides who reviews' },
  { paths: /(^|\/)\.gitattributes$/, because: 'can make git run filters' },
]
