import type { Findings } from '../findings.ts'
import { code } from '../report/markdown.ts'

/** What was not there to be read. Missing data is no evidence, so each gap is told. */
export function gapsOf(facts: Omit<Findings, 'gaps'>): string[] {
  const { signals, frames, source, history } = facts
  // A region or another's outage is nothing that a repository can show.
  const { regions: _, outages: __, ...checkable } = signals
  const stale = frames.filter((frame) => ['differs', 'no-such-line'].includes(frame.match))
  const gaps: [boolean, string][] = [
    [
      Object.values(checkable).every((kind) => kind.length === 0),
      'The symptom holds no signal that can be checked: no time, status, endpoint, stack frame, error, name or file.',
    ],
    [facts.inputTruncated, 'The symptom is longer than 1 MB; the rest was not read.'],
    [facts.start === undefined, 'When it started is unknown: the symptom names no time.'],
    [signals.frames.length === 0, 'The symptom holds no stack trace.'],
    [
      signals.frames.length > 0 && frames.length === 0,
      'No stack frame names a file of this repository.',
    ],
    [
      stale.length > 0,
      `${stale.length} stack frame(s) do not match the source here: the failing version may differ from the snapshot.`,
    ],
    [source.files === 0, 'The repository holds no files.'],
    [source.head === undefined, 'There is no commit to look at: no git history.'],
    [
      source.head !== undefined && history.ranked === 0,
      'The history holds no ordinary commit to rank: only root or merge commits.',
    ],
    [
      source.dirty,
      'The working copy differs from the last commit; what runs in production may differ again.',
    ],
    [
      source.scannedFiles < source.files,
      `${source.files - source.scannedFiles} of ${source.files} files were not searched: binary, generated, too large or beyond the limit.`,
    ],
    [source.dropped.length > 0, describeDropped(source.dropped)],
    [
      true,
      'Deployments, metrics, logs beyond the symptom, and the number of affected users were not available.',
    ],
  ]
  return gaps.filter(([holds]) => holds).map(([, text]) => text)
}

const MAX_NAMED = 5

function describeDropped(dropped: Findings['source']['dropped']): string {
  const named = dropped.slice(0, MAX_NAMED).map(({ path, reason }) => `${code(path)} (${reason})`)
  const more = dropped.length > MAX_NAMED ? ` and ${dropped.length - MAX_NAMED} more` : ''
  return `${dropped.length} path(s) were left out of the snapshot: ${named.join(', ')}${more}.`
}
