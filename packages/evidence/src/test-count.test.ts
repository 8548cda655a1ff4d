import { expect, test } from 'vitest'
import { countTests } from './test-count.ts'

test.each([
  ['node, spec', 'ℹ tests 15\nℹ suites 0\nℹ pass 14', 15],
  ['node, tap', '# tests 3\n# pass 3', 3],
  ['jest', 'Tests:       1 failed, 5 passed, 6 total', 6],
  ['vitest', ' Test Files  1 passed (1)\n      Tests  1 failed | 5 passed (6)\n', 6],
  ['mocha', '  12 passing (30ms)\n  2 failing\n', 14],
  ['pytest', '=== 1 failed, 7 passed, 2 skipped in 0.12s ===', 10],
  ['pytest, quiet', '3 passed in 0.01s', 3],
  ['unittest', 'Ran 4 tests in 0.001s\n\nOK', 4],
  ['maven', 'Tests run: 9, Failures: 0, Errors: 0, Skipped: 1\n', 9],
  ['cargo', 'test result: FAILED. 3 passed; 1 failed; 0 ignored', 4],
  ['go', '--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL', 2],
  ['anything else', 'done', undefined],
])('%s output tells how many tests ran', (_name, output, tests) => {
  expect(countTests(output)).toBe(tests)
})
