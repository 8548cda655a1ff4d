import type { CrashPoint } from './suite.ts'

/** A point, and whose it was. */
export interface Tried extends CrashPoint {
  readonly suite: string
}

const COLUMNS = [
  'suite',
  'case',
  'call',
  'fault',
  'points',
  'survived',
  'repeated calls',
  'seconds',
]
const FIRST_NUMBER = 4

/** One line for each kind of fault, a sum, and how to repeat what was not survived. */
export function renderTable(tried: readonly Tried[]): string {
  const kinds = Object.groupBy(tried, ({ suite, caseId, call, fault }) =>
    [suite, caseId, call, fault].join(':'),
  )
  const rows = Object.entries(kinds).map(([kind, points = []]) =>
    kind.split(':').concat(figures(points)),
  )
  const lines = [COLUMNS, ...rows, ['all', '', '', '', ...figures(tried)]]
  const widths = COLUMNS.map((_, at) => Math.max(...lines.map((cells) => (cells[at] ?? '').length)))
  const table = lines.map((cells) =>
    widths
      .map((width, at) => {
        const cell = cells[at] ?? ''
        return at < FIRST_NUMBER ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  ')
      .trimEnd(),
  )
  const failures = tried.filter(({ problems }) => problems.length > 0).map(renderFailure)
  return `${table.join('\n')}\n${failures.length > 0 ? `\nNot survived:\n${failures.join('')}` : ''}`
}

/** What went wrong at one point, and how to repeat that alone. */
export function renderFailure({ suite, call, fault, point, problems }: Tried): string {
  const again = `npm run crash -- --only ${[suite, call, fault, point].join(':')}`
  return `${again}\n${problems.map((problem) => `  ${problem}\n`).join('')}`
}

function figures(points: readonly Tried[]): readonly string[] {
  const survived = points.filter(({ problems }) => problems.length === 0).length
  const repeated = points.flatMap(({ repeatedCalls }) => repeatedCalls ?? [])
  const seconds = points.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000
  return [
    String(points.length),
    String(survived),
    repeated.length === 0 ? '-' : String(Math.max(...repeated)),
    seconds.toFixed(0),
  ]
}
