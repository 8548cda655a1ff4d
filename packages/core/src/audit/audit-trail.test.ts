import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { NewRunEvent, RunEvent } from '../events.ts'
import { scanJournal } from '../run/journal/journal-scan.ts'
import { inertMarkdown } from '../artifact/inert-markdown.ts'
import { auditTrail } from './audit-trail.ts'
import type { AuditEntry, AuditTrail } from './audit-entry.ts'
import { renderAuditMarkdown } from './audit-markdown.ts'

const FOLDER = join(import.meta.dirname, '../run/fixtures/journals')
const JOURNALS = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl'))

function recorded(name: string): readonly RunEvent[] {
  return scanJournal(readFileSync(join(FOLDER, name)), name).events
}

function trailOf(events: readonly RunEvent[]): AuditTrail {
  return auditTrail({ events, digest: 'a'.repeat(64) })
}

function stamped(...events: readonly NewRunEvent[]): readonly RunEvent[] {
  const at = '2026-11-22T10:00:00.000Z'
  return events.map((event, seq) => Object.assign({ seq, prev: '', v: 1 as const, at }, event))
}

/** `actor: action`, and the result behind it. */
function lines(entries: readonly AuditEntry[]): readonly string[] {
  return entries.map(({ actor, action, result = '' }) =>
    `${actor.kind} ${actor.name}: ${action} = ${result}`.replaceAll(/[0-9a-f]{40,64}/gu, '#'),
  )
}

test.each(JOURNALS)('every record of %s has its place in the trail, in order', (name) => {
  const events = recorded(name)
  const { entries, records } = trailOf(events)
  expect(records).toBe(events.length)
  expect([...new Set(entries.map(({ seq }) => seq))]).toEqual(events.map(({ seq }) => seq))
  expect(entries.map(({ seq }) => seq)).toEqual(
    entries.map(({ seq }) => seq).toSorted((left, right) => left - right),
  )
  expect(entries.every(({ seq, at }) => events[seq]?.at === at)).toBe(true)
})

test.each(JOURNALS)(
  'every digest in the trail of %s stands in that very record or before it',
  (name) => {
    const events = recorded(name)
    const texts = events.map((event) => JSON.stringify(event))
    const foreign = trailOf(events).entries.flatMap(({ seq, inputs, outputs }) =>
      [...inputs, ...outputs].filter(
        ({ digest }) => !texts.slice(0, seq + 1).some((text) => text.includes(digest)),
      ),
    )
    expect(foreign).toEqual([])
  },
)

test('who started, who answered, which tool and which model: each is named with what it was given', () => {
  const { entries } = trailOf(recorded('0.1.0-completed.jsonl'))
  expect(lines(entries).slice(0, 8)).toMatchInlineSnapshot(`
    [
      "user user: started the pipeline reference with wave 0.1.0 = ",
      "wave wave: froze the project = tree base, files: 0, no commit",
      "image sandbox: was chosen for the docker sandbox = memory@sha256:0",
      "wave wave: planned the steps plan, review, fix, polish, audit, verify, report = sandbox docker; limits: 60 minutes, 1 at a time; plan on scripted/script-1; review on scripted/script-1; fix on scripted/script-1; report on scripted/script-1",
      "step plan: began attempt 1 = on the tree base",
      "step plan: asked the model scripted/script-1, turn 1 = maxOutputTokens 16384",
      "model scripted/script-1: answered = stop: tools; 100 tokens in, 10 out; $0.25",
      "step plan: called the tool note (call-1-1) = ",
    ]
  `)
  expect(entries.find(({ actor }) => actor.kind === 'tool')?.outputs).toEqual([
    { name: 'output', digest: expect.stringMatching(/^[0-9a-f]{64}$/u), sizeBytes: 6 },
  ])
})

test('a resumed run says what it resumed with, and which paid replies it used again', () => {
  const told = lines(trailOf(recorded('0.1.0-resumed.jsonl')).entries)
  expect(told.filter((line) => line.startsWith('user'))).toHaveLength(3)
  expect(told.join('\n')).toContain('user user: resumed the run with wave 0.1.0')
  expect(told.join('\n')).toContain('had answered before; the paid reply is used')
})

test('a gate says who answered: a person, or nobody in time', () => {
  const waiting = {
    type: 'gate-waiting',
    step: 'sign-off',
    message: 'Ship?',
    choices: [{ key: 'y', label: 'Yes' }],
    waitMs: 1000,
  } as const
  const answer = { type: 'gate-answered', step: 'sign-off', choice: 'y' } as const
  const told = lines(
    trailOf(
      stamped(waiting, { ...answer, text: 'checked it', by: 'user' }, waiting, {
        ...answer,
        text: '',
        by: 'timeout',
      }),
    ).entries,
  )
  expect(told).toEqual([
    'wave wave: asked for a decision in sign-off: Ship? = y = Yes; for 1000 ms',
    'user user: answered sign-off: y = checked it',
    'wave wave: asked for a decision in sign-off: Ship? = y = Yes; for 1000 ms',
    'timeout timeout: answered sign-off: y = ',
  ])
})

test('a cancelled run names the signal; a skipped step its reason and the values of its condition', () => {
  const cancelled = lines(trailOf(recorded('0.1.0-cancelled.jsonl')).entries)
  expect(cancelled.at(-1)).toMatch(/ended the run: cancelled = exit code 130 \(SIGINT\)/u)
  const when = { expression: 'a == 1', values: { a: '2' }, result: 'false' }
  const [skipped] = trailOf(
    stamped({ type: 'step-skipped', step: 'fix', because: 'its condition is false', when }),
  ).entries
  expect(skipped).toMatchObject({
    action: 'skipped the step fix',
    result: 'its condition is false; a == 1 gave false (a is 2)',
  })
})

const HOSTILE =
  'a|b\n# c <img src=x> ![d](http://e.f/?g) [h](javascript:i) `j` \u202ek\u001b[2J @l www.m.n'

test('text from elsewhere is inert in the document, and stays in its cell', () => {
  const warning = { type: 'warning', step: HOSTILE, message: HOSTILE } as const
  const failed = {
    type: 'model-failed',
    step: 's',
    key: 'k',
    class: 'retryable',
    message: HOSTILE.repeat(100),
    retryInMs: undefined,
    usage: undefined,
    costUsd: 0,
  } as const
  const text = renderAuditMarkdown(trailOf(stamped(warning, failed)))
  expect(inertMarkdown(text)).toEqual({ text, notes: [] })
  expect(text).not.toContain('\u{202e}')
  expect(text).not.toContain('\u{1b}')
  expect(text).not.toContain('www.')
  const rows = text.split('\n').filter((line) => /^\| \d/u.test(line))
  expect(rows.map((row) => row.split(/(?<!\\)\|/u).length)).toEqual([9, 9])
  expect(Math.max(...rows.map((row) => row.length))).toBeLessThan(2000)
})

test('of a very long trail the document leaves out the end, and counts it', () => {
  const warning = { type: 'warning', step: 's', message: 'm' } as const
  const text = renderAuditMarkdown(trailOf(stamped(...Array.from({ length: 5003 }, () => warning))))
  expect(text.split('\n').filter((line) => /^\| \d/u.test(line))).toHaveLength(5000)
  expect(text).toContain('3 more entries are in the JSON form.')
})
