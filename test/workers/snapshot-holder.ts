/** Holds a snapshot of a cache file, argument 1, from the moment it says so until it is ended. */

import { open } from 'lmdb'
import { readerOptions } from '../../src/cache/lmdb-file.ts'

const db = open<Uint8Array, Uint8Array>(readerOptions(process.argv[2], 1024 * 1024))
const held = db.useReadTransaction()
db.getBinary(Buffer.from('any'))
process.send?.('holding')
process.on('message', () => {
  held.done()
  process.disconnect()
})
