import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadLibc } from '../../src/io/libc.ts'
import { readLastQuestions } from '../../supervisor/suspects.ts'
import { LastQuestions } from '../../workers/last-questions.ts'
import { queryFor } from '../workers/fake-resolver.ts'

describe('the last questions of a worker', () => {
  const address = Uint8Array.of(192, 0, 2, 7)
  let folder: string
  let path: string

  before(function () {
    if (typeof loadLibc() === 'string') this.skip()
  })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-questions-'))
    path = join(folder, 'questions')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('are read back the latest first, with what was begun and not left', () => {
    const questions = LastQuestions.open(path)!
    questions.done(questions.begin(queryFor('one.example'), address, 1234, 1000))
    questions.begin(queryFor('two.example'), address, 5353, 2000)
    expect(readLastQuestions(path)).to.deep.equal([
      {
        question: 'two.example. A',
        client: '192.0.2.7#5353',
        unfinished: true,
        wallMs: 2000,
        packet: queryFor('two.example').toString('hex'),
      },
      {
        question: 'one.example. A',
        client: '192.0.2.7#1234',
        unfinished: false,
        wallMs: 1000,
        packet: queryFor('one.example').toString('hex'),
      },
    ])
  })

  it('are 64 at most', () => {
    const questions = LastQuestions.open(path)!
    for (let i = 0; i < 100; i++) questions.done(questions.begin(queryFor(`n${i}.example`), address, 1, i))
    const seen = readLastQuestions(path)
    expect(seen).to.have.length(64)
    expect([seen[0].question, seen[63].question]).to.deep.equal(['n99.example. A', 'n36.example. A'])
  })

  it('take any octets, of any length', () => {
    const questions = LastQuestions.open(path)!
    for (const packet of [new Uint8Array(0), new Uint8Array(12), new Uint8Array(70_000).fill(0xff)])
      questions.begin(packet, new Uint8Array(16), 0, 0)
    const seen = readLastQuestions(path)
    expect(seen.map(({ question }) => question)).to.deep.equal(['malformed', 'no question', 'malformed'])
    expect(seen[0].client).to.equal('0:0:0:0:0:0:0:0#0')
    writeFileSync(path, Buffer.alloc(65 * 256, 0xff))
    expect(readLastQuestions(path)).to.deep.equal([])
    writeFileSync(path, 'short')
    expect(readLastQuestions(path)).to.deep.equal([])
    expect(readLastQuestions(join(folder, 'missing'))).to.deep.equal([])
  })
})
