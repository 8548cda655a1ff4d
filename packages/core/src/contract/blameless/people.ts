import type { Sentence } from './sentences.ts'

/** Who is known from the history, for finding them in sentences. */
export class People {
  /** Names of several words, lower case with one blank between them, as they were recorded. */
  readonly #full = new Map<string, string>()
  /** Single words that stand for somebody, lower case, as they were recorded. */
  readonly #single = new Map<string, string>()

  constructor(names: readonly string[]) {
    for (const name of names) this.#add(name)
  }

  /**
   * The names in a sentence, as they were recorded, without duplicates. `common`: words that the
   * document also uses in lower case. A name that is a common word too counts only where it is written
   * like a name: with a capital, within the sentence, without an article.
   */
  findIn({ text }: Sentence, common: ReadonlySet<string>): readonly string[] {
    const words = readWords(text)
    const found = new Set<string>()
    for (let at = 0; at < words.length; at += 1) {
      const full = this.#fullAt(words, at)
      if (full !== undefined) found.add(full.name)
      const single = full === undefined ? this.#singleAt(words, at, common) : undefined
      if (single !== undefined) found.add(single)
      at += (full?.length ?? 1) - 1
    }
    return [...found]
  }

  #add(name: string): void {
    const [shown = ''] = name.split(/[<@]/u)
    const words = readWords(shown.replaceAll(/[._]/gu, ' ')).slice(0, MAX_WORDS)
    if (words.every(isGroupWord) || /\[bot\]/u.test(name)) return
    const recorded = shown.trim()
    if (words.length > 1) this.#full.set(words.map(lower).join(' '), recorded)
    // A name that says it is a group is known by its whole name only.
    const isGroup = words.some(isGroupWord)
    for (const word of isGroup ? [] : words) {
      if (word.length >= MIN_LETTERS || words.length === 1) this.#single.set(lower(word), recorded)
    }
  }

  #fullAt(words: readonly string[], at: number): { name: string; length: number } | undefined {
    for (let length = Math.min(MAX_WORDS, words.length - at); length > 1; length -= 1) {
      const written = words.slice(at, at + length)
      const name = this.#full.get(written.map(lower).join(' '))
      if (name !== undefined && written.some(isCapital)) return { name, length }
    }
    return undefined
  }

  #singleAt(words: readonly string[], at: number, common: ReadonlySet<string>): string | undefined {
    const word = words[at] ?? ''
    const name = this.#single.get(lower(word))
    if (name === undefined) return undefined
    const recordedLower = !isCapital(name)
    if (!isCapital(word) && !recordedLower) return undefined
    const isWord = WORDS_TOO.has(lower(word)) || (common.has(lower(word)) && !recordedLower)
    if (!isWord) return name
    const before = lower(words[at - 1] ?? '')
    return isCapital(word) && at > 0 && !ARTICLES.has(before) ? name : undefined
  }
}

/** The words that a document writes in lower case: what is among them is no name for sure. */
export function commonWords(sentences: readonly Sentence[]): ReadonlySet<string> {
  const words = new Set<string>()
  for (const { text } of sentences) {
    for (const word of readWords(text)) if (!isCapital(word)) words.add(word)
  }
  return words
}

const MIN_LETTERS = 4
const MAX_WORDS = 6

function readWords(text: string): readonly string[] {
  const words = text.normalize('NFC').match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}'\u2019-]*/gu) ?? []
  return words.map((word) => word.replace(/['\u2019]s$/u, ''))
}

function lower(word: string): string {
  return word.toLowerCase()
}

function isCapital(word: string): boolean {
  return /^\p{Lu}/u.test(word)
}

function isGroupWord(word: string): boolean {
  return GROUP_WORDS.has(lower(word))
}

const ARTICLES = new Set('a an the this these those our its each every no'.split(' '))

const GROUP_WORDS = new Set(
  `team teams squad group crew bot ci cd service services platform ops devops engineering dev
   developer developers admin administrator build builder release releases automation user root
   test tester system github gitlab bitbucket jenkins actions dependabot renovate you unknown nobody
   anonymous author committer`.split(/\s+/u),
)

/** Names of people that are words of incident reports too. */
const WORDS_TOO = new Set(
  `will mark grant bill rich drew chase dean frank jack faith hope grace dawn rose joy may june april
   august summer autumn penny ruby pearl amber crystal ivy lily violet daisy page case price cash key
   keys king cook baker hill wood woods stone field fields bush wolf bird banks best good long short
   sharp swift small rice berry love cross gates marks rush brook brooks river rivers waters bridge
   bridges walls potter carter porter miller young brown white black green gray grey pool poole booth
   branch bond battle burns church day french hook hunt lane link max mason major park parks pace rank
   ray reed rest rock root rule sage salt self sky star storm street strong sterling stock stack tag
   temple trace tree version victor ward ways west east north south winter wise worth pointer post
   query render react test orders order`.split(/\s+/u),
)
