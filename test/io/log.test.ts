import { expect } from 'chai'
import { createLog, groupLog, LINES_IN_WINDOW, setLogging } from '../../src/io/log.ts'

interface Line {
  level: string
  event: string
  group?: string
  suppressed?: number
}

function logTo(lines: Line[]) {
  return createLog({ level: 'notice', process: 'test' }, { write: (text: string) => void lines.push(JSON.parse(text)) })
}

describe('the log', () => {
  it('changes its level while it is in use', () => {
    const lines: Line[] = []
    const log = logTo(lines)
    log.info({ event: 'early' }, '')
    setLogging(log, { level: 'debug' })
    log.debug({ event: 'late' }, '')
    expect(lines.map(({ event, level }) => [event, level])).to.deep.equal([['late', 'debug']])
  })

  it('writes everything of a group that is asked for, whatever the level', () => {
    const lines: Line[] = []
    const log = logTo(lines)
    const [iterat, select] = [groupLog(log, 'iterat'), groupLog(log, 'select')]
    setLogging(log, { level: 'warning', groups: ['iterat'] })
    iterat.debug({ event: 'one' }, '')
    select.debug({ event: 'two' }, '')
    log.notice({ event: 'three' }, '')
    expect(lines.map(({ event, group }) => [event, group])).to.deep.equal([['one', 'iterat']])
    setLogging(log, { level: 'notice' })
    iterat.debug({ event: 'four' }, '')
    expect(lines).to.have.length(1)
  })

  it('gives one kind of event so many lines, the others theirs, and never hides the worst', () => {
    const lines: Line[] = []
    const log = logTo(lines)
    for (let i = 0; i < LINES_IN_WINDOW + 30; i++) log.warning({ event: 'flood' }, '')
    log.warning({ event: 'other' }, '')
    for (let i = 0; i < LINES_IN_WINDOW + 30; i++) log.crit({ event: 'fatal' }, '')
    const count = (event: string) => lines.filter((line) => line.event === event).length
    expect([count('flood'), count('other'), count('fatal')]).to.deep.equal([LINES_IN_WINDOW, 1, LINES_IN_WINDOW + 30])
  })
})
