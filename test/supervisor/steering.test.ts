import { expect } from 'chai'
import { steeringProgram } from '../../supervisor/steering.ts'

/** Runs a program as the kernel would, for a connection from `port`; only what such programs use. */
function run(program: ReturnType<typeof steeringProgram>, port: number): number {
  let accumulator = 0
  for (let at = 0; ; at++) {
    const [code, jumpTrue, jumpFalse, constant] = program[at]
    if (code === 0x28) accumulator = port
    else if (code === 0x24) accumulator = Math.imul(accumulator, constant) >>> 0
    else if (code === 0x74) accumulator >>>= constant
    else if (code === 0x54) accumulator = (accumulator & constant) >>> 0
    else if (code === 0x94) accumulator %= constant
    else if (code === 0x15) at += accumulator === constant ? jumpTrue : jumpFalse
    else if (code === 0x06) return constant
    else throw new Error(`unknown instruction ${code}`)
  }
}

describe('steeringProgram', () => {
  it('chooses only the places named, and each of them about as often', () => {
    const places = [0, 2, 5]
    const counts = new Map<number, number>()
    for (let port = 1024; port < 61_024; port++) {
      const place = run(steeringProgram(4, places), port)
      counts.set(place, (counts.get(place) ?? 0) + 1)
    }
    expect([...counts.keys()].sort()).to.deep.equal(places)
    for (const count of counts.values()) expect(count).to.be.within(19_000, 21_000)
  })

  it('reads the port behind a header of either family', () => {
    expect(steeringProgram(4, [0])[0][3]).to.equal(-0x10_0000 + 20)
    expect(steeringProgram(6, [0])[0][3]).to.equal(-0x10_0000 + 40)
  })
})
