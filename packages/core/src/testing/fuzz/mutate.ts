import { type Choices, isMap, type Tree, type TreeMap } from './choices.ts'

/** Does something wrong to a tree, somewhere; the tree is changed in place. */
export function mutateTree(root: TreeMap, choices: Choices): void {
  const places = placesIn(root)
  const { parent, key } = choices.pick(places)
  if (Array.isArray(parent)) mutateList(parent, Number(key), choices)
  else mutateMap(parent, String(key), choices)
}

/** Does something wrong to the text of a file. */
export function mutateText(text: string, choices: Choices): string {
  const lines = text.split('\n')
  const from = choices.upTo(lines.length - 1)
  const line = lines[from] ?? ''
  const at = choices.upTo(line.length)
  const piece = choices.pick(PIECES)
  const changed = choices.pick<() => readonly string[]>([
    () => [...lines.slice(0, from), ...lines.slice(from + 1)],
    () => [...lines.slice(0, from), line, ...lines.slice(from)],
    () => lines.with(from, line.slice(0, at) + piece + line.slice(at)),
    () => lines.with(from, line.slice(0, at)),
    () => lines.with(from, ` ${line}`),
    () => lines.with(from, line.replace(':', choices.pick(['', ' :', ':\t', ': |', ': &a *a']))),
    () => [...lines.slice(0, from), piece, ...lines.slice(from)],
  ])
  return changed().join(choices.pick(['\n', '\n', '\r\n']))
}

interface Spot {
  readonly parent: TreeMap | Tree[]
  readonly key: string | number
}

function placesIn(tree: TreeMap | Tree[]): readonly Spot[] {
  const entries: readonly (readonly [string | number, Tree])[] = Array.isArray(tree)
    ? [...tree.entries()]
    : Object.entries(tree)
  return entries.flatMap(([key, value]) => {
    const own: Spot = { parent: tree, key }
    return isMap(value) || Array.isArray(value) ? [own].concat(placesIn(value)) : [own]
  })
}

function mutateMap(map: TreeMap, key: string, choices: Choices): void {
  const value = map[key] ?? null
  const kind = choices.upTo(5)
  if (kind === 0) Reflect.deleteProperty(map, key)
  else if (kind === 1) {
    Reflect.deleteProperty(map, key)
    map[misspell(key, choices)] = value
  } else if (kind === 2) map[choices.pick(KEYS)] = makeValue(choices)
  else map[key] = replace(value, choices)
}

function mutateList(list: Tree[], index: number, choices: Choices): void {
  const value = list[index] ?? null
  const kind = choices.upTo(3)
  if (kind === 0) list.splice(index, 1)
  else if (kind === 1) list.push(structuredClone(value))
  else if (kind === 2) list.reverse()
  else list[index] = replace(value, choices)
}

function replace(value: Tree, choices: Choices): Tree {
  if (typeof value === 'string' && choices.chance(70)) return spoil(value, choices)
  if (typeof value === 'number' && choices.chance(50)) return choices.pick(NUMBERS)
  return makeValue(choices)
}

function spoil(text: string, choices: Choices): string {
  const at = choices.upTo(text.length)
  const piece = choices.pick([...PIECES, choices.text()])
  return choices.pick([
    misspell(text, choices),
    text.slice(0, at) + piece + text.slice(at),
    piece,
    text.slice(at),
    text.toUpperCase(),
    text.repeat(choices.pick([0, 2, 300])),
  ])
}

function misspell(word: string, choices: Choices): string {
  const at = choices.upTo(Math.max(0, word.length - 1))
  const letter = word[at] ?? 'x'
  const swapped = word.slice(0, at) + (word[at + 1] ?? '') + letter + word.slice(at + 2)
  return choices.pick([word.slice(0, at) + word.slice(at + 1), swapped, `${word}s`, `${word}-`])
}

function makeValue(choices: Choices): Tree {
  return choices.pick<() => Tree>([
    () => choices.pick(NUMBERS),
    () => choices.pick([true, false, null]),
    () => choices.pick(PIECES),
    () => choices.text(),
    () => [],
    () => ({}),
    () => [choices.pick(PIECES), 1, null],
    () => ({ [choices.pick(KEYS)]: choices.pick(PIECES) }),
    () => nest(choices.pick([3, 20, 70, 400])),
    () => 'long '.repeat(choices.pick([10, 1000])),
  ])()
}

function nest(depth: number): Tree {
  let tree: Tree = 'deep'
  for (let level = 0; level < depth; level += 1) tree = level % 2 === 0 ? [tree] : { a: tree }
  return tree
}

const NUMBERS = [0, 1, -1, 3, 1.5, 1e9, 1e308, Number.MAX_SAFE_INTEGER]

/** Keys of the languages at places where they do not belong, and some that belong nowhere. */
const KEYS = [
  'id', 'name', 'steps', 'loop', 'branch', 'gate', 'aggregate', 'iterate', 'strategy', 'pipeline',
  'exec', 'script', 'persona', 'when', 'if', 'needs', 'dependencies', 'memory', 'workspace', 'retry',
  'handover', 'outcomes', 'output_artifacts', 'rework_only', 'timeout', 'timeout_minutes', 'limits',
  'run', 'consensus', 'template', 'loops', 'wave', 'execution', 'env', 'input', 'kind', '$schema',
  'hooks', 'verdict', 'pipeline_outputs', '__proto__', 'constructor', 'toString', '<<', '', 'a b',
  'é', '0', 'null',
] // prettier-ignore

/** What each part of the languages reads: YAML, templates, conditions, paths, names. */
const PIECES = [
  '{{ input }}', '{{', '}}', '{% raw %}', '{% if %}', '{% for x in y %}', '{{ x | json }}', '{%',
  '{{ steps.s0.artifacts.made-s0.a }}', '{{ input.__proto__.x }}', '{{ "a" | date: "now" }}',
  '{{ (1..99999999) }}', '{% assign a = input %}{{ a }}', "{% include 'x' %}", '${{ s0 }}',
  '{{s0.severity}}', '{{s0.a.b[0].c}}', '{{loop.item}}', '{{env.x}}', '{{input.a.b}}',
  'steps.s0.outcome == "completed"', 'size(input) > 0 &&', '((((', '[1, 2, 3]', '"a" in', '!', '-',
  'input.matches("(a+)+$")', 'x.map(y, y.map(z, z))', '1 == 1 ? true : false', 'b"x"', '0x7fffffffffffffff',
  's0 AND s1', "'a' == 'b' OR NOT", "{{s0}} contains 'x'", '[A/B/C]', 'Severity: [P1/P2]',
  '&a', '*a', '!!binary', '!!js/function', '- ', ': ', '#', '|', '>', '"', "'", '[', '{', ']', '}',
  '---', '...', '%YAML 1.1', '\t', '\0', '\u{feff}', '\u{202e}', '\u{2028}', '\u{d800}', '💥', 'ß', '\\', '\u{1b}[2J',
  '../x', '/etc/passwd', '.git', 'con', 'a'.repeat(65), '-rf', '*', '**', '[a-', '(a+)+$', '^', '1h', '0s', '99999h',
  's0', 's1', 's0.made-s0', 's0/a', 'child', 'skip', 'evidence/triage', 'json_schema', 'rework', 'vote', '2/3', '3/2',
] // prettier-ignore
