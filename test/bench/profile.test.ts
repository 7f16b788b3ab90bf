import { expect } from 'chai'
import { placesOf } from './profile.ts'

const frame = (functionName: string, lineNumber = 0) => ({ functionName, url: 'node:x', lineNumber })

describe('placesOf', () => {
  it('adds up own time, and counts a function that calls itself once', () => {
    const places = placesOf({
      nodes: [
        { id: 1, callFrame: { functionName: '(root)', url: '', lineNumber: -1 }, children: [2, 4] },
        { id: 2, callFrame: frame('walk'), children: [3] },
        { id: 3, callFrame: frame('walk') },
        { id: 4, callFrame: { functionName: '(idle)', url: '', lineNumber: -1 } },
      ],
      samples: [2, 3, 4],
      timeDeltas: [10, 20, 1000],
    })
    expect(places).to.deep.equal([{ where: 'walk node:x:1', selfUs: 30, totalUs: 30 }])
  })
})
