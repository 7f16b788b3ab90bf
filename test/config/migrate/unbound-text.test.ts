import { expect } from 'chai'
import { parseUnbound } from '../../../src/config/migrate/unbound-text.ts'
import { ConfigError } from '../../../src/config/mistake.ts'

/** Each attribute as `clause/name|value|value`. */
function attributesOf(text: string, others: Record<string, string> = {}): string[] {
  const files = {
    read(file: string): string {
      if (others[file] === undefined) throw new Error('no such file')
      return others[file]
    },
    match: (pattern: string) => Object.keys(others).filter((file) => file.startsWith(pattern.replace('*', ''))),
  }
  const clauses = parseUnbound(text, 'unbound.conf', files)
  return clauses.flatMap(({ attributes }) => attributes.map(({ setting, values }) => [setting, ...values].join('|')))
}

describe('parseUnbound', () => {
  it('reads clauses and their attributes', () => {
    const text =
      'server:\n  port: 53\n  access-control: 10.0.0.0/8 allow\nforward-zone:\n\tname: "."\nserver:\n do-ip6: no\n'
    expect(attributesOf(text)).to.deep.equal([
      'server/port|53',
      'server/access-control|10.0.0.0/8|allow',
      'forward-zone/name|.',
      'server/do-ip6|no',
    ])
  })

  it('leaves comments and quotes out, and keeps a # within a word', () => {
    const text = `server: # here\n#  port: 5\n local-data: 'a TXT "b # c"' # d\n identity: "it's"\nforward-zone:\n forward-addr: 192.0.2.1@853#dns.example.net\n`
    expect(attributesOf(text)).to.deep.equal([
      'server/local-data|a TXT "b # c"',
      "server/identity|it's",
      'forward-zone/forward-addr|192.0.2.1@853#dns.example.net',
    ])
  })

  it('takes values without a space before them, values with colons, and an attribute beside its clause', () => {
    expect(attributesOf('server: port:5353\n  interface: ::\n  interface:::1\n  interface: fe80::1\r\n')).to.deep.equal(
      ['server/port|5353', 'server/interface|::', 'server/interface|::1', 'server/interface|fe80::1'],
    )
  })

  it('has included files in place of the line that names them', () => {
    const files = { 'd/a': 'port: 1\n', 'd/b': 'stub-zone:\n name: x\n', c: ' do-ip4: no\n' }
    expect(attributesOf('server:\ninclude: "d/*"\ninclude: c\n', files)).to.deep.equal([
      'server/port|1',
      'stub-zone/name|x',
      'stub-zone/do-ip4|no',
    ])
  })

  it('tells every line that makes no sense', () => {
    const told = (text: string, files = {}) => {
      try {
        return attributesOf(text, files)
      } catch (error) {
        expect(error).to.be.instanceOf(ConfigError)
        return (error as ConfigError).message.split('\n')
      }
    }
    expect(told('port: 53\nserver:\n what\n identity: "x\n include: gone\n')).to.deep.equal([
      'unbound.conf:1: found port: before any clause; allowed: unbound.conf; put "server:" above it',
      'unbound.conf:3: found "what"; allowed: unbound.conf; write "name: value", a line each',
      'unbound.conf:4: found a quote that does not end; allowed: unbound.conf; end it on the same line',
      'unbound.conf:5: found include: gone, which cannot be read (no such file); allowed: unbound.conf; correct the path',
    ])
    expect(told('include: a\n', { a: 'include: a\n' })[0]).to.include('files that include each other')
  })
})
