import { expect } from 'chai'
import { makeConfig } from '../../../src/config/load.ts'
import type { ConfigInput } from '../../../src/config/schema.ts'
import { chooseView, compileViews, covers } from '../../../src/modules/views/choose.ts'

const compile = (views: ConfigInput['views']) => compileViews(makeConfig({ views }).views)
const client = (...address: number[]) => ({ overUdp: true, address: Uint8Array.from(address), port: 1 })

describe('chooseView', () => {
  it('goes by the address that was asked, where the listener knows it', () => {
    const views = compile([{ subnets: '192.0.2.0/24' }, { subnets: '192.0.2.0/25', 'dst-subnet': '198.51.100.1' }])
    const asked = (...destination: number[]) => ({ ...client(192, 0, 2, 1), destination: Uint8Array.from(destination) })
    expect(chooseView(views, asked(198, 51, 100, 1))?.index).to.equal(1)
    expect(chooseView(views, asked(198, 51, 100, 2))?.index).to.equal(0)
    expect(chooseView(views, client(192, 0, 2, 1))?.index).to.equal(0)
  })

  it('takes a client of IPv4 on a socket of IPv6 for what it is', () => {
    const views = compile([{ subnets: '192.0.2.0/24' }])
    const mapped = client(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7)
    expect(chooseView(views, mapped)?.index).to.equal(0)
  })

  it('lets views for which the same holds share answers under way', () => {
    const [a, b, c] = compile([
      { subnets: '192.0.2.0/25', tags: ['x', 'y'] },
      { subnets: '192.0.2.128/25', tags: ['y', 'x'] },
      { subnets: '198.51.100.0/24', tags: ['x'] },
    ])
    expect(a.key).to.equal(b.key)
    expect(a.key).not.to.equal(c.key)
  })
})

describe('covers', () => {
  it('tells whether some view is about an address', () => {
    const views = compile([{ subnets: '192.0.2.0/24', protocols: 'tcp' }])
    expect(covers(views, Uint8Array.of(192, 0, 2, 1))).to.equal(true)
    expect(covers(views, Uint8Array.of(192, 0, 3, 1))).to.equal(false)
    expect(covers([], Uint8Array.of(192, 0, 2, 1))).to.equal(false)
    expect(covers(compile([{ tags: 'x' }]), Uint8Array.of(192, 0, 2, 1))).to.equal(true)
  })
})
