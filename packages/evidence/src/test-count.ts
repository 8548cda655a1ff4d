/** Lines in which test programs say how many tests ran. Each names the numbers to add up. */
const SUMMARIES: readonly RegExp[] = [
  /^(?:# |ℹ )tests (\d+)$/gm, // node --test
  /^Tests:? .*?(\d+) total/gm, // jest
  /^\s*Tests\s.*\((\d+)\)\s*$/gm, // vitest
  /^Tests run: (\d+),.*Skipped: \d+\s*$/gm, // Maven
  /^Ran (\d+) tests? in /gm, // unittest
  /^\s+(\d+) (?:passing|failing)\b/gm, // mocha
  /^test result: \w+\. (\d+) passed; (\d+) failed/gm, // cargo
]
const PYTEST = /(\d+) (?:passed|failed|errors?|skipped|xfailed|xpassed)/g
const GO = /^--- (?:PASS|FAIL|SKIP): /gm

/** How many tests ran, by the output of the usual test programs; undefined when it does not say. */
export function countTests(output: string): number | undefined {
  const text = output.slice(-262_144)
  const pytest = text
    .split('\n')
    .findLast((line) => /\d (?:passed|failed|errors?)\b.* in [\d.]+s/.test(line))
  if (pytest !== undefined) return sum([...pytest.matchAll(PYTEST)].map((match) => match[1]))
  for (const pattern of SUMMARIES) {
    const matches = [...text.matchAll(pattern)]
    if (matches.length > 0) return sum(matches.flatMap((match) => match.slice(1)))
  }
  const goTests = text.match(GO)
  return goTests === null ? undefined : goTests.length
}

function sum(numbers: readonly (string | undefined)[]): number {
  return numbers.reduce((total, number) => total + Number(number ?? 0), 0)
}
