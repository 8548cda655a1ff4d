import { cut } from '../run/failure.ts'
import type { AuditActor, AuditEntry, AuditRef, AuditTrail } from './audit-entry.ts'

/**
 * The trail as a document for people: one table, in which text from models, tools and repositories is inert. Long
 * cells are cut, and of a very long trail the end is left out and counted; the JSON holds all of it.
 */
export function renderAuditMarkdown(trail: AuditTrail): string {
  const { run, pipeline, waveVersion, records, chain, entries } = trail
  const left = entries.length - MAX_ROWS
  return [
    `# Audit trail of run ${inert(run)}`,
    '',
    `Pipeline ${inert(pipeline)}, wave ${inert(waveVersion)}. Made from the ${records} records of the run's journal and ` +
      'nothing else; a number in the first column names the record. Times are UTC. Contents lie in the ' +
      "run's store under their SHA-256.",
    '',
    `Last record: \`${/^[0-9a-f]{64}$/u.test(chain) ? chain : ''}\``,
    '',
    ...auditTable(entries.slice(0, MAX_ROWS)),
    ...(left > 0 ? ['', `${left} more entries are in the JSON form.`] : []),
    '',
  ].join('\n')
}

/** The lines of a table in which no text is anything but text. */
export function auditTable(entries: readonly AuditEntry[]): readonly string[] {
  return [
    '| # | time | who | what | with | made | result |',
    '|--:|---|---|---|---|---|---|',
    ...entries.map(row),
  ]
}

const MAX_ROWS = 5000
const MAX_CELL = 400
const MAX_REFS = 20

function row({ seq, at, actor, step, action, inputs, outputs, result }: AuditEntry): string {
  const isOwn = actor.kind === 'step' || step === undefined
  const about = isOwn ? action : `${action} [${step}]`
  const cells = [inert(at), inert(who(actor)), inert(about), refs(inputs), refs(outputs)]
  return `| ${[String(seq), ...cells, inert(result ?? '')].join(' | ')} |`
}

function who({ kind, name, role }: AuditActor): string {
  if (kind === 'step') return role === undefined ? name : `${name} (${role})`
  return kind === name ? name : `${kind} ${name}`
}

function refs(all: readonly AuditRef[]): string {
  const told = all.slice(0, MAX_REFS).map(({ name, digest, sizeBytes }) => {
    const size = sizeBytes === undefined ? '' : `, ${sizeBytes} B`
    return inert(`${name} (${digest.slice(0, 12)}${size})`)
  })
  return [...told, ...(all.length > MAX_REFS ? [`and ${all.length - MAX_REFS} more`] : [])].join(
    ', ',
  )
}

/** One line of plain text in every viewer: no mark of Markdown or HTML, and no invisible character, is left in it. */
function inert(text: string): string {
  if (text.length <= MAX_CELL && !UNUSUAL.test(text)) return text
  return cut(text.toWellFormed().replaceAll(/\s+/gu, ' ').trim(), MAX_CELL)
    .replaceAll(INVISIBLE, (character) => `(U+${(character.codePointAt(0) ?? 0).toString(16)})`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`*_[\]~$|]/gu, String.raw`\$&`)
    .replaceAll('://', '&#58;//')
    .replaceAll('@', '&#64;')
    .replaceAll(/(?<=www)\./giu, '&#46;')
}

/** Most cells have nothing of it: a thousand steps make ten thousand cells. */
const UNUSUAL = /[^A-Za-z0-9 ().,:#-]| {2}|^ | $|www/iu

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/gu
