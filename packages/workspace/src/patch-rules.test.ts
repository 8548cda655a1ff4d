import { expect, it } from 'vitest'

import { judgeChange } from './patch-rules.ts'

const judge = (path: string, newMode = '100644', oldMode: string | undefined = '100644') =>
  judgeChange({ path, oldMode, newMode }).verdict

it.each([
  '../x',
  'a/../../x',
  '/etc/passwd',
  'C:/x',
  'a\\b',
  '',
  'a//b',
  './a',
  'a/.',

  '.git/hooks/x',
  '.GIT/x',
  'sub/.git/config',
  '.git',
  '.g\u200Cit/config',
  '.git./x',
  '.git /x',
  'git~1/config',
  '.git::$INDEX_ALLOCATION/x',
  '.gitmodules',
  'sub/.GitModules',
  'gitmod~1',
])('GH-20 %j is rejected', (path) => {
  expect(judge(path)).toBe('rejected')
})

it.each(['120000', '160000', '100664', '040000'])('GH-22 mode %s is rejected', (mode) => {
  expect(judge('a', mode, undefined)).toBe('rejected')
})

it.each([
  '.wave/config.yaml',
  'packages/api/.wave/pipelines/x.yaml',
  '.github/workflows/ci.yml',

  '.gitlab-ci.yml',
  '.vscode/tasks.json',
  '.v\u017Fcode/tasks.json',
  '.vscode\u200C/tasks.json',
  'package.json.',
  '.idea/workspace.xml',
  '.devcontainer/devcontainer.json',
  '.envrc',
  '.husky/pre-commit',
  '.npmrc',
  'web/package.json',
  'pyproject.toml',
  'Cargo.toml',
  'go.mod',
  'pom.xml',
  'app/build.gradle.kts',
  'Gemfile',
  'requirements-dev.txt',
  '.env',
  'api/.env.production',
  'Makefile',
  'build/rules.mk',
  'package-lock.json',
  'Cargo.lock',
  'go.sum',
  'CODEOWNERS',
  '.github/CODEOWNERS',
  '.gitattributes',
  '.gitea/workflows/ci.yml',
  'CLAUDE.md',
  'docs/AGENTS.md',
  '.cursor/rules/x.mdc',
  '.mcp.json',
  '.dir-locals.el',
  'composer.json',
  'Justfile',
  'setup.py',
])('GH-23 %s is flagged', (path) => {
  expect(judge(path)).toBe('flagged')
})

it('GH-23 a file that becomes executable is flagged, one that was is not', () => {
  expect(judge('run.sh', '100755')).toBe('flagged')
  expect(judge('run.sh', '100755', '100755')).toBe('plain')
})

it.each([
  'src/a.ts',
  'a.github/x',
  'gitignore',
  '.env.example',
  '.environment',
  '.gitignore',
  'docs/package.json.md',
  'MakefileParser.ts',
])('%s is plain', (path) => {
  expect(judge(path)).toBe('plain')
})

it('GH-23 the removal of a flagged file, and a change of its mode alone, are flagged', () => {
  const path = '.github/workflows/ci.yml'
  expect(judgeChange({ path, oldMode: '100644', newMode: undefined }).verdict).toBe('flagged')
  expect(judgeChange({ path, oldMode: '100755', newMode: '100644' }).verdict).toBe('flagged')
  expect(judge('run.sh', '100644', '100755')).toBe('plain')
})

it('the removal of a link is plain', () => {
  expect(judgeChange({ path: 'l', oldMode: '120000', newMode: undefined }).verdict).toBe('plain')
})
