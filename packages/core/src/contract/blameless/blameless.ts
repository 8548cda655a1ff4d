import { readMarkdown } from '../markdown/markdown-lines.ts'
import { commonWords, People } from './people.ts'
import { readSentences } from './sentences.ts'
import type { Sentence } from './sentences.ts'

/**
 * Every sentence that blames: a person of the history beside a word of fault, or a phrase that judges
 * people at all. Quoted code is exempt, also a quoted commit subject. Empty: none.
 */
export function checkBlameless(markdown: string, names: readonly string[]): readonly string[] {
  const sentences = readSentences(readMarkdown(markdown))
  const people = new People(names)
  const common = commonWords(sentences)
  const problems: string[] = []
  let more = 0
  for (const sentence of sentences) {
    const found = [...judging(sentence), ...naming(sentence, people, common)]
    const room = MAX_TOLD - problems.length
    problems.push(...found.slice(0, room))
    more += Math.max(0, found.length - room)
  }
  return more > 0 ? [...problems, `${more} more sentences blame.`] : problems
}

const MAX_TOLD = 40

interface Phrase {
  readonly pattern: RegExp
  readonly instead: string
}

const HINDSIGHT = 'Say what was known at the time, or what the system needs from now on ("needs").'
const CONDITION = 'Name the condition that let it happen: a missing check, an unclear signal.'

/** Our own expressions, each linear in the text. */
const PHRASES: readonly Phrase[] = [
  {
    pattern: /\b(?:should|ought to)(?: not|n't)? have\b|\bshould(?:n't)?'ve\b/iu,
    instead: HINDSIGHT,
  },
  { pattern: /\bcareless(?:ly|ness)?\b/iu, instead: CONDITION },
  { pattern: /\b(?:human|operator) errors?\b/iu, instead: CONDITION },
  { pattern: /\bto blame\b/iu, instead: 'Say which change, condition or decision led to it.' },
  {
    pattern:
      /\b(?:negligent(?:ly)?|negligence|reckless(?:ly|ness)?|incompeten(?:t|ce|tly)|sloppy)\b/iu,
    instead: CONDITION,
  },
]

function judging(sentence: Sentence): readonly string[] {
  const found = PHRASES.flatMap(({ pattern, instead }) => {
    const phrase = pattern.exec(sentence.text)?.[0]
    return phrase === undefined ? [] : [{ phrase, instead }]
  })
  if (/\bcould have\b/iu.test(sentence.text) && /\bif only\b/iu.test(sentence.text)) {
    found.push({ phrase: 'could have … if only', instead: HINDSIGHT })
  }
  return found.map(
    ({ phrase, instead }) => `Line ${sentence.line} says "${phrase}": ${show(sentence)} ${instead}`,
  )
}

const FAULT = new RegExp(
  String.raw`\b(?:caus(?:ed|es|ing)|broke|breaks|breaking|ha(?:s|d|ve|ving) broken|` +
    String.raw`faults?|mistakes?|mistakenly|mistaken|blam(?:e|es|ed|ing)|culprit|guilty|` +
    String.raw`forg(?:ot|ets?|otten|etting)|fail(?:ed|s|ure|ing) to|neglect(?:ed|s|ing)?|` +
    String.raw`overlooked|ignored|missed|botched|messed up|screwed up|wrongly|incorrectly|` +
    String.raw`responsible for (?:the |this |that )?(?:outage|incident|failure|bug|regression|problem)|` +
    String.raw`introduc(?:ed|es|ing) (?:the |a |an |this )?(?:bug|regression|defect|error|fault|problem|outage)|` +
    String.raw`(?:did not|didn't|without) (?:test|check|notice|review|verify)(?:ing)?)\b`,
  'iu',
)

function naming(
  sentence: Sentence,
  people: People,
  common: ReadonlySet<string>,
): readonly string[] {
  const fault = FAULT.exec(sentence.text)?.[0]
  if (fault === undefined) return []
  const names = people.findIn(sentence, common)
  if (names.length === 0) return []
  const who = names.map((name) => `"${name}"`).join(', ')
  return [
    `Line ${sentence.line} names ${who} beside "${fault}": ${show(sentence)} ` +
      'Write about the change or the system instead: a commit id, a role, what the check did not cover.',
  ]
}

/** As much as tells the place. */
function show({ text }: Sentence): string {
  return `"${text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN).toWellFormed()}…`}".`
}

const MAX_SHOWN = 160
