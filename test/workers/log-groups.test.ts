import { expect } from 'chai'
import { createLog, setLogging } from '../../src/io/log.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { Type } from '../../src/wire/types.ts'
import { coreLog, moduleLog, stepLog } from '../../workers/log-groups.ts'

interface Line {
  level: string
  group: string
  event: string
  request?: number
  name?: string
}

describe('what the resolver logs', () => {
  let lines: Line[]
  let log: ReturnType<typeof createLog>

  beforeEach(() => {
    lines = []
    log = createLog(
      { level: 'notice', process: 'test' },
      { write: (text: string) => void lines.push(JSON.parse(text)) },
    )
  })

  it('is of the group that an operator would look in', () => {
    coreLog(log)('error', 'fault', { qname: 'example.org.' })
    coreLog(log)('warning', 'clock-skew')
    coreLog(log)('notice', 'family-dead', { family: 6 })
    coreLog(log)('notice', 'bogus')
    moduleLog(log)('error', 'module-slow', { module: 'hello' })
    moduleLog(log)('notice', 'local-data-match')
    expect(lines.map(({ level, group, event }) => [level, group, event])).to.deep.equal([
      ['err', 'resolv', 'fault'],
      ['warning', 'valdtr', 'clock-skew'],
      ['notice', 'select', 'family-dead'],
      ['notice', 'dnssec', 'bogus'],
      ['err', 'module', 'module-slow'],
      ['notice', 'policy', 'local-data-match'],
    ])
  })

  describe('of the steps of requests', () => {
    const name = nameFromText('ns1.example.org')
    const lookup = { kind: 'lookup', depth: 0, name, type: Type.AAAA } as const
    const alias = { kind: 'cut', depth: 1, sname: name, zoneCut: name, servers: 2 } as const

    it('is nothing unless somebody wants to see it', () => {
      const listener = stepLog(log)
      expect(listener()).to.equal(undefined)
      setLogging(log, { level: 'notice', groups: ['plan'] })
      expect(listener()).to.be.a('function')
      setLogging(log, { level: 'notice', groups: ['net'] })
      expect(listener()).to.equal(undefined)
      setLogging(log, { level: 'debug' })
      expect(listener()).to.be.a('function')
    })

    it('is a line for each of the groups that are asked for, with a number for the request', () => {
      setLogging(log, { level: 'notice', groups: ['plan'] })
      const listener = stepLog(log)
      const [one, other] = [listener(), listener()]
      one?.(lookup)
      one?.(alias)
      other?.(lookup)
      expect(lines.map(({ event, group, request, name }) => [event, group, request, name])).to.deep.equal([
        ['request-lookup', 'plan', 1, 'ns1.example.org.'],
        ['request-lookup', 'plan', 2, 'ns1.example.org.'],
      ])
    })
  })
})
