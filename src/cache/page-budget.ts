/** Will a transaction make the cache file larger than it may become?
 *
 *  LMDB never writes to a page that a reader may still see. A transaction puts each page it changes, and those above it, in a
 *  fresh place, and notes the former places, which a later transaction may use: the next but one, or, while a reader holds an
 *  older snapshot, the next but one after that. Only while there are enough such places does the file keep its size. */

import type { Portion } from './batch.ts'

/** As `lmdb` gives them. */
export interface TreeStats {
  treeDepth: number
  treeBranchPageCount: number
  treeLeafPageCount: number
  overflowPages: number
  entryCount: number
}
export interface FileStats extends TreeStats {
  pageSize: number
  lastPageNumber: number
  lastTxnId: number
  /** The tree of places that may be used again. */
  free: TreeStats
}

/** The first two. */
const META_PAGES = 2
/** When a page is split in two, so many octets were put there since it was made, or since it was last split. */
const OCTETS_PER_SPLIT = 1024
/** But within one transaction many pages may happen to be full. */
const WRITES_PER_SPLIT = 8
/** Pages that entries next to each other are spread over may hold fewer of them than pages do on average. */
const UNEVENNESS = 1.5
/** Any transaction may take some more: the places it gives back are noted in pages, too. */
const SPARE = 8
/** Places noted in one page. */
const PLACES_PER_PAGE = 500

export type Work = Pick<Portion, 'writes' | 'octets' | 'longOctets'>

/** Pages that a transaction takes, at most. */
export function pagesFor({ writes, octets }: Work, stats: FileStats): number {
  const { treeDepth, treeLeafPageCount, treeBranchPageCount, free } = stats
  const changed =
    Math.min(writes, treeLeafPageCount) + Math.min(writes * Math.max(0, treeDepth - 1), treeBranchPageCount)
  const made = Math.ceil(octets / OCTETS_PER_SPLIT + writes / WRITES_PER_SPLIT)
  const noted = 2 * free.treeDepth + Math.ceil((changed + freePages(stats)) / PLACES_PER_PAGE)
  return changed + made + noted + SPARE
}

/** What it is to remove some of `entries` entries that are next to each other. */
export function removalOf(entries: number, { entryCount, treeLeafPageCount }: FileStats): Work {
  const pages = Math.ceil((UNEVENNESS * entries * treeLeafPageCount) / Math.max(1, entryCount)) + 1
  return { writes: Math.min(entries, pages), octets: 0, longOctets: 0 }
}

export function usedPages({ treeBranchPageCount, treeLeafPageCount, overflowPages }: TreeStats): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages
}

/** Places that may be used again, if not at once. */
function freePages(stats: FileStats): number {
  return Math.max(0, stats.lastPageNumber + 1 - META_PAGES - usedPages(stats) - usedPages(stats.free))
}

/** So many transactions are remembered; a snapshot from before them is in the way of everything. */
const REMEMBERED = 64

/** Keeps account of the places that were given back so lately that they cannot be used again yet. */
export class PageBudget {
  /** How many each transaction gave back, at most; the last first. */
  private readonly givenBack: number[] = []

  /** A transaction came about, which was thought to take so many pages. */
  note(pages: number, before: FileStats, after: FileStats): void {
    const reused = Math.max(0, pages - (after.lastPageNumber - before.lastPageNumber))
    this.givenBack.unshift(Math.max(0, freePages(after) - freePages(before) + reused))
    if (this.givenBack.length > REMEMBERED) this.givenBack.pop()
  }

  /** By how many pages the file grows at most. `oldest`: the transaction whose outcome the oldest reader sees; undefined: there is
   *  no reader. Values of several pages want places next to each other, and such may not be found. */
  growth(pages: number, { longOctets }: Work, stats: FileStats, oldest: number = stats.lastTxnId): number {
    return Math.max(0, pages - this.usable(stats, oldest), Math.ceil(longOctets / stats.pageSize))
  }

  private usable(stats: FileStats, oldest: number): number {
    const unusable = stats.lastTxnId - oldest + 1 // transactions whose places must be left alone
    if (unusable > 2 && unusable > this.givenBack.length) return 0
    const lately = this.givenBack.slice(0, Math.max(1, unusable)).reduce((sum, places) => sum + places, 0)
    return Math.max(0, freePages(stats) - lately)
  }
}
