import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RunEvent } from '../../events.ts'
import { FIRST_PREV, encodeRecord } from '../journal/record.ts'
import { scanJournal } from '../journal/journal-scan.ts'
import { REFERENCE_FILES, REFERENCE_YAML, referenceAnswer } from '../../testing/reference-run.ts'
import { ResumeRig } from '../../testing/resume-rig.ts'
import { artifactYaml, pipelineYaml, promptYaml } from '../../testing/yaml-run.ts'
import { fold, totalUsage } from '../state.ts'
import type { RunState } from '../state.ts'

/**
 * Journals as released versions wrote them. They are never changed: what cannot be read any more has to say so.
 * Missing ones are written with WAVE_WRITE_JOURNALS=<version>, under that version's name.
 */
const FOLDER = join(import.meta.dirname, '../fixtures/journals')

const reference = (): ResumeRig =>
  new ResumeRig({
    yaml: REFERENCE_YAML,
    files: REFERENCE_FILES,
    answer: referenceAnswer,
    limits: { concurrency: 1 },
  })
const GATE = pipelineYaml(
  promptYaml('fix', artifactYaml('fix', 'txt')) +
    `  - id: sign-off\n    dependencies: [fix]\n    gate: {type: approval, message: "Ship?"}\n`,
)

/** How each of them comes about. */
const SCENES: Readonly<Record<string, () => Promise<ResumeRig>>> = {
  async completed() {
    const rig = reference()
    await rig.go()
    return rig
  },
  async failed() {
    const rig = new ResumeRig({
      yaml: REFERENCE_YAML,
      files: REFERENCE_FILES,
      answer: (task, turn) =>
        task.startsWith('scan') ? { failed: 'refusal' } : referenceAnswer(task, turn),
      limits: { concurrency: 1 },
    })
    await rig.go()
    return rig
  },
  async cancelled() {
    const rig = reference()
    const control = new AbortController()
    const going = rig.go({
      signal: control.signal,
      onEvent: (event) => {
        if (event.type === 'step-started' && event.step === 'check#2') control.abort()
      },
    })
    await going
    return rig
  },
  async suspended() {
    const rig = new ResumeRig({ yaml: GATE, answer: () => ({ fix: 'done' }) })
    await rig.go()
    return rig
  },
  async interrupted() {
    const rig = reference()
    await rig.go({ capacity: 75 })
    return rig
  },
  async resumed() {
    const rig = reference()
    await rig.go({ capacity: 75 })
    await rig.go({ capacity: 110 })
    await rig.go()
    return rig
  },
}

function encode(events: readonly RunEvent[]): Buffer {
  let prev = FIRST_PREV
  return Buffer.concat(
    events.map((event) => {
      const record = encodeRecord({ ...event, prev }, event)
      prev = record.digest
      return record.line
    }),
  )
}

function summaryOf(state: RunState): unknown {
  const { finished, costUsd, unpricedCalls, seq } = state
  return {
    outcome: finished?.outcome,
    exitCode: finished?.exitCode,
    steps: Object.fromEntries(
      state.steps.values().map(({ id, status, attempt }) => [id, `${status} ${attempt}`]),
    ),
    usage: totalUsage(state),
    costUsd,
    unpricedCalls,
    seq,
  }
}

const version = process.env['WAVE_WRITE_JOURNALS']
if (version !== undefined) await writeMissing(version)

async function writeMissing(release: string): Promise<void> {
  for (const [name, play] of Object.entries(SCENES)) {
    const file = join(FOLDER, `${release}-${name}.jsonl`)
    if (!existsSync(file)) writeFileSync(file, encode((await play()).events))
  }
}

const files = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl'))

test('there are journals of every kind of end', () => {
  expect(files.length).toBeGreaterThanOrEqual(Object.keys(SCENES).length)
})

test.each(files)('DU-14 %s is read as it was meant', async (name) => {
  const { events, tornBytes } = scanJournal(readFileSync(join(FOLDER, name)), name)
  expect(tornBytes).toBe(0)
  const summary = `${JSON.stringify(summaryOf(fold(events)), undefined, 2)}\n`
  await expect(summary).toMatchFileSnapshot(join(FOLDER, name.replace('.jsonl', '.summary.json')))
  // The state after every event is one that the next can follow.
  for (let end = 0; end < events.length; end += 1) fold(events.slice(0, end))
})
