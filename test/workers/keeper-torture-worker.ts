/** A worker for the torture test: stores and reads as fast as it can, and checks every value it reads against the key it
 *  was read by. Says what it did when asked, and exits with code 3 at the first wrong value. */

import { LmdbStore } from '../../src/cache/lmdb-store.ts'
import { systemClock } from '../../src/io/clock.ts'
import { KeeperLink } from '../../workers/keeper-link.ts'

const [path, socketPath, sizeMaxText, stay] = process.argv.slice(2)
const KEYS = 20_000
const TURN_OPERATIONS = 60

const link = new KeeperLink({ socketPath, clock: systemClock })
const store = new LmdbStore({ path, clock: systemClock, outlet: link, sizeMax: Number(sizeMaxText) })
const report = { reads: 0, hits: 0, writes: 0, ranges: 0 }
let seed = process.pid

link.start(store)
process.send?.('started')
process.on('message', () => {
  const { readErrors, lastError, dropped } = store.stats()
  process.send?.({ ...report, readErrors, lastError, dropped, lost: link.counted.lost, isConnected: link.isConnected })
})
process.on('SIGTERM', () => void store.close().then(() => process.exit(0)))
process.on('disconnect', () => process.exit(0))
turn()

function turn(): void {
  for (let i = 0; i < TURN_OPERATIONS; i++) {
    const number = random() % KEYS
    const key = keyOf(number)
    if (i % 3 === 0) {
      store.put(key, valueFor(number, random()))
      report.writes++
    } else {
      const value = store.get(key)
      report.reads++
      if (value !== undefined) {
        check(number, value)
        report.hits++
      }
    }
  }
  const from = random() % KEYS
  let last = -1
  for (const { key, value } of store.range(keyOf(from), keyOf(KEYS), { limit: 10 })) {
    const number = Number(Buffer.from(key).toString('latin1').slice(1))
    if (number < from || number <= last) wrong(`range from ${from}: ${number} after ${last}`)
    check(number, value)
    last = number
  }
  report.ranges++
  if (random() % 5000 === 0) store.removeRange(keyOf(from), keyOf(from + 50))
  if (stay === 'survivor') setImmediate(turn)
  else setTimeout(turn, 2) // leaves the machine time to start others
}

function keyOf(number: number): Uint8Array {
  return Buffer.from(`k${String(number).padStart(6, '0')}`)
}

/** The key's number, a random version, and octets that follow from both; sometimes several pages of them. */
function valueFor(number: number, version: number): Uint8Array {
  const octets = version % 97 === 0 ? 12_000 : 40 + (version % 300)
  const value = Buffer.alloc(octets, (number * 31 + version) & 255)
  value.writeUInt32BE(number, 0)
  value.writeUInt32BE(version, 4)
  return value
}

function check(number: number, value: Uint8Array): void {
  const read = Buffer.from(value)
  if (read.length < 8 || !read.equals(valueFor(number, read.readUInt32BE(4)))) wrong(`value of ${number}`)
}

function wrong(what: string): never {
  console.error(`wrong: ${what}`)
  process.exit(3)
}

function random(): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed >>> 3
}
