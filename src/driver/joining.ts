/** Who asks the same? Of identical questions under way one leads and is pursued; the others follow it and get its outcome.
 *  How many lead, and how many follow one, is bounded; and nobody is made to wait for what waits for it. */

import type { Request } from '../request.ts'
import type { Settings } from '../settings.ts'
import { nameToText } from '../wire/name.ts'
import { NameTable } from '../wire/name-table.ts'
import { Ede, typeText } from '../wire/types.ts'
import type { CoreCounters } from './counters.ts'
import { NOBODY, type Pursuit } from './pursuit.ts'

/** A question that waits for something. */
export interface Waiting {
  request: Request
  /** `reply`: of the server that `request.query` went to; `others`: what it depends on; `turn`: for others to have theirs. */
  waitsFor: 'reply' | 'others' | 'turn'
  /** Who asked the same, and gets the same outcome. */
  joined: readonly Request[]
}

export class Joining {
  readonly #leaders = new NameTable<Pursuit>()
  readonly #limits: Pick<Settings, 'maxJoined' | 'maxRecursions'>
  readonly #counters: Pick<CoreCounters, 'joined' | 'refusedJoins' | 'refusedRecursions'>

  constructor(
    limits: Pick<Settings, 'maxJoined' | 'maxRecursions'>,
    counters: Pick<CoreCounters, 'joined' | 'refusedJoins' | 'refusedRecursions'>,
  ) {
    this.#limits = limits
    this.#counters = counters
  }

  /** Who is after the same already. */
  leaderFor({ hash, request }: Pursuit): Pursuit | undefined {
    let leader = this.#leaders.first(hash)
    while (leader !== undefined && !leader.request.isFor(request)) leader = leader.nextFiled
    return leader
  }

  /** From now on others can follow. False, and the request says why: too many lead already for one more of a client's. */
  lead(pursuit: Pursuit): boolean {
    const { request } = pursuit
    if (request.parent === undefined && this.#leaders.size >= this.#limits.maxRecursions) {
      this.#counters.refusedRecursions++ // what the cache answers never comes here
      request.addEde(Ede.OTHER, 'too many questions wait for other servers')
      return false
    }
    this.#leaders.add(pursuit)
    pursuit.leads = true
    return true
  }

  /** Waits for the outcome of `leader`. False, and the request says why: it would be for ever, or too many do. */
  follow(pursuit: Pursuit, leader: Pursuit): boolean {
    const { request } = pursuit
    if (waitsFor(leader, pursuit)) {
      request.loops++
      request.addEde(Ede.OTHER, `${nameToText(request.qname)} ${typeText(request.qtype)} depends on itself`)
      return false
    }
    if (leader.followers.length >= this.#limits.maxJoined) {
      this.#counters.refusedJoins++
      request.addEde(Ede.OTHER, 'too many clients wait for the same answer')
      return false
    }
    this.#counters.joined++
    if (leader.followers === NOBODY) leader.followers = []
    leader.followers.push(pursuit)
    pursuit.leader = leader
    return true
  }

  /** Neither leads nor follows any more. Who has followed it and is to hear of the outcome. */
  leave(pursuit: Pursuit): readonly Pursuit[] {
    const { followers } = pursuit
    if (pursuit.leads) this.#leaders.remove(pursuit)
    pursuit.leads = false
    if (pursuit.leader !== undefined) remove(pursuit.leader.followers, pursuit)
    pursuit.leader = undefined
    pursuit.followers = NOBODY
    return followers
  }

  /** All who lead, in no order. */
  leaders(): Pursuit[] {
    return this.#leaders.all()
  }

  /** Questions that wait, those that others depend on included; the first `limit` in the order they began. */
  waiting(limit: number): Waiting[] {
    const inOrder = this.#leaders.all().sort((a, b) => a.request.serial - b.request.serial)
    return inOrder.slice(0, limit).map(({ request, exchange, followers }) => ({
      request,
      waitsFor: exchange !== undefined ? 'reply' : request.isExpecting ? 'others' : 'turn',
      joined: followers.map((follower) => follower.request),
    }))
  }
}

/** Whether `leader` cannot end before `pursuit`, or one it serves, does: to wait for it would be for ever. */
function waitsFor(leader: Pursuit, pursuit: Pursuit): boolean {
  const lineage = new Set<Pursuit>()
  for (let p: Pursuit | undefined = pursuit; p !== undefined; p = p.parent) lineage.add(p)
  const seen = new Set<Pursuit>()
  const open = [leader]
  for (let p = open.pop(); p !== undefined; p = open.pop()) {
    if (lineage.has(p)) return true
    if (seen.has(p)) continue
    seen.add(p)
    if (p.subs !== undefined) open.push(...p.subs.values())
    if (p.leader !== undefined) open.push(p.leader)
  }
  return false
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item)
  if (at >= 0) list.splice(at, 1)
}
