import type { Findings } from '../findings.ts'
import type { Remedy } from '../remedy.ts'
import { cell, short } from './markdown.ts'

const MAX_STAMPS = 6
const MAX_COMMITS = 10

interface Entry {
  readonly at: string
  readonly event: string
  readonly source: string
}

/** Facts in the order of time, each with where it comes from. No entry is inferred. */
export function renderTimeline(findings: Findings, remedy: Remedy): string {
  const entries = [...symptomEntries(findings), ...commitEntries(findings, remedy)]
  if (entries.length === 0) return 'No dated fact is known.'
  const rows = entries
    .toSorted((a, b) => (a.at === b.at ? 0 : a.at < b.at ? -1 : 1))
    .map(
      ({ at, event, source }) =>
        `| ${at.slice(0, 10)} ${at.slice(11, 19)} | ${event} | ${source} |`,
    )
  return ['| Time (UTC) | Event | Source |', '|---|---|---|', ...rows].join('\n')
}

function symptomEntries({ signals, start }: Findings): Entry[] {
  const stamps = signals.times.filter((time) => time.utc !== start?.utc).slice(0, MAX_STAMPS)
  const began =
    start === undefined
      ? []
      : [
          {
            at: start.utc,
            event: `The symptom begins (${start.basis}${start.assumptions.length > 0 ? `; ${start.assumptions.join('; ')}` : ''}): ${cell(start.quote)}`,
            source: `symptom line ${start.line}`,
          },
        ]
  return [
    ...began,
    ...stamps.map((time) => ({
      at: time.utc,
      event: `${time.role === 'log' ? 'Logged' : 'Named in the symptom'}: ${cell(time.quote)}`,
      source: `symptom line ${time.line}`,
    })),
  ]
}

function commitEntries({ recent, commits }: Findings, { suspect, verdict }: Remedy): Entry[] {
  const ranks = new Map(commits.map((one, index) => [one.commit.id, index + 1]))
  const suspects = commits.slice(0, 3).map((one) => one.commit)
  const shown = new Map(
    [...recent, ...suspects].slice(0, MAX_COMMITS + 3).map((commit) => [commit.id, commit]),
  )
  return [...shown.values()].map((commit) => {
    const rank = ranks.get(commit.id)
    const proven = verdict === 'confirmed' && suspect?.commit.id === commit.id
    const note = proven
      ? ' (proven cause)'
      : rank === undefined || rank > 3
        ? ''
        : ` (candidate ${rank})`
    return {
      at: commit.committedAt,
      event: `Committed: ${cell(commit.subject)}${note}`,
      source: `git, commit ${short(commit.id)}`,
    }
  })
}
