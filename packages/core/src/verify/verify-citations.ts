import { checkCitations } from '../contract/citations/citations.ts'
import type { CitationCheck } from '../contract/citations/citations.ts'
import { WaveError } from '../errors.ts'
import type { RunEvent, StoredArtifact } from '../events.ts'
import type { Snapshot } from '../ports.ts'
import { StoredBytes } from '../run/journal/stored-bytes.ts'
import type { RunState, StepState } from '../run/state.ts'
import { frozenMounts } from './frozen-files.ts'
import type { FrozenMount } from './frozen-files.ts'
import { count, several } from './verify-check.ts'
import type { RecordedRun, VerifyCheck } from './verify-check.ts'

/**
 * The documents whose citations were checked in the run still hold against the tree that it froze: the files of
 * the project may be others by now.
 */
export async function verifyCitations(run: RecordedRun): Promise<readonly VerifyCheck[]> {
  const { state } = run
  if (state.started === undefined) return []
  const documents = citedDocuments(run)
  const snapshot = await reopen(run)
  if (snapshot === undefined) return [gone(state.started.snapshot.tree, documents.length)]
  const { tree, files } = snapshot
  const message = `${tree.slice(0, 12)}, ${count(files.length, 'file')}, can be read.`
  const known: VerifyCheck = { name: 'tree', level: 'ok', message }
  if (documents.length === 0) return [known]
  const found: DocumentCheck[] = []
  for (const document of documents) {
    // One after the other: each may hold large files.
    // oxlint-disable-next-line no-await-in-loop
    found.push(await checkDocument(run, snapshot, document))
  }
  return [known, ...summarise(found)]
}

interface CitedDocument {
  readonly step: StepState
  readonly artifact: StoredArtifact
  readonly tree: string
  readonly figures: string | undefined
}

type Checked = Extract<RunEvent, { readonly type: 'contract-checked' }>

/** Of attempts that count, the documents that passed the contract; of a document that passed it twice, the last. */
function citedDocuments({ events, state }: RecordedRun): readonly CitedDocument[] {
  const found = events.flatMap((event) =>
    event.type === 'contract-checked' ? citedDocument(event, events, state) : [],
  )
  return [...new Map(found.map((one) => [`${one.step.id}\0${one.artifact.name}`, one])).values()]
}

function citedDocument(
  { step: id, attempt, contract, passed, notes }: Checked,
  events: readonly RunEvent[],
  { steps }: RunState,
): readonly CitedDocument[] {
  const [type, name] = contract.split(' ')
  const step = steps.get(id)
  if (!passed || type !== 'citations' || step?.status !== 'succeeded') return []
  const artifact = step.artifacts.find((each) => each.name === name)
  const started = events[step.startedSeq ?? -1]
  if (artifact === undefined || started?.type !== 'step-started') return []
  return step.attempt === attempt
    ? [{ step, artifact, tree: started.tree, figures: notes?.[0] }]
    : []
}

/** With its history, as far as that is still there. */
async function reopen({
  state,
  snapshots,
  projectRoot,
}: RecordedRun): Promise<Snapshot | undefined> {
  if (state.started === undefined) return undefined
  const { tree, head, dirty, dropped } = state.started.snapshot
  const recorded = { tree, head, dirty, dropped } as const
  return (
    (await snapshots.reopen(projectRoot, { ...recorded, history: 'full' })) ??
    (await snapshots.reopen(projectRoot, { ...recorded, history: 'none' }))
  )
}

function gone(tree: string, documents: number): VerifyCheck {
  const of =
    documents === 0
      ? ''
      : ` The citations of ${count(documents, 'document')} were not checked again.`
  const message = `The objects of the frozen tree ${tree.slice(0, 12)} are gone.${of}`
  return { name: 'tree', level: 'note', message }
}

interface DocumentCheck {
  readonly name: string
  readonly problems: readonly string[]
  /** Why it could not be looked at. */
  readonly missed?: string
  readonly figures?: string
}

async function checkDocument(
  run: RecordedRun,
  snapshot: Snapshot,
  { step, artifact, tree, figures }: CitedDocument,
): Promise<DocumentCheck> {
  const name = `${artifact.path} of ${step.id}`
  const start = tree === snapshot.tree ? snapshot : await snapshot.at(tree)
  if (start === undefined) return { name, problems: [], missed: 'the tree of its step is gone' }
  const content = read(run.directory, artifact)
  if (content === undefined) return { name, problems: [], missed: 'its content is not as stored' }
  const text = new TextDecoder().decode(content)
  const { problems, notes } = await checkAsSeen(text, start, {
    figures,
    mounts: () => mountsOf(run),
  })
  return { name, problems, ...(notes[0] !== undefined && { figures: notes[0] }) }
}

interface Seen {
  /** What the run found; it is found again only by looking as the step did. */
  readonly figures: string | undefined
  readonly mounts: () => readonly FrozenMount[]
}

/** As a step sees the files that mounts nothing of its own, or as one of the pipeline's mounts shows them. */
async function checkAsSeen(text: string, snapshot: Snapshot, seen: Seen): Promise<CitationCheck> {
  const whole = await checkCitations(text, 0, { snapshot, mount: undefined })
  if (holds(whole, seen.figures)) return whole
  const others: CitationCheck[] = []
  for (const mount of seen.mounts()) {
    // oxlint-disable-next-line no-await-in-loop
    others.push(await checkCitations(text, 0, { snapshot, mount }))
  }
  const all = [whole, ...others]
  const same = all.find((check) => holds(check, seen.figures))
  return same ?? all.find((check) => holds(check, undefined)) ?? whole
}

function holds({ problems, notes }: CitationCheck, figures: string | undefined): boolean {
  return problems.length === 0 && (figures === undefined || notes[0] === figures)
}

function mountsOf({ directory, state }: RecordedRun): readonly FrozenMount[] {
  const frozen = state.started?.frozen
  return frozen === undefined ? [] : frozenMounts(directory, frozen)
}

/** What is wrong with the store is told by its own check. */
function read(directory: string, artifact: StoredArtifact): Uint8Array | undefined {
  try {
    return new StoredBytes(directory).get(artifact)
  } catch (error) {
    if (error instanceof WaveError) return undefined
    throw error
  }
}

function summarise(found: readonly DocumentCheck[]): readonly VerifyCheck[] {
  return found.map(({ name, problems, missed, figures }): VerifyCheck => {
    if (missed !== undefined) {
      return { name: 'citations', level: 'note', message: `${name} was not checked: ${missed}.` }
    }
    const isGood = problems.length === 0
    const message = isGood ? `${name}: ${figures ?? 'none'}.` : `${name}: ${several(problems)}`
    return { name: 'citations', level: isGood ? 'ok' : 'error', message }
  })
}
