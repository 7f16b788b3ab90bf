import { expect } from 'chai'
import fc from 'fast-check'
import { LuaError, type LuaValue, readLua } from '../../../src/config/migrate/lua.ts'

const only = (text: string) => readLua(text).map(({ kind, name, args }) => ({ kind, name, args }))
const table = (list: LuaValue[], named: Record<string, LuaValue> = {}): LuaValue => ({
  kind: 'table',
  list,
  named: new Map(Object.entries(named)),
})

describe('readLua', () => {
  it('reads calls, with and without brackets', () => {
    expect(only("net.listen('::1', 53, { kind = 'dns' })")).to.deep.equal([
      { kind: 'call', name: 'net.listen', args: ['::1', 53, table([], { kind: 'dns' })] },
    ])
    expect(only("log_level 'info' modules.load{'a'} view:addr [[b]]")).to.deep.equal([
      { kind: 'call', name: 'log_level', args: ['info'] },
      { kind: 'call', name: 'modules.load', args: [table(['a'])] },
      { kind: 'call', name: 'view:addr', args: ['b'] },
    ])
  })

  it('reads assignments, also of an item', () => {
    expect(only("cache.size = 2 * 50 * MB; hints['a.example'] = '192.0.2.1'")).to.deep.equal([
      { kind: 'assign', name: 'cache.size', args: [100 * 1024 ** 2] },
      { kind: 'assign', name: 'hints[]', args: ['a.example', '192.0.2.1'] },
    ])
  })

  it('knows what names were set to', () => {
    expect(only("local where = {'a', 'b'}\nsize = 5 - 2\nf(where, size, other.name, -size / 2)")).to.deep.equal([
      { kind: 'assign', name: 'size', args: [3] },
      { kind: 'call', name: 'f', args: [table(['a', 'b']), 3, { kind: 'name', name: 'other.name' }, -1.5] },
    ])
  })

  it('reads all forms of texts and tables, and puts texts together', () => {
    expect(only(`f("a\\n\\065\\"", 'it' .. "'s", [[x]], { ['k k'] = nil, v; true, })`)).to.deep.equal([
      {
        kind: 'call',
        name: 'f',
        args: ['a\nA"', "it's", 'x', table([{ kind: 'name', name: 'v' }, true], { 'k k': null })],
      },
    ])
  })

  it('leaves comments out, and tells where statements begin', () => {
    const text = '-- one\n--[[ two\n three ]] a(1)\n\n b(2) -- c(3)\n'
    expect(readLua(text).map(({ line, name, text: shown }) => [line, name, shown])).to.deep.equal([
      [3, 'a', 'a(1)'],
      [5, 'b', 'b(2)'],
    ])
  })

  it('hands back programs as text, and goes on behind them', () => {
    const programs = [
      'if a() then\n  cache.size = 1\nelse\n  b()\nend',
      'function f(a)\n  return a\nend',
      'local function g() while true do h() end end',
      'for _, name in ipairs(names) do\n  policy.add(name)\nend',
      'event.after(1, function () print(1) end)',
      'repeat a() until b()',
      'a.b, c.d = 1, 2',
      'x = y and z',
      'f()()',
    ]
    for (const program of programs)
      expect(
        readLua(`${program}\nlast(1)\n`).map(({ kind, name }) => `${kind} ${name}`),
        program,
      ).to.deep.equal(['other ', 'call last'])
  })

  it('names the line of what cannot be taken apart', () => {
    expect(() => readLua("a(1)\nb('c\n)"))
      .to.throw(LuaError)
      .with.property('line', 2)
    expect(() => readLua('a(1)\n\n§'))
      .to.throw(LuaError)
      .with.property('line', 3)
  })

  it('takes every text or throws a LuaError', () => {
    const pieces = [
      '(',
      ')',
      '{',
      '}',
      '[',
      ']',
      '=',
      ',',
      '.',
      ':',
      "'a'",
      '1',
      'a',
      'end',
      'function',
      '\n',
      ' ',
      '..',
      '-',
      'local',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 20 }), (words) => {
        try {
          readLua(words.join(''))
        } catch (error) {
          expect(error).to.be.instanceOf(LuaError)
        }
      }),
      { numRuns: 500, seed: 5353 },
    )
  })
})
