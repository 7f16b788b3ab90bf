import { expect } from 'chai'
import fc from 'fast-check'
import { applySteps, getAt, type Json, mergePatch, parsePointer, removeAt, setAt } from '../../supervisor/json-patch.ts'

describe('parsePointer (RFC 6901)', () => {
  it('takes pointers apart, escapes included', () => {
    expect(parsePointer('')).to.deep.equal([])
    expect(parsePointer('/network/listen/0')).to.deep.equal(['network', 'listen', '0'])
    expect(parsePointer('/a~1b/m~0n/~01')).to.deep.equal(['a/b', 'm~n', '~1'])
  })

  it('refuses what is none', () => {
    for (const text of ['cache', '/a~2', '/a~']) expect(() => parsePointer(text), text).to.throw('is no JSON pointer')
  })
})

describe('setAt, getAt, removeAt', () => {
  it('make sections that are missing, and put into lists', () => {
    expect(setAt({}, ['cache', 'ttl-max'], '1h')).to.deep.equal({ cache: { 'ttl-max': '1h' } })
    expect(setAt({ a: [1, 2] }, ['a', '1'], 3)).to.deep.equal({ a: [1, 3] })
    expect(setAt({ a: [1] }, ['a', '-'], 2)).to.deep.equal({ a: [1, 2] })
    expect(() => setAt({ a: [1] }, ['a', '7'], 2)).to.throw('is no place in a list')
  })

  it('remove what is there, and say so when nothing is', () => {
    expect(removeAt({ a: { b: 1, c: 2 } }, ['a', 'b'])).to.deep.equal({ a: { c: 2 } })
    expect(removeAt({ a: [1, 2, 3] }, ['a', '1'])).to.deep.equal({ a: [1, 3] })
    expect(() => removeAt({ a: {} }, ['a', 'b'])).to.throw('nothing to remove')
    expect(() => removeAt({}, ['toString'])).to.throw('nothing to remove')
  })

  it('never change what they are given, and undo each other', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), fc.jsonValue(), (document, key, value) => {
        fc.pre(key !== '__proto__' && !Object.hasOwn(document, key) && !Object.hasOwn(document, '__proto__'))
        const before = structuredClone(document)
        const after = setAt(document as Json, [key], value as Json)
        expect(getAt(after, [key])).to.deep.equal(value)
        expect(removeAt(after, [key])).to.deep.equal(before)
        expect(document).to.deep.equal(before)
      }),
    )
  })

  it('keep to the document', () => {
    expect(() => setAt({}, ['__proto__', 'polluted'], true)).to.throw('__proto__ is no name')
    expect(() => mergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}'))).to.throw('__proto__ is no name')
    expect(getAt({}, ['constructor'])).to.equal(undefined)
    expect(({} as { polluted?: boolean }).polluted).to.equal(undefined)
  })
})

describe('mergePatch', () => {
  // RFC 7396, appendix A
  const cases: [Json, Json, Json][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [document, patch, result] of cases)
    it(`${JSON.stringify(document)} with ${JSON.stringify(patch)} is ${JSON.stringify(result)} (RFC 7396)`, () =>
      expect(mergePatch(document, patch)).to.deep.equal(result))
})

describe('applySteps (RFC 6902)', () => {
  it('adds, replaces, removes and tests', () => {
    const steps = [
      { op: 'test', path: '/a', value: 1 },
      { op: 'replace', path: '/a', value: 2 },
      { op: 'add', path: '/list/0', value: 'first' },
      { op: 'add', path: '/list/-', value: 'last' },
      { op: 'remove', path: '/b' },
    ] as const
    expect(applySteps({ a: 1, b: 1, list: ['x'] }, steps)).to.deep.equal({ a: 2, list: ['first', 'x', 'last'] })
  })

  it('stops at a test that does not hold', () => {
    expect(() => applySteps({ a: 1 }, [{ op: 'test', path: '/a', value: 2 }])).to.throw(
      '/a is not 2; nothing was changed',
    )
  })
})
