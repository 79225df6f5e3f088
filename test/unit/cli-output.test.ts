import t from 'tap'
import { durationSeconds, wholeNumber } from '../../cli/options/index.ts'
import { countText, durationText, shareText, sizeText, tableText } from '../../cli/output/index.ts'

t.test('figures for people', async (t) => {
  t.equal(sizeText(999), '999 B')
  t.equal(sizeText(1_536), '1.5 KB')
  t.equal(sizeText(64_000_000), '64 MB')
  t.equal(durationText(12.4), '12 ms')
  t.equal(durationText(4_250), '4.3 s')
  t.equal(durationText(61_000), '1 min 1 s')
  t.equal(shareText(1, 3), '33 %')
  t.equal(shareText(1, 0), '0 %')
  t.equal(shareText(1, 1_000), '0.10 %')
  t.equal(countText(1, 'file'), '1 file')
  t.equal(countText(2_000, 'file'), '2,000 files')
  t.equal(
    tableText([
      ['A', 'B'],
      ['long', 'x'],
    ]),
    'A     B\nlong  x',
  )
})

t.test('values of options are refused with the option and an example', async (t) => {
  t.equal(durationSeconds('--rollout', '24h'), 86_400)
  t.equal(durationSeconds('--rollout', '90'), 90)
  t.throws(() => durationSeconds('--rollout', 'soon'), { code: 'LW_CLI_USAGE', message: /90s/ })
  t.equal(wholeNumber('--count', '7', 1, 10), 7)
  for (const wrong of ['0', '11', '1.5', '-1', '', '1e1']) {
    t.throws(() => wholeNumber('--count', wrong, 1, 10), { code: 'LW_CLI_USAGE' }, wrong)
  }
})
