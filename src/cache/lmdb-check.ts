/** Is an LMDB file whole? LMDB trusts what it maps, and a damaged page can end the process that reads it; so the keeper
 *  looks for itself before it opens a file, and before any worker does.
 *
 *    page     number u64 · transaction u64 · pad u16 · flags u16 · lower u16 · upper u16 · places of nodes u16…
 *    meta     page head · magic u32 · version u32 · address u64 · map size u64 · free tree · main tree · last page u64 ·
 *             transaction u64                                     pages 0 and 1; the later transaction counts
 *    tree     page size u32 · flags u16 · depth u16 · branch, leaf and overflow pages u64 · entries u64 · root u64
 *    node     low u16 · high u16 · flags u16 · key length u16 · key · value, or of a large one: page u64 · – u64 · pages u64
 *
 *  All in the byte order of the machine: a file of the other one has another magic. This is the format of the LMDB that
 *  comes with `lmdb` 3.5, version 2. */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const MAGIC = 0xbeefc0de
const VERSION = 2
const PAGE_HEAD = 24
const NODE_HEAD = 8
const NO_PAGE = 0xffff_ffff_ffff_ffffn
const Flag = { BRANCH: 1, LEAF: 2, OVERFLOW: 4, META: 8 }
const LARGE_VALUE = 1
const FIRST_TREE = PAGE_HEAD + 24
const TREE_OCTETS = 48
/** The walk ends after so many pages: of a very large file the rest is taken on trust, or starting would take too long. */
const MAX_PAGES = 262_144
const MAX_DEPTH = 32

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

interface Tree {
  depth: number
  branchPages: number
  leafPages: number
  overflowPages: number
  entries: number
  root: bigint
}

/** What is wrong with the file, in a few words; undefined: nothing that could be seen. */
export function findDamage(path: string): string | undefined {
  const file = openSync(path, 'r')
  try {
    new FileCheck(file).run()
    return undefined
  } catch (error) {
    if (error instanceof Damage) return error.message
    throw error
  } finally {
    closeSync(file)
  }
}

class Damage extends Error {}

function ensure(condition: boolean, complaint: string): asserts condition {
  if (!condition) throw new Damage(complaint)
}

class FileCheck {
  private readonly file: number
  private readonly octets: number
  private pageSize = 0
  private pages = 0
  private seen = new Uint8Array(0)
  private walked = 0
  private readonly found = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 }

  constructor(file: number) {
    this.file = file
    this.octets = fstatSync(file).size
  }

  run(): void {
    const meta = this.read(0, PAGE_HEAD + 160)
    ensure(u32(meta, PAGE_HEAD) === MAGIC, 'it is no LMDB file of this byte order')
    ensure((u32(meta, PAGE_HEAD + 4) & 0xffff) === VERSION, 'it is of another version of LMDB')
    this.pageSize = u32(meta, FIRST_TREE)
    ensure([4096, 8192, 16_384, 32_768].includes(this.pageSize), 'it has pages of an odd size')
    const other = this.read(this.pageSize, PAGE_HEAD + 160)
    for (const [place, page] of [meta, other].entries()) {
      ensure(u64(page, 0) === BigInt(place) && (u16(page, 18) & Flag.META) !== 0, 'it has a broken head')
      ensure(u32(page, PAGE_HEAD) === MAGIC && u32(page, FIRST_TREE) === this.pageSize, 'it has a broken head')
    }
    const trees = FIRST_TREE + 2 * TREE_OCTETS
    const newest = u64(other, trees + 8) > u64(meta, trees + 8) ? other : meta
    const last = u64(newest, trees)
    ensure(last >= 1n && last < 0x1_0000_0000_0000n, 'it has a broken head')
    this.pages = Math.min(Number(last) + 1, Math.floor(this.octets / this.pageSize)) // free pages at the end may be missing
    this.seen = new Uint8Array((this.pages >> 3) + 1)
    for (const at of [FIRST_TREE, FIRST_TREE + TREE_OCTETS]) this.checkTree(treeAt(newest, at))
  }

  private checkTree(tree: Tree): void {
    if (tree.root === NO_PAGE) return
    ensure(tree.depth >= 1 && tree.depth <= MAX_DEPTH, 'its tree has no sensible depth')
    Object.assign(this.found, { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 })
    this.checkPage(tree.root, tree.depth)
    if (this.walked >= MAX_PAGES) return
    const { branchPages, leafPages, overflowPages, entries } = this.found
    ensure(
      branchPages === tree.branchPages && leafPages === tree.leafPages && overflowPages === tree.overflowPages,
      'pages are missing from its tree',
    )
    ensure(entries === tree.entries, 'entries are missing from its tree')
  }

  /** Checks a page of the tree and all below it; `height` is 1 for a leaf. */
  private checkPage(number: bigint, height: number): void {
    if (this.walked++ >= MAX_PAGES) return
    this.claim(number, 1)
    const page = this.read(Number(number) * this.pageSize, this.pageSize)
    const flags = u16(page, 18)
    const lower = u16(page, 20)
    const upper = u16(page, 22)
    ensure(u64(page, 0) === number, 'a page is not what its place says')
    ensure((flags & 15) === (height === 1 ? Flag.LEAF : Flag.BRANCH), 'a page is of the wrong kind')
    ensure(lower <= upper && upper <= this.pageSize - PAGE_HEAD && lower % 2 === 0, 'a page contradicts itself')
    const nodes = lower >> 1
    ensure(nodes > (height === 1 ? 0 : 1), 'a page is empty')
    if (height === 1) {
      this.found.leafPages++
      this.found.entries += nodes
    } else this.found.branchPages++
    for (let i = 0; i < nodes; i++) {
      const node = PAGE_HEAD + u16(page, PAGE_HEAD + 2 * i)
      ensure(node >= PAGE_HEAD + upper && node + NODE_HEAD <= this.pageSize, 'a node lies outside its page')
      const value = node + NODE_HEAD + u16(page, node + 6)
      ensure(value <= this.pageSize, 'a key lies outside its page')
      if (height === 1) this.checkValue(page, node, value)
      else this.checkPage(childOf(page, node), height - 1)
    }
  }

  private checkValue(page: DataView, node: number, value: number): void {
    const octets = valueLength(page, node)
    if ((u16(page, node + 4) & LARGE_VALUE) === 0) {
      ensure(value + octets <= this.pageSize, 'a value lies outside its page')
      return
    }
    ensure(value + 24 <= this.pageSize, 'a value lies outside its page')
    const first = u64(page, value)
    const count = Number(u64(page, value + 16))
    ensure(count >= 1 && octets <= count * this.pageSize - PAGE_HEAD, 'a large value is longer than its pages')
    this.claim(first, count)
    const head = this.read(Number(first) * this.pageSize, PAGE_HEAD)
    ensure(u64(head, 0) === first && (u16(head, 18) & 15) === Flag.OVERFLOW, 'a large value is not where it should be')
    this.found.overflowPages += count
  }

  /** Pages belong to one owner, and lie in the file. */
  private claim(first: bigint, count: number): void {
    ensure(first >= 2n && first + BigInt(count) <= BigInt(this.pages), 'it has been cut short')
    for (let page = Number(first), end = page + count; page < end; page++) {
      ensure((this.seen[page >> 3] & (1 << (page & 7))) === 0, 'a page is used twice')
      this.seen[page >> 3] |= 1 << (page & 7)
    }
  }

  private read(at: number, octets: number): DataView {
    const buffer = new Uint8Array(octets)
    ensure(at + octets <= this.octets && readSync(this.file, buffer, 0, octets, at) === octets, 'it has been cut short')
    return new DataView(buffer.buffer)
  }
}

function treeAt(page: DataView, at: number): Tree {
  return {
    depth: u16(page, at + 6),
    branchPages: Number(u64(page, at + 8)),
    leafPages: Number(u64(page, at + 16)),
    overflowPages: Number(u64(page, at + 24)),
    entries: Number(u64(page, at + 32)),
    root: u64(page, at + 40),
  }
}

/** The first two fields of a node, and of a branch the flags as well, make one number. */
function valueLength(page: DataView, node: number): number {
  const [low, high] = isLittleEndian ? [node, node + 2] : [node + 2, node]
  return u16(page, high) * 0x1_0000 + u16(page, low)
}

function childOf(page: DataView, node: number): bigint {
  return (BigInt(u16(page, node + 4)) << 32n) | BigInt(valueLength(page, node))
}

function u16(page: DataView, at: number): number {
  return page.getUint16(at, isLittleEndian)
}

function u32(page: DataView, at: number): number {
  return page.getUint32(at, isLittleEndian)
}

function u64(page: DataView, at: number): bigint {
  return page.getBigUint64(at, isLittleEndian)
}
