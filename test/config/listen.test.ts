import { expect } from 'chai'
import { listenAddresses, parseInterface } from '../../src/config/listen.ts'

describe('parseInterface', () => {
  const right: [string, string, 4 | 6, number | undefined][] = [
    ['127.0.0.1', '127.0.0.1', 4, undefined],
    ['127.0.0.1@5300', '127.0.0.1', 4, 5300],
    ['0.0.0.0@1', '0.0.0.0', 4, 1],
    ['::', '::', 6, undefined],
    ['::1@65535', '::1', 6, 65_535],
    ['2001:DB8:0:0::1@53', '2001:db8::1', 6, 53],
  ]
  for (const [text, address, family, port] of right)
    it(`takes ${text} apart`, () => expect(parseInterface(text)).to.deep.equal({ address, family, port }))

  const wrong = [
    '',
    '@53',
    'lo',
    'localhost@53',
    '127.1',
    '127.0.0.1@',
    '127.0.0.1@0',
    '127.0.0.1@65536',
    '1.2.3.4@5@6',
  ]
  for (const text of [
    ...wrong,
    '127.0.0.1:53',
    '[::1]:53',
    'fe80::1%lo@53',
    '127.0.0.1@ 53',
    '127.0.0.0/8',
    '1.2.3.4@1e3',
  ])
    it(`refuses ${JSON.stringify(text)}`, () => expect(parseInterface(text)).to.equal(undefined))
})

describe('listenAddresses', () => {
  it('takes the port from the interface, else from the listener, else 53', () => {
    const listeners = [
      { interface: ['192.0.2.1@5300', '192.0.2.2'], kind: 'dns' },
      { interface: ['2001:db8::1'], port: 5353, kind: 'dns' },
    ] as const
    expect(listenAddresses(listeners)).to.deep.equal([
      { address: '192.0.2.1', family: 4, port: 5300, kind: 'dns' },
      { address: '192.0.2.2', family: 4, port: 53, kind: 'dns' },
      { address: '2001:db8::1', family: 6, port: 5353, kind: 'dns' },
    ])
  })
})
