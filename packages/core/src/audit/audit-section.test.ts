import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inertMarkdown } from '../artifact/inert-markdown.ts'
import type { NewRunEvent, RunEvent } from '../events.ts'
import { scanJournal } from '../run/journal/journal-scan.ts'
import { renderAuditSection } from './audit-section.ts'
import { auditTrail } from './audit-trail.ts'

function sectionOf(events: readonly RunEvent[]): string {
  return renderAuditSection(auditTrail({ events, digest: 'a'.repeat(64) }))
}

function rowsOf(section: string): readonly string[] {
  return section.split('\n').filter((line) => /^\| \d/u.test(line))
}

test('calls of models and tools are one line for each attempt, with how many of which', () => {
  const name = '0.1.0-completed.jsonl'
  const journal = join(import.meta.dirname, '../run/fixtures/journals', name)
  const { events } = scanJournal(readFileSync(journal), name)
  const rows = rowsOf(sectionOf(events))
  const plan = rows.filter((row) => row.includes('| plan ('))
  expect(plan.map((row) => row.split(' | ')[3])).toEqual([
    'began attempt 1',
    'asked models 2 times, called tools 2 times',
    expect.stringMatching(/^completed in attempt 1/),
  ])
  expect(plan[1]).toContain('scripted/script-1: 2; note: 1')
})

test('of very many lines the middle is left out and counted, and nothing in them is Markdown', () => {
  const warning: NewRunEvent = { type: 'warning', step: '', message: '<b># ![x](http://e.f)' }
  const events = Array.from({ length: 300 }, (_, seq) =>
    Object.assign({ seq, prev: '', v: 1 as const, at: '2026-11-22T10:00:00.000Z' }, warning),
  )
  const section = sectionOf(events)
  const rows = rowsOf(section)
  expect(rows).toHaveLength(201)
  expect(rows[100]).toContain('100 more entries are left out here')
  expect(rows.at(-1)).toMatch(/^\| 299 \|/)
  expect(inertMarkdown(section)).toEqual({ text: section, notes: [] })
})
