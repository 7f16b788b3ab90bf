import { expect } from 'chai'
import { Ancestors, FRESH_MS, type Sight } from '../../src/cache/ancestors.ts'
import { nameFromText, nameToText } from '../../src/wire/name.ts'

describe('Ancestors', () => {
  const www = nameFromText('www.example.org.')
  let dnames: Set<string>
  let looks: string[]
  let ancestors: Ancestors

  beforeEach(() => {
    dnames = new Set()
    looks = []
    ancestors = new Ancestors((name): Sight => {
      const text = nameToText(name)
      looks.push(text)
      return {
        delegation: undefined,
        hasDname: dnames.has(text),
        hasNameError: false,
        hasProofs: false,
        below: 0,
        belowUntilMs: 0,
      }
    })
  })

  function namesAbove(nowMs: number, name = www): string[] {
    const names: string[] = []
    for (let place = ancestors.above(name, nowMs); place !== undefined; place = place.parent)
      names.push(nameToText(place.name) + (place.hasDname ? '!' : ''))
    return names
  }

  it('go up to the root, and are looked up once', () => {
    expect(namesAbove(0)).to.deep.equal(['example.org.', 'org.', '.'])
    expect(namesAbove(FRESH_MS - 1, nameFromText('FTP.EXAMPLE.org.'))).to.deep.equal(['example.org.', 'org.', '.'])
    expect(looks).to.deep.equal(['.', 'org.', 'example.org.'])
    expect(namesAbove(0, nameFromText('.'))).to.deep.equal([])
  })

  it('are looked up again after a moment, and when the clock was set back', () => {
    namesAbove(5000)
    dnames.add('org.')
    expect(namesAbove(5000 + FRESH_MS)).to.deep.equal(['example.org.', 'org.!', '.'])
    dnames.clear()
    expect(namesAbove(4000)).to.deep.equal(['example.org.', 'org.', '.'])
  })

  it('show at once what is written, to those below, too', () => {
    namesAbove(0)
    dnames.add('org.')
    expect(namesAbove(0)).to.deep.equal(['example.org.', 'org.', '.'])
    ancestors.changed(nameFromText('ORG.'))
    expect(namesAbove(0)).to.deep.equal(['example.org.', 'org.!', '.'])
    dnames.clear()
    ancestors.forget()
    expect(namesAbove(0)).to.deep.equal(['example.org.', 'org.', '.'])
  })

  it('hear of a change also where others have taken the place of a name', () => {
    namesAbove(0)
    for (let i = 0; i < 20_000; i++) ancestors.above(nameFromText(`x.n${i}.com.`), 0) // more than there are places
    dnames.add('org.')
    ancestors.changed(nameFromText('org.'))
    expect(namesAbove(0)).to.deep.equal(['example.org.', 'org.!', '.'])
  })

  it('hear of a change within the same moment also when all was forgotten meanwhile, for want of room', () => {
    for (let i = 0; i < 20_000; i++) {
      const name = nameFromText(`x.n${i}.org.`)
      ancestors.above(name, 0)
      if (i % 2 === 0) dnames.add('org.')
      else dnames.delete('org.')
      ancestors.changed(nameFromText('org.'))
      expect(ancestors.above(name, 0)?.parent?.hasDname, `n${i}`).to.equal(i % 2 === 0)
    }
  })
})
