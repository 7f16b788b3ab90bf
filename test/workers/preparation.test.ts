import { expect } from 'chai'
import { makeConfig } from '../../src/config/load.ts'
import { framed } from '../../workers/framing.ts'
import type { StartWorker } from '../../workers/messages.ts'
import { Preparation } from '../../workers/preparation.ts'
import { FakeResolver, queryFor } from './fake-resolver.ts'

function startOf(changes: Partial<StartWorker> = {}): StartWorker {
  return { kind: 'start', config: makeConfig({}), index: 1, socketPath: '', alone: false, urgent: false, ...changes }
}

const questions = Buffer.concat(['now.one.org', 'now.two.org'].map((name) => framed(queryFor(name))))
const rehearsed = Promise.resolve()

describe('Preparation', () => {
  it('tries the resolver, waits for the rehearsal, then asks what clients ask most', async () => {
    const resolver = new FakeResolver()
    const rehearsal = Promise.withResolvers<void>()
    const done = new Preparation(startOf({ questions })).try(resolver, rehearsal.promise)
    await new Promise((turned) => setImmediate(turned))
    const tried = resolver.seen.map(({ name }) => name)
    expect(tried).to.include('localhost.').and.not.include('now.one.org.')
    rehearsal.resolve()
    await done
    expect(resolver.seen.slice(tried.length).map(({ name }) => name)).to.deep.equal(['now.one.org.', 'now.two.org.'])
  })

  it('ends at a resolver that fails its test', async () => {
    const resolver = new FakeResolver()
    resolver.isSick = true
    const reason = await new Preparation(startOf({ questions })).try(resolver, rehearsed).catch((error) => error.code)
    expect(reason).to.equal('self-test')
    expect(resolver.seen.map(({ name }) => name)).not.to.include('now.one.org.')
  })

  it('makes the report of how things are quick', () => {
    let reports = 0
    new Preparation(startOf()).end(() => ++reports)
    expect(reports).to.be.greaterThan(1)
  })
})
